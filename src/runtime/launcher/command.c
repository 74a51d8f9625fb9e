#define _GNU_SOURCE
#include "command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capabilities.h"
#include "report.h"
#include "seccomp.h"
#include "session.h"
#include "util.h"

/*
 * Ignored signals and the signal mask survive exec. The C library reserves two signals and does not let programs
 * change them: hence the system call. All zero is SIG_DFL without flags.
 */
static void reset_signals(void) {
  static const unsigned char standard[64];
  for (int number = 1; number <= KERNEL_SIGNALS; number++)
    syscall(SYS_rt_sigaction, number, standard, NULL, KERNEL_SIGNALS / 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool take_streams(const int streams[3]) {
  for (int i = 0; i < 3; i++)
    if (dup2(streams[i], i) < 0) return false;
  return true;
}

static bool take_limits(const struct plan *plan) {
  for (size_t i = 0; i < plan->limits_count; i++) {
    const struct resource_limit *limit = &plan->limits[i];
    struct rlimit value;
    if (getrlimit((__rlimit_resource_t)limit->resource, &value) != 0) return false;
    /* Root of a cell cannot raise a hard limit above that of the server. */
    if (limit->hard < value.rlim_max) value.rlim_max = limit->hard;
    value.rlim_cur = limit->soft < value.rlim_max ? limit->soft : value.rlim_max;
    if (setrlimit((__rlimit_resource_t)limit->resource, &value) != 0) return false;
  }
  return true;
}

static bool take_user(const struct plan *plan) {
  return (plan->keeps_groups || setgroups(plan->groups_count, plan->groups) == 0) &&
         setresgid(plan->gid, plan->gid, plan->gid) == 0 && setresuid(plan->uid, plan->uid, plan->uid) == 0;
}

/* The program interpreter that an ELF file names in its first page; `name` is left alone if there is none. */
static void elf_interpreter(const unsigned char *head, size_t length, char *name, size_t room) {
  Elf64_Ehdr header;
  if (length < sizeof header) return;
  memcpy(&header, head, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return;
  for (size_t i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    size_t at = header.e_phoff + i * sizeof segment;
    if (header.e_phoff > length || at > length - sizeof segment) return;
    memcpy(&segment, head + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset < length && segment.p_filesz <= length - segment.p_offset)
      snprintf(name, room, "%.*s", (int)segment.p_filesz, (const char *)head + segment.p_offset);
    return;
  }
}

/* execve(2) fails with ENOENT also for a file that exists but whose interpreter does not: finds the interpreter. */
static void missing_interpreter(const char *path, char *name, size_t room) {
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  unsigned char head[4096];
  ssize_t length = RETRY(read(fd, head, sizeof head));
  if (length >= 2 && memcmp(head, "#!", 2) == 0) {
    const char *start = (const char *)head + 2;
    size_t left = (size_t)length - 2;
    while (left > 0 && (*start == ' ' || *start == '\t')) start++, left--;
    size_t end = 0;
    while (end < left && strchr(" \t\n", start[end]) == NULL) end++;
    snprintf(name, room, "%.*s", (int)end, start);
  } else if (length > 0) {
    elf_interpreter(head, (size_t)length, name, room);
  }
}

/* Tries to execute one file. Returns only on failure, with the error in the report. */
static void try_execute(const struct plan *plan, const char *path, struct report *report) {
  execve(path, plan->arguments, plan->environment);
  int error = errno;
  struct stat status;
  bool present = stat(path, &status) == 0;
  if (error == EACCES && present && S_ISDIR(status.st_mode)) error = EISDIR;
  errno = error;
  report_failure(report, "execute", path);
  if (error == ENOENT && present) missing_interpreter(path, report->second, sizeof report->second);
}

static const char *search_path(const struct plan *plan) {
  for (size_t i = 0; i < plan->environment_count; i++)
    if (strncmp(plan->environment[i], "PATH=", 5) == 0) return plan->environment[i] + 5;
  return "/bin:/usr/bin";
}

/* Searches as execvp(3) does: a refusal is remembered while later folders are tried. */
static void search_and_execute(const struct plan *plan, struct report *report) {
  const char *name = plan->arguments[0];
  errno = ENOENT;
  report_failure(report, "execute", name);
  if (*name == '\0') return;
  for (const char *folder = search_path(plan);; folder++) {
    size_t length = strcspn(folder, ":");
    char path[4096];
    int printed = snprintf(path, sizeof path, "%.*s%s%s", (int)length, folder, length > 0 ? "/" : "", name);
    if (printed > 0 && (size_t)printed < sizeof path) {
      struct report attempt;
      try_execute(plan, path, &attempt);
      bool absent = (attempt.error == ENOENT && attempt.second[0] == '\0') || attempt.error == ENOTDIR;
      if (!absent && report->error == ENOENT && report->second[0] == '\0') *report = attempt;
    }
    folder += length;
    if (*folder == '\0') return;
  }
}

bool command_bound(const struct plan *plan, struct report *report) {
  if (!bound_capabilities(plan->capabilities)) return report_failure(report, "capabilities", NULL), false;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return report_failure(report, "no_new_privs", NULL), false;
  if (!seccomp_load(plan)) return report_failure(report, "seccomp", NULL), false;
  return true;
}

/* Sets limits and user, and gives up capabilities for good: what is given up here cannot be regained. */
static bool give_up(const struct plan *plan, struct report *report) {
  if (!take_limits(plan)) return report_failure(report, "limits", NULL), false;
  const uint64_t identity = 1ull << CAP_SETUID | 1ull << CAP_SETGID;
  if (!set_capabilities(identity | plan->capabilities)) return report_failure(report, "capabilities", NULL), false;
  if (!take_user(plan)) return report_failure(report, "user", NULL), false;
  /* Users other than root have lost their capabilities by now. */
  if (!set_capabilities(plan->uid == 0 ? plan->capabilities : 0))
    return report_failure(report, "capabilities", NULL), false;
  return true;
}

bool command_confine(const struct plan *plan, struct report *report) {
  return command_bound(plan, report) && give_up(plan, report);
}

/* In place of a program: waits to be killed. */
__attribute__((noreturn)) static void stay(void) {
  close_range(3, ~0u, 0);
  for (;;) pause();
}

static void prepare_and_execute(const struct plan *plan, const int streams[3], int channel, struct report *report) {
  setsid();
  reset_signals();
  umask(plan->umask);
  if (!take_streams(streams)) return report_failure(report, "streams", NULL);
  if (plan->has_terminal && !session_control(0)) return report_failure(report, "terminal", "controlling terminal");
  if (!give_up(plan, report)) return;
  if (chdir(plan->workdir) != 0) return report_failure(report, "workdir", plan->workdir);
  if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return report_failure(report, "descriptors", NULL);

  struct report ready = {.kind = REPORT_READY};
  if (!write_all(channel, &ready, sizeof ready)) return report_failure(report, "report", NULL);
  if (plan->idle) stay();
  if (strchr(plan->arguments[0], '/') != NULL)
    try_execute(plan, plan->arguments[0], report);
  else
    search_and_execute(plan, report);
}

void command_run(const struct plan *plan, const int streams[3], int channel) {
  struct report report;
  prepare_and_execute(plan, streams, channel, &report);
  (void)!write_all(channel, &report, sizeof report);
  _exit(1);
}
