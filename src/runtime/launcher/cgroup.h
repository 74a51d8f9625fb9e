/* The cgroup of a job: create, limit, join, read, freeze, kill, remove. */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

struct cgroup {
  const char *path; /* NULL: the plan has none */
  int fd;           /* its folder */
  int events;       /* its cgroup.events, for waiting */
};

/* Creates the cgroup, writes its settings and reads each back. False with the failure reported. */
bool cgroup_make(struct cgroup *cgroup, const struct plan *plan, struct report *report);
/* Moves a process into it: for kernels and seccomp filters that refuse CLONE_INTO_CGROUP. */
bool cgroup_join(const struct cgroup *cgroup, pid_t pid);
/* Kills every process in it (cgroup.kill, since Linux 5.14). */
void cgroup_kill(const struct cgroup *cgroup);
/* Freezes or thaws every process in it. False with errno. */
bool cgroup_freeze(const struct cgroup *cgroup, bool freeze);
/* Whether every process in it is frozen; `events` polls EPOLLPRI when that changes. */
bool cgroup_is_frozen(const struct cgroup *cgroup);
/* CPU time of all processes that are or were in it, in microseconds; -1 when it cannot be read. */
int64_t cgroup_cpu_time(const struct cgroup *cgroup);
/* Waits until no process is left in it, for at most `most_ms` milliseconds. False when one is. */
bool cgroup_wait_empty(const struct cgroup *cgroup, int64_t most_ms);
/* Removes it. False with errno when that takes more than 5 seconds. */
bool cgroup_remove(struct cgroup *cgroup);

#endif
