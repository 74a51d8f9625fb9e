/*
 * The control socket of a running job, "control" in its folder: lines of text over a stream.
 *
 * The supervisor greets with "starting" or "running NS PAUSED" (wall clock of the start, and of the pause or 0), and
 * sends "running NS 0", "paused NS" and "resumed" when these happen, and "room" when the command has read on after a
 * write that was not accepted in full. It accepts:
 *
 *   stop MS      sends the plan's signal to the processes of its scope, and kills the cell when they have ended or MS
 *                milliseconds later; thaws a paused cell
 *   signal N     sends signal N to the command; a paused one receives it when it is resumed
 *   pause        freezes all processes of the cell: "paused" follows once they are frozen
 *   resume       thaws them: "resumed" follows once they run
 *   save         copies what a paused cell has changed of its image into the job's folder (keep.h); answered when that
 *                is done
 *   resize ROWS COLUMNS
 *                changes the size of the terminal
 *   join         sends a pidfd of init with the "ok", for a supervisor that runs another command in the cell
 *   files        hands the connection to a process in the cell, which answers instead and carries out one request for
 *                files (files.h), which follows
 *   write OFFSET LENGTH END
 *                writes to the standard input of the command: LENGTH bytes, at most CONTROL_PAYLOAD, follow the line;
 *                OFFSET counts all that were written before, and the input ends after them if END is 1
 *
 * and answers each with "ok", or with "error TEXT" when the request is unknown or cannot be carried out. A write is
 * answered with "accepted TOTAL", the bytes that were accepted so far, or with "error WHY TOTAL" (see input.h). The
 * connection ends with the supervisor.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input.h"

#define CONTROL_CONNECTIONS 8
#define CONTROL_LINE 64
#define CONTROL_PAYLOAD (64u << 10)

enum request_kind {
  REQUEST_STOP,
  REQUEST_SIGNAL,
  REQUEST_PAUSE,
  REQUEST_RESUME,
  REQUEST_SAVE,
  REQUEST_RESIZE,
  REQUEST_JOIN,
  REQUEST_FILES,
  REQUEST_WRITE
};

struct request {
  enum request_kind kind;
  int64_t number;           /* milliseconds, or a signal */
  int fd;                   /* set by who carries out a join: what is sent, and stays open; for files: the connection */
  unsigned rows, columns;   /* of a terminal, from 1 to UINT16_MAX */
  struct input_write input; /* of a write; for files: what has arrived after the line */
  uint64_t accepted;        /* set by who carries out a write: bytes accepted so far */
};

struct control_connection {
  int fd;
  char line[CONTROL_LINE];
  size_t length;
  struct request request; /* the one whose payload arrives */
  unsigned char *payload; /* CONTROL_PAYLOAD bytes, once there was one */
  size_t received;        /* bytes of it */
  bool receives;
};

struct control {
  int listener;
  struct control_connection connections[CONTROL_CONNECTIONS];
};

/* Binds "control" in the current folder and listens. */
bool control_open(struct control *control);
/* Accepts a connection and greets it. NULL when there was none or CONTROL_CONNECTIONS are open. */
struct control_connection *control_accept(struct control *control, const char *greeting);
/* Sends a line to every connection. */
void control_broadcast(struct control *control, const char *line);
/* Carries out a request. NULL, or a few words on why that is not possible. */
typedef const char *control_act(void *context, struct request *request);

/*
 * Reads from a connection, and carries out and answers each complete request. False when the connection has ended (it
 * is closed then).
 */
bool control_read(struct control_connection *connection, control_act *act, void *context);
/* Whether there is a connection, other than those that were handed over. */
bool control_connected(const struct control *control);
/*
 * Accepts no more connections and removes the socket file. Open connections last until the process exits: for the
 * other side their end means that the exit record exists, or never will.
 */
void control_close(struct control *control);

#endif
