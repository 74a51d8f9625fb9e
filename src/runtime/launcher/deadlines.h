/* When a job has run for too long: its timeout, the grace period of a stop, and its CPU time. */
#ifndef DEADLINES_H
#define DEADLINES_H

#include <stdint.h>

#include "cgroup.h"
#include "plan.h"
#include "record.h"

/* Times are in nanoseconds of the monotonic clock; what does not apply is INT64_MAX. */
struct deadlines {
  const struct plan *plan;
  const struct cgroup *cgroup;
  int64_t timeout_ns;      /* when the cell is killed for it */
  int64_t timeout_left_ns; /* until then, while the cell is paused */
  int64_t grace_ns;        /* when a cell that was stopped is killed */
  int64_t cpu_check_ns;    /* when CPU time is read next */
  int64_t cpu_pause_ns;    /* between the last two readings */
  int64_t cpu_end_us;      /* the limit as the cgroup counts: what it took to make the cell is included */
  int64_t cpu_left_us;     /* at the last reading */
};

/* None of them applies yet. */
void deadlines_init(struct deadlines *deadlines, const struct plan *plan, const struct cgroup *cgroup);
/* The command runs: from now on the limits of the plan count. */
void deadlines_start(struct deadlines *deadlines, int64_t now_ns);
/* The cell is frozen: timeout and CPU time wait, the grace period does not. */
void deadlines_pause(struct deadlines *deadlines, int64_t now_ns);
/* The cell runs again: what was left of its timeout, and its CPU time, count from now on. */
void deadlines_resume(struct deadlines *deadlines, int64_t now_ns);
/* Starts a grace period, unless one that is already running ends earlier. */
void deadlines_stop(struct deadlines *deadlines, int64_t now_ns, int64_t grace_ms);
/* Milliseconds until the next call of deadlines_check(), -1: none is needed. */
int deadlines_wait_ms(const struct deadlines *deadlines, int64_t now_ns);
/* The reason for which the cell has to be killed now; each is returned once. CAUSE_NONE: it continues. */
enum cause deadlines_check(struct deadlines *deadlines, int64_t now_ns);

#endif
