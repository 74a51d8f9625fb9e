/* The job's cgroup: made, bounded, joined, read, killed, removed. */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

struct cgroup {
  const char *path; /* NULL where the plan has none */
  int fd;           /* its folder */
  int events;       /* its cgroup.events, for waiting */
};

/* Makes the cgroup and writes its settings, each read back. False with the failure reported. */
bool cgroup_make(struct cgroup *cgroup, const struct plan *plan, struct report *report);
/* Moves a process in: for kernels and seccomp filters that refuse CLONE_INTO_CGROUP. */
bool cgroup_join(const struct cgroup *cgroup, pid_t pid);
/* Kills all that is in it (cgroup.kill, kernel 5.14). */
void cgroup_kill(const struct cgroup *cgroup);
/* Freezes all that is in it, or lets it go on; false with errno when that is refused. */
bool cgroup_freeze(const struct cgroup *cgroup, bool freeze);
/* Whether all of it has come to a stand, of which a change of `events` tells (EPOLLPRI). */
bool cgroup_is_frozen(const struct cgroup *cgroup);
/* CPU time of all that is or was in it, in microseconds; -1 when it cannot be read. */
int64_t cgroup_cpu_time(const struct cgroup *cgroup);
/* Waits until nothing lives in it, at most so many milliseconds. */
bool cgroup_wait_empty(const struct cgroup *cgroup, int64_t most_ms);
/* Removes it; false with errno when that was not possible within 5 seconds. */
bool cgroup_remove(struct cgroup *cgroup);

#endif
