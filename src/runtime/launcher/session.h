/* A terminal of the cell's own, for a command that people work with: a pair of pseudo-terminals (pty(7)). */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

struct session {
  int master; /* what is written here is typed; what the command writes is read here */
  int slave;  /* the command's standard streams */
};

/*
 * Opens a terminal of the devpts of the file systems that this process sees, which is that of its cell, with the size
 * of the plan and for the plan's user. False with the failure reported. Nothing but devpts is used: what lies at its
 * path may be of somebody else's making.
 */
bool session_open(const struct plan *plan, struct session *session, struct report *report);
/* Makes the terminal the controlling one of this process, which leads a session. False with errno. */
bool session_control(int slave);
/* Changes the size: the processes in the foreground get SIGWINCH. False with errno. */
bool session_resize(int master, unsigned rows, unsigned columns);
/* The character that ends the input of a reader in canonical mode (termios(3)); Ctrl-D unless the command changed it.
 */
unsigned char session_end_of_input(int master);

/* Sends bytes, and the descriptor `fd` with them unless it is negative. False with errno. */
bool session_send_bytes(int socket, const void *bytes, size_t length, int fd);
/* Receives bytes, and in `fd` the descriptor that came with them, or -1. As recv(2). */
long session_receive_bytes(int socket, void *bytes, size_t most, int *fd);
/* Sends a report, and the descriptor `fd` with it unless it is negative. False with errno. */
bool session_send(int socket, const struct report *report, int fd);
/* Receives a report, and in `fd` the descriptor that came with it, or -1. False when there is none. */
bool session_receive(int socket, struct report *report, int *fd);

#endif
