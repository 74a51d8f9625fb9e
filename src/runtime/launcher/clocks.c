#define _GNU_SOURCE
#include "clocks.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "util.h"

/* linux/sched.h; the C library has it since glibc 2.32, but musl does not. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int64_t clock_nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t wall_clock(void) {
  return clock_nanoseconds(CLOCK_REALTIME);
}

int64_t monotonic_clock(void) {
  return clock_nanoseconds(CLOCK_MONOTONIC);
}

bool clocks_unshare(struct report *report) {
  struct timespec monotonic, boot;
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  char text[128];
  snprintf(text, sizeof text, "monotonic -%lld 0\nboottime -%lld 0\n", (long long)monotonic.tv_sec,
           (long long)boot.tv_sec);
  bool unshared = unshare(CLONE_NEWTIME) == 0;
  if (unshared && write_file_at(AT_FDCWD, "/proc/self/timens_offsets", text)) return true;
  report_failure(report, "clocks", unshared ? "timens_offsets" : "time namespace");
  return false;
}
