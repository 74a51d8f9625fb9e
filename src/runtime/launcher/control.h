/*
 * The control socket of a running job, "control" in its folder: lines of text over a stream.
 *
 * The supervisor greets with "starting" or "running NS PAUSED" (wall clocks: of the start, and since when it is paused, or
 * 0), and tells "running NS 0", "paused NS" and "resumed" when that happens. It takes:
 *
 *   stop MS      SIGTERM to the command, and after MS milliseconds the end of the cell; lets a paused cell go on
 *   signal N     signal N to the command, which a paused one gets when it goes on
 *   pause        brings all processes of the cell to a stand: "paused" tells when they are
 *   resume       lets them go on: "resumed" tells that they do
 *
 * and answers each with "ok", or with "error TEXT" when it is none of these or cannot be done. The connection ends with
 * the supervisor.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_CONNECTIONS 8
#define CONTROL_LINE 64

struct control_connection {
  int fd;
  char line[CONTROL_LINE];
  size_t length;
};

struct control {
  int listener;
  struct control_connection connections[CONTROL_CONNECTIONS];
};

enum request_kind { REQUEST_STOP, REQUEST_SIGNAL, REQUEST_PAUSE, REQUEST_RESUME };

struct request {
  enum request_kind kind;
  int64_t number; /* milliseconds, or a signal */
};

/* Binds "control" in the current folder and listens. */
bool control_open(struct control *control);
/* Takes a new connection and greets it. Returns it, or NULL when there was none or all places are taken. */
struct control_connection *control_accept(struct control *control, const char *greeting);
/* Tells every connection. */
void control_tell(struct control *control, const char *line);
/* Carries out a request. NULL, or why it cannot be done: a few words. */
typedef const char *control_act(void *context, struct request request);

/*
 * Reads what came on a connection, and has each whole request carried out and answered. False when the connection has
 * ended (it is closed then).
 */
bool control_read(struct control_connection *connection, control_act *act, void *context);
/*
 * Takes no more connections and removes the socket's name. The connections stay open until the process ends:
 * for the other side their end says that the exit record is there, or never will be.
 */
void control_close(struct control *control);

#endif
