#define _GNU_SOURCE
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clocks.h"
#include "util.h"

#define REMOVE_MOST_MS 5000
/* The part of this time in which cgroups within this one are removed too. */
#define CHILDREN_MOST_MS 4000

/* A file such as io.max has one line per device: the value has to be one of them. */
static bool reads_back(int directory, const char *file, const char *value) {
  AUTO_FREE char *text = read_file_at(directory, file, 4096, NULL);
  if (text == NULL) return false;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    if (strcmp(line, value) == 0) return true;
  errno = EINVAL;
  return false;
}

static bool apply(const struct cgroup *cgroup, const struct cgroup_setting *setting) {
  if (write_file_at(cgroup->fd, setting->file, setting->value))
    return reads_back(cgroup->fd, setting->file, setting->value);
  return setting->optional && errno == ENOENT;
}

bool cgroup_make(struct cgroup *cgroup, const struct plan *plan, struct report *report) {
  if (plan->cgroup == NULL) return true;
  if (mkdir(plan->cgroup, 0755) != 0) {
    report_failure(report, "cgroup", plan->cgroup);
    return false;
  }
  cgroup->path = plan->cgroup;
  cgroup->fd = open(plan->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Readable in the cell, where language runtimes look up their limits, whatever umask the server has. */
  if (cgroup->fd >= 0 && fchmod(cgroup->fd, 0755) == 0)
    cgroup->events = openat(cgroup->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
  if (cgroup->events < 0) {
    report_failure(report, "cgroup", plan->cgroup);
    return false;
  }
  for (size_t i = 0; i < plan->settings_count; i++) {
    if (apply(cgroup, &plan->settings[i])) continue;
    report_failure(report, "cgroup", plan->settings[i].file);
    report->index = (uint32_t)i;
    return false;
  }
  return true;
}

bool cgroup_join(const struct cgroup *cgroup, pid_t pid) {
  if (cgroup->path == NULL) return true;
  char text[16];
  snprintf(text, sizeof text, "%d", (int)pid);
  return write_file_at(cgroup->fd, "cgroup.procs", text);
}

void cgroup_kill(const struct cgroup *cgroup) {
  /* Kernels before 5.14 do not have this file; there the end of init kills the cell. */
  if (cgroup->path != NULL) (void)!write_file_at(cgroup->fd, "cgroup.kill", "1");
}

/* Whether cgroup.events contains `event`; reading the file arms the next notification. */
static bool has_event(const struct cgroup *cgroup, const char *event) {
  char text[256];
  ssize_t length = RETRY(pread(cgroup->events, text, sizeof text - 1, 0));
  if (length < 0) return false;
  text[length] = '\0';
  return strstr(text, event) != NULL;
}

bool cgroup_freeze(const struct cgroup *cgroup, bool freeze) {
  return write_file_at(cgroup->fd, "cgroup.freeze", freeze ? "1" : "0");
}

bool cgroup_is_frozen(const struct cgroup *cgroup) {
  return has_event(cgroup, "frozen 1");
}

int64_t cgroup_cpu_time(const struct cgroup *cgroup) {
  AUTO_FREE char *text = read_file_at(cgroup->fd, "cpu.stat", 4096, NULL);
  const char *line = text == NULL ? NULL : strstr(text, "usage_usec ");
  long long microseconds;
  return line != NULL && sscanf(line, "usage_usec %lld", &microseconds) == 1 ? microseconds : -1;
}

bool cgroup_wait_empty(const struct cgroup *cgroup, int64_t most_ms) {
  /* Without cgroup.events its creation has failed in between, and no process has entered it. */
  if (cgroup->path == NULL || cgroup->events < 0) return true;
  int64_t until = monotonic_clock() + most_ms * 1000000;
  while (!has_event(cgroup, "populated 0")) {
    int64_t left = (until - monotonic_clock()) / 1000000;
    if (left <= 0) return false;
    /* A change of cgroup.events wakes poll with POLLPRI (cgroup-v2.rst). */
    struct pollfd wait = {.fd = cgroup->events, .events = POLLPRI};
    RETRY(poll(&wait, 1, (int)left));
  }
  return true;
}

/* The cgroups of commands that joined the cell: their supervisors remove them, unless those were killed. */
static void remove_children(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') (void)!unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
  closedir(folder);
}

bool cgroup_remove(struct cgroup *cgroup) {
  if (cgroup->path == NULL) return true;
  close_fd(&cgroup->events);
  close_fd(&cgroup->fd);
  int64_t until = monotonic_clock() + (int64_t)REMOVE_MOST_MS * 1000000;
  /* EBUSY lasts for a moment after "populated 0", while the last tasks are freed; no event marks its end. */
  for (long pause_ns = 100000; rmdir(cgroup->path) != 0; pause_ns *= 2) {
    if (errno == ENOENT) break;
    if (errno != EBUSY || monotonic_clock() > until) return false;
    if (until - monotonic_clock() < CHILDREN_MOST_MS * 1000000ll) remove_children(cgroup->path);
    struct timespec pause = {.tv_nsec = pause_ns > 100000000 ? 100000000 : pause_ns};
    nanosleep(&pause, NULL);
  }
  cgroup->path = NULL;
  return true;
}
