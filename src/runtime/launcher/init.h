/* PID 1 of the cell; or, outside its pid namespace, what executes another command in a cell and waits for it. */
#ifndef INIT_H
#define INIT_H

#include "plan.h"

struct init_fds {
  int socket;     /* to the supervisor, SOCK_SEQPACKET: orders in, reports out */
  int root;       /* the cell's root, a detached mount */
  int channel;    /* to the supervisor, close-on-exec: reports of the command's process, see command.h */
  int streams[3]; /* the command's standard streams; -1: not open yet */
  int cell;       /* a pidfd of init of the cell to join; -1: this is the init of a new one */
};

/* Runs as PID 1 until the command has ended or the supervisor is gone. */
__attribute__((noreturn)) void init_run(struct plan *plan, struct init_fds *fds);

#endif
