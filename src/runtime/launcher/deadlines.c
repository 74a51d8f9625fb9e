#define _GNU_SOURCE
#include "deadlines.h"

#include <unistd.h>

#define NEVER INT64_MAX
/* CPU time is read when it could have run out, but not more often than this. */
#define CPU_CHECK_LEAST_NS 5000000
#define CPU_CHECK_IDLE_NS 250000000
#define LONGEST_WAIT_MS 3600000

void deadlines_init(struct deadlines *deadlines, const struct plan *plan, const struct cgroup *cgroup) {
  *deadlines =
      (struct deadlines){.plan = plan, .cgroup = cgroup, .timeout_ns = NEVER, .grace_ns = NEVER, .cpu_check_ns = NEVER};
}

void deadlines_start(struct deadlines *deadlines, int64_t now_ns) {
  const struct plan *plan = deadlines->plan;
  if (plan->timeout_ms != 0) deadlines->timeout_ns = now_ns + (int64_t)plan->timeout_ms * 1000000;
  if (plan->cpu_time_us == 0) return;
  int64_t used_us = cgroup_cpu_time(deadlines->cgroup);
  deadlines->cpu_end_us = (int64_t)plan->cpu_time_us + (used_us < 0 ? 0 : used_us);
  deadlines->cpu_check_ns = now_ns;
}

void deadlines_pause(struct deadlines *deadlines, int64_t now_ns) {
  /* Never, when it has not begun or is over: a cell can be frozen before its command is executed. */
  deadlines->timeout_left_ns = deadlines->timeout_ns == NEVER ? NEVER : deadlines->timeout_ns - now_ns;
  deadlines->timeout_ns = deadlines->cpu_check_ns = NEVER;
}

void deadlines_resume(struct deadlines *deadlines, int64_t now_ns) {
  if (deadlines->timeout_left_ns != NEVER) deadlines->timeout_ns = now_ns + deadlines->timeout_left_ns;
  if (deadlines->cpu_end_us != 0) deadlines->cpu_check_ns = now_ns;
}

void deadlines_stop(struct deadlines *deadlines, int64_t now_ns, int64_t grace_ms) {
  int64_t most_ms = (NEVER - now_ns) / 1000000;
  int64_t until_ns = now_ns + (grace_ms < most_ms ? grace_ms : most_ms) * 1000000;
  if (until_ns < deadlines->grace_ns) deadlines->grace_ns = until_ns;
}

int deadlines_wait_ms(const struct deadlines *deadlines, int64_t now_ns) {
  int64_t next_ns = deadlines->timeout_ns < deadlines->grace_ns ? deadlines->timeout_ns : deadlines->grace_ns;
  if (deadlines->cpu_check_ns < next_ns) next_ns = deadlines->cpu_check_ns;
  if (next_ns == NEVER) return -1;
  if (next_ns <= now_ns) return 0;
  int64_t left_ms = (next_ns - now_ns + 999999) / 1000000;
  return left_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)left_ms;
}

/*
 * Reads the CPU time that is left, and decides when to read it next: all CPUs together cannot use it up sooner. A cell
 * that uses none is checked less and less often. Returns true when none is left.
 */
static bool check_cpu_time(struct deadlines *deadlines, int64_t now_ns) {
  int64_t left_us = deadlines->cpu_end_us - cgroup_cpu_time(deadlines->cgroup);
  if (left_us <= 0) return true;
  int64_t soonest_ns = left_us * 1000 / sysconf(_SC_NPROCESSORS_ONLN);
  if (soonest_ns < CPU_CHECK_LEAST_NS) soonest_ns = CPU_CHECK_LEAST_NS;
  int64_t idle_ns = 2 * deadlines->cpu_pause_ns;
  if (idle_ns > CPU_CHECK_IDLE_NS) idle_ns = CPU_CHECK_IDLE_NS;
  deadlines->cpu_pause_ns = left_us == deadlines->cpu_left_us && idle_ns > soonest_ns ? idle_ns : soonest_ns;
  deadlines->cpu_left_us = left_us;
  deadlines->cpu_check_ns = now_ns + deadlines->cpu_pause_ns;
  return false;
}

enum cause deadlines_check(struct deadlines *deadlines, int64_t now_ns) {
  if (now_ns >= deadlines->timeout_ns) {
    deadlines->timeout_ns = NEVER;
    return CAUSE_TIME;
  }
  if (now_ns >= deadlines->grace_ns) {
    deadlines->grace_ns = NEVER;
    return CAUSE_STOP;
  }
  if (now_ns >= deadlines->cpu_check_ns && check_cpu_time(deadlines, now_ns)) {
    deadlines->cpu_check_ns = NEVER;
    return CAUSE_CPU_TIME;
  }
  return CAUSE_NONE;
}
