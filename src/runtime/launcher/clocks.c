#define _GNU_SOURCE
#include "clocks.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "util.h"

/* linux/sched.h; the C library has it since glibc 2.32, but musl does not. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define SECOND_NS 1000000000

static int64_t clock_nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int64_t wall_clock(void) {
  return clock_nanoseconds(CLOCK_REALTIME);
}

int64_t monotonic_clock(void) {
  return clock_nanoseconds(CLOCK_MONOTONIC);
}

/* The line of timens_offsets after which a clock shows `start_s` seconds now; nanoseconds are never negative there. */
static int put_offset(char *text, size_t room, const char *name, clockid_t clock, int64_t start_s) {
  int64_t offset = start_s * SECOND_NS - clock_nanoseconds(clock);
  int64_t seconds = offset / SECOND_NS - (offset % SECOND_NS < 0);
  return snprintf(text, room, "%s %lld %lld\n", name, (long long)seconds, (long long)(offset - seconds * SECOND_NS));
}

static bool fail(struct report *report, const char *what) {
  report_failure(report, "clocks", what);
  return false;
}

bool clocks_make(const struct plan *plan, struct report *report) {
  if (!plan->has_clocks) return true;
  /* At first only children of this process are in it. Its offsets have to be written before this process enters it. */
  return unshare(CLONE_NEWTIME) == 0 || fail(report, "time namespace");
}

bool clocks_enter(const struct plan *plan, struct report *report) {
  if (!plan->has_clocks) return true;
  int64_t start_s = (int64_t)plan->clocks_start_s;
  char text[128];
  int length = put_offset(text, sizeof text, "monotonic", CLOCK_MONOTONIC, start_s);
  put_offset(text + length, sizeof text - (size_t)length, "boottime", CLOCK_BOOTTIME, start_s);
  /* So that this process owns its own files in /proc. */
  if (prctl(PR_SET_DUMPABLE, 1) != 0) return fail(report, "dumpable");
  if (!write_file_at(AT_FDCWD, "/proc/self/timens_offsets", text)) return fail(report, "timens_offsets");
  AUTO_CLOSE int namespace = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  bool entered = namespace >= 0 && setns(namespace, CLONE_NEWTIME) == 0;
  return entered || fail(report, "time_for_children");
}
