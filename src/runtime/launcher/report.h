/* What init and the command's process tell the supervisor, and what the supervisor tells init. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

enum report_kind {
  REPORT_FAILED = 1, /* a step failed; nothing of the job has run */
  REPORT_FURNISHED,  /* the cell is ready; init waits for ORDER_EXECUTE */
  REPORT_READY,      /* the command's process is about to execute: the end of its channel says that it did */
  REPORT_ENDED,      /* the command ended: status is its wait status; init waits for ORDER_LEAVE before it reaps it */
};

/* One message on a SOCK_SEQPACKET socket or, below PIPE_BUF, on a pipe: none arrives in part. */
struct report {
  uint32_t kind;
  int32_t error;  /* errno of the failure */
  uint32_t index; /* of the plan's step, where the step is one of a list */
  int32_t status; /* wait status */
  char step[24];  /* name of what failed: "mount", "execute", ... */
  char subject[1024]; /* what it failed on: a path, a file, a command */
  char second[256];   /* what that needed and was missing: the interpreter of a script */
};

enum order_kind {
  ORDER_FURNISH = 1, /* the id maps are written */
  ORDER_EXECUTE,     /* the start is recorded: go */
  ORDER_SIGNAL,      /* send `signal` to the command */
  ORDER_LEAVE,       /* the end of the command is known: end the cell */
};

struct order {
  uint32_t kind;
  int32_t signal;
};

/* Fills in a failure; `subject` may be NULL. errno is taken as the error. */
void report_failure(struct report *report, const char *step, const char *subject);

#endif
