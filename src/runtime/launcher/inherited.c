#define _GNU_SOURCE
#include "inherited.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* linux/prctl.h, since Linux 5.6 and 6.4. */
#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif

/* From linux/ioprio.h and linux/mempolicy.h, which not every distribution has. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE 0
#define MPOL_DEFAULT 0

/* The default of Linux since 2.6.28 (PR_SET_TIMERSLACK(2const)). A value of 0 would set that of the parent. */
#define TIMER_SLACK_NS 50000
/* The default of the kernel (core(5)). */
#define COREDUMP_FILTER "0x33"
/* More CPUs than a kernel can be built for (CONFIG_NR_CPUS). */
#define MOST_CPUS 16384

/* All CPUs: the kernel takes those that the cpuset of the process has. */
static void reset_affinity(void) {
  unsigned char cpus[MOST_CPUS / 8];
  memset(cpus, 0xff, sizeof cpus);
  (void)!syscall(SYS_sched_setaffinity, 0, sizeof cpus, cpus);
}

/* Raises limits at which the process would be killed, or could no longer write. */
static void raise_limits(void) {
  static const int resources[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS, RLIMIT_RTTIME};
  for (size_t i = 0; i < ARRAY_LENGTH(resources); i++) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit((__rlimit_resource_t)resources[i], &limit) == 0) continue;
    if (getrlimit((__rlimit_resource_t)resources[i], &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_max;
    setrlimit((__rlimit_resource_t)resources[i], &limit);
  }
}

void inherited_reset(void) {
  reset_affinity();
  /* The parameters of SCHED_OTHER; setting it clears SCHED_RESET_ON_FORK too. */
  const struct sched_param parameters = {0};
  sched_setscheduler(0, SCHED_OTHER, &parameters);
  setpriority(PRIO_PROCESS, 0, 0);
  (void)!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_NONE);
  (void)!syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
  personality(PER_LINUX);
  prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
  prctl(PR_SET_SECUREBITS, 0);
  prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0);
  prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
  prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0);
#if defined(__x86_64__)
  prctl(PR_SET_TSC, PR_TSC_ENABLE);
#endif
  (void)!write_file_at(AT_FDCWD, "/proc/self/coredump_filter", COREDUMP_FILTER);
  raise_limits();
}

void inherited_raise_limits(const struct plan *plan) {
  for (size_t i = 0; i < plan->limits_count; i++) {
    const __rlimit_resource_t resource = (__rlimit_resource_t)plan->limits[i].resource;
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_max >= plan->limits[i].hard) continue;
    limit.rlim_max = plan->limits[i].hard;
    setrlimit(resource, &limit);
  }
}
