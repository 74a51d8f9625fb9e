#include "kernel.h"

#include "join.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>

#include "session.h"
#include "util.h"

/* linux/sched.h; the C library has it since glibc 2.32, but musl does not. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The supervisor of a running job answers at once; on a very busy machine it may take this long. */
#define ANSWER_MOST_S 10

#define NAMESPACES \
  (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)

int join_find(const char *id) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  AUTO_CLOSE int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct timeval most = {.tv_sec = ANSWER_MOST_S};
  int length = snprintf(address.sun_path, sizeof address.sun_path, "../%s/control", id);
  errno = ENAMETOOLONG;
  if (control < 0 || length >= (int)sizeof address.sun_path) return -1;
  setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  int cell = -1;
  bool asked = connect(control, (struct sockaddr *)&address, sizeof address) == 0 &&
               RETRY(send(control, "join\n", 5, MSG_NOSIGNAL)) == 5;
  char text[256] = "";
  for (size_t used = 0; asked && cell < 0 && strstr(text, "error ") == NULL && used < sizeof text - 1;) {
    long count = session_receive_bytes(control, text + used, sizeof text - 1 - used, &cell);
    if (count <= 0) break;
    used += (size_t)count;
  }
  errno = ESRCH;
  return cell;
}

bool join_enter(const struct plan *plan, int cell, struct report *report) {
  /* Before it enters: processes of the cell must not be able to trace this one, which comes from outside. */
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return report_failure(report, "dumpable", NULL), false;
  if (setns(cell, NAMESPACES | (plan->has_clocks ? CLONE_NEWTIME : 0)) != 0)
    return report_failure(report, "join", "namespaces"), false;
  if ((!plan->keeps_groups && setgroups(0, NULL) != 0) || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    return report_failure(report, "user", "0:0"), false;
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return report_failure(report, "dumpable", NULL), false;
  if (chdir("/") != 0) return report_failure(report, "join", "/"), false;
  umask(0);
  return true;
}

int join_open_null(void) {
  struct stat status;
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return fd;
  close_fd(&fd);
  errno = ENODEV;
  return -1;
}
