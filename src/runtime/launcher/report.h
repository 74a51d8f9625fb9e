/* Messages of init and of the command's process to the supervisor (reports), and of the supervisor to init (orders). */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

enum report_kind {
  REPORT_FAILED = 1, /* a step failed; nothing of the job has run */
  REPORT_FURNISHED,  /* the cell is ready; init waits for ORDER_EXECUTE, or if it was prepared for ORDER_TAKE */
  REPORT_READY,      /* the command's process is about to execute; when its channel closes after this, it did */
  REPORT_ENDED,      /* the command ended: status is its wait status; init waits for ORDER_LEAVE before it reaps it */
};

/* One message on a SOCK_SEQPACKET socket, or on a pipe (shorter than PIPE_BUF): none arrives in part. */
struct report {
  uint32_t kind;
  int32_t error;      /* errno of the failure */
  uint32_t index;     /* of the plan's step, where the step is one of a list */
  int32_t status;     /* wait status */
  char step[24];      /* name of what failed: "mount", "execute", ... */
  char subject[1024]; /* what it failed on: a path, a file, a command */
  char second[256];   /* what `subject` needs and is missing: the interpreter of a script */
};

enum order_kind {
  ORDER_FURNISH = 1, /* the ID maps are written */
  ORDER_PREPARE,     /* as ORDER_FURNISH, but which job the cell is for is not known yet */
  ORDER_TAKE,        /* it is: a handover follows, and what of the plan is the job's own is to be done */
  ORDER_EXECUTE,     /* the start is on disk */
  ORDER_SIGNAL,      /* send `signal` to the processes of `scope` */
  ORDER_LEAVE,       /* the wait status of the command is known: exit, once those of `scope` have ended */
};

/* Signals have the numbers 1 to this (signal(7)). */
#define KERNEL_SIGNALS 64

/* Processes of the cell. The command leads a process group, which the processes that it starts are in by default. */
enum scope { SCOPE_COMMAND, SCOPE_GROUP, SCOPE_CELL };

struct order {
  uint32_t kind;
  int32_t signal;
  uint32_t scope;
};

/* Fills in a failure with the current errno; `subject` may be NULL. */
void report_failure(struct report *report, const char *step, const char *subject);

#endif
