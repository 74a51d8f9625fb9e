#define _GNU_SOURCE
#include "artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capabilities.h"
#include "seccomp.h"
#include "take.h"
#include "util.h"

#define FOLDER "artifacts"
/* How long a killed process may take to end; one that waits for a disk ends later. */
#define DEATH_MOST_MS 2000

bool artifacts_keep_root(struct artifacts *artifacts, int root) {
  artifacts->root = fcntl(root, F_DUPFD_CLOEXEC, 3);
  return artifacts->root >= 0;
}

static int open_namespace(pid_t pid, const char *kind) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
  return open(path, O_RDONLY | O_CLOEXEC);
}

bool artifacts_keep_namespaces(struct artifacts *artifacts, pid_t init) {
  artifacts->userns = open_namespace(init, "user");
  artifacts->mounts = open_namespace(init, "mnt");
  return artifacts->userns >= 0 && artifacts->mounts >= 0;
}

/* ---- the process that takes them ---- */

/*
 * Becomes root of the cell, which has no rights anywhere else, may only read, and sees nothing but the cell: exploiting
 * a fault in what follows gains no more than a process of the job has.
 */
static bool confine(const struct artifacts *self, const struct plan *plan) {
  if (setns(self->userns, CLONE_NEWUSER) != 0) return false;
  if ((!plan->keeps_groups && setgroups(0, NULL) != 0) || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    return false;
  if (fchdir(self->root) != 0 || chroot(".") != 0) return false;
  return drop_capabilities(1ull << CAP_DAC_READ_SEARCH) && prctl(PR_SET_DUMPABLE, 0) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && seccomp_load(plan);
}

__attribute__((noreturn)) static void take(const struct artifacts *self, const struct plan *plan, int over) {
  int *keep = must_allocate(plan->artifacts_count + 3, sizeof *keep);
  memcpy(keep, self->files, plan->artifacts_count * sizeof *keep);
  memcpy(keep + plan->artifacts_count, (const int[]){self->root, self->userns, over}, 3 * sizeof *keep);
  close_others(keep, plan->artifacts_count + 3);
  prctl(PR_SET_NAME, "cell-artifacts");
  if (!confine(self, plan)) _exit(1);
  take_artifacts(plan, self->root, self->files, self->shared);
  _exit(0);
}

/* ---- the supervisor ---- */

static bool make_files(struct artifacts *self, const struct plan *plan) {
  if (mkdir(FOLDER, 0700) != 0) return false;
  AUTO_CLOSE int folder = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < plan->artifacts_count; i++) {
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    self->files[i] = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (self->files[i] < 0) return false;
  }
  return true;
}

static void set_all(struct artifacts *self, const struct plan *plan, enum artifact_status status) {
  for (size_t i = 0; i < plan->artifacts_count; i++) self->taken[i].status = status;
}

bool artifacts_begin(struct artifacts *self, const struct plan *plan) {
  self->taken = must_allocate(plan->artifacts_count, sizeof *self->taken);
  self->files = must_allocate(plan->artifacts_count, sizeof *self->files);
  for (size_t i = 0; i < plan->artifacts_count; i++) self->files[i] = -1;
  void *shared = mmap(NULL, plan->artifacts_count * sizeof *self->shared, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  self->shared = shared == MAP_FAILED ? NULL : shared;
  int ends[2];
  if (self->shared == NULL || pipe2(ends, O_CLOEXEC) != 0) return set_all(self, plan, ARTIFACT_UNREADABLE), false;
  self->over = ends[0];
  bool made = make_files(self, plan);
  if (!made) set_all(self, plan, errno == ENOSPC || errno == EDQUOT ? ARTIFACT_DISK : ARTIFACT_UNREADABLE);
  if (made) self->taker = fork();
  if (made && self->taker == 0) take(self, plan, ends[1]);
  if (made && self->taker < 0) set_all(self, plan, ARTIFACT_UNREADABLE);
  close(ends[1]);
  return made && self->taker > 0;
}

/*
 * What the process has reported of an artifact, if it agrees with the file that is there: the process is not trusted.
 */
static struct artifact reported(const struct artifacts *self, size_t index, enum artifact_status otherwise) {
  const struct artifact *shared = &self->shared[index];
  struct artifact found = {.status = __atomic_load_n(&shared->status, __ATOMIC_ACQUIRE)};
  if (found.status == ARTIFACT_UNFINISHED) found.status = otherwise;
  if (found.status > ARTIFACT_UNREADABLE) found.status = ARTIFACT_UNREADABLE;
  if (found.status != ARTIFACT_TAKEN) return found;
  struct stat status;
  found.folder = shared->folder;
  found.mode = shared->mode & 0777;
  found.size = shared->size;
  found.entries = shared->entries;
  found.skipped = shared->skipped;
  memcpy(found.digest, shared->digest, sizeof found.digest);
  if (fstat(self->files[index], &status) != 0 || (uint64_t)status.st_size != found.size)
    return (struct artifact){.status = ARTIFACT_UNREADABLE};
  return found;
}

/* Kills the process if it still runs. */
static void end_taker(struct artifacts *self) {
  if (self->taker <= 0) return;
  struct pollfd over = {.fd = self->over, .events = POLLIN};
  if (poll(&over, 1, 0) == 0) kill(self->taker, SIGKILL);
  if (RETRY(poll(&over, 1, DEATH_MOST_MS)) > 0) (void)!RETRY(waitpid(self->taker, NULL, 0));
}

void artifacts_finish(struct artifacts *self, const struct plan *plan, bool in_time) {
  end_taker(self);
  bool any = false;
  AUTO_CLOSE int folder = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < plan->artifacts_count; i++) {
    if (self->taker > 0) self->taken[i] = reported(self, i, in_time ? ARTIFACT_UNREADABLE : ARTIFACT_TIME);
    bool taken = self->taken[i].status == ARTIFACT_TAKEN;
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    if (!taken && self->files[i] >= 0) unlinkat(folder, name, 0);
    close_fd(&self->files[i]);
    any = any || taken;
  }
  /* Their names have to be on disk before the end of the job is known. */
  if (any && fsync(folder) != 0) set_all(self, plan, ARTIFACT_DISK);
  if (!any) rmdir(FOLDER);
  close_fd(&self->over);
}

void artifacts_close(struct artifacts *self) {
  close_fd(&self->root);
  close_fd(&self->userns);
  close_fd(&self->mounts);
}
