#define _GNU_SOURCE
#include "deadlines.h"

#include <unistd.h>

#define NEVER INT64_MAX
/* CPU time is read when it could have run out, but not more often than this. */
#define CPU_CHECK_LEAST_NS 5000000
#define CPU_CHECK_IDLE_NS 250000000
#define LONGEST_WAIT_MS 3600000

void deadlines_init(struct deadlines *deadlines, const struct plan *plan, const struct cgroup *cgroup) {
  *deadlines = (struct deadlines){.plan = plan, .cgroup = cgroup, .timeout = NEVER, .grace = NEVER, .cpu_check = NEVER};
}

void deadlines_start(struct deadlines *deadlines, int64_t now) {
  const struct plan *plan = deadlines->plan;
  if (plan->timeout_ms != 0) deadlines->timeout = now + (int64_t)plan->timeout_ms * 1000000;
  if (plan->cpu_time_us == 0) return;
  int64_t used_us = cgroup_cpu_time(deadlines->cgroup);
  deadlines->cpu_end_us = (int64_t)plan->cpu_time_us + (used_us < 0 ? 0 : used_us);
  deadlines->cpu_check = now;
}

void deadlines_pause(struct deadlines *deadlines, int64_t now) {
  if (deadlines->timeout != NEVER) deadlines->timeout_left = deadlines->timeout - now;
  deadlines->timeout = deadlines->cpu_check = NEVER;
}

void deadlines_resume(struct deadlines *deadlines, int64_t now) {
  if (deadlines->plan->timeout_ms != 0) deadlines->timeout = now + deadlines->timeout_left;
  if (deadlines->plan->cpu_time_us != 0) deadlines->cpu_check = now;
}

void deadlines_stop(struct deadlines *deadlines, int64_t now, int64_t grace_ms) {
  int64_t most_ms = (NEVER - now) / 1000000;
  int64_t until = now + (grace_ms < most_ms ? grace_ms : most_ms) * 1000000;
  if (until < deadlines->grace) deadlines->grace = until;
}

int deadlines_wait_ms(const struct deadlines *deadlines, int64_t now) {
  int64_t next = deadlines->timeout < deadlines->grace ? deadlines->timeout : deadlines->grace;
  if (deadlines->cpu_check < next) next = deadlines->cpu_check;
  if (next == NEVER) return -1;
  if (next <= now) return 0;
  int64_t left_ms = (next - now + 999999) / 1000000;
  return left_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)left_ms;
}

/*
 * Reads the CPU time that is left, and decides when to read it next: all CPUs together cannot use it up sooner. A cell
 * that uses none is looked at less and less often. True when none is left.
 */
static bool check_cpu_time(struct deadlines *deadlines, int64_t now) {
  int64_t left_us = deadlines->cpu_end_us - cgroup_cpu_time(deadlines->cgroup);
  if (left_us <= 0) return true;
  int64_t soonest = left_us * 1000 / sysconf(_SC_NPROCESSORS_ONLN);
  if (soonest < CPU_CHECK_LEAST_NS) soonest = CPU_CHECK_LEAST_NS;
  int64_t idle = 2 * deadlines->cpu_pause;
  if (idle > CPU_CHECK_IDLE_NS) idle = CPU_CHECK_IDLE_NS;
  deadlines->cpu_pause = left_us == deadlines->cpu_left_us && idle > soonest ? idle : soonest;
  deadlines->cpu_left_us = left_us;
  deadlines->cpu_check = now + deadlines->cpu_pause;
  return false;
}

enum cause deadlines_check(struct deadlines *deadlines, int64_t now) {
  if (now >= deadlines->timeout) {
    deadlines->timeout = NEVER;
    return CAUSE_TIME;
  }
  if (now >= deadlines->grace) {
    deadlines->grace = NEVER;
    return CAUSE_STOP;
  }
  if (now >= deadlines->cpu_check && check_cpu_time(deadlines, now)) {
    deadlines->cpu_check = NEVER;
    return CAUSE_CPU_TIME;
  }
  return CAUSE_NONE;
}
