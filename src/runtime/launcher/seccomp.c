#define _GNU_SOURCE
#include "seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

bool seccomp_load(const struct plan *plan) {
  if (plan->filter == NULL) return true;
  struct sock_fprog program = {.len = (unsigned short)plan->filter_length, .filter = plan->filter};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
