#include "kernel.h"

#include "idmap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "util.h"

static bool write_map(pid_t pid, const char *file, const struct id_range *ranges, size_t count, uint32_t shift) {
  char text[4096];
  size_t length = 0;
  for (size_t i = 0; i < count && length < sizeof text; i++)
    length += (size_t)snprintf(text + length, sizeof text - length, "%llu %u %u\n",
                               (unsigned long long)ranges[i].inside + shift, ranges[i].outside, ranges[i].count);
  /* A map can be written only once (user_namespaces(7)). */
  return length < sizeof text && write_process_file(pid, file, text);
}

bool idmap_write(pid_t pid, const struct plan *plan) {
  return write_map(pid, "uid_map", plan->uids, plan->uids_count, 0) &&
         write_map(pid, "gid_map", plan->gids, plan->gids_count, 0);
}

/*
 * The process that a user namespace is made with only waits. It must not outlive its parent (PR_SET_PDEATHSIG(2const)).
 */
static int linger(void *parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != *(pid_t *)parent) _exit(1);
  for (;;) pause();
}

/* How many ranges each map has, and the ids on disk that correspond to the first id of each range. */
struct owners {
  size_t uids, gids;
  uint32_t uid, gid;
};

/*
 * Makes a user namespace without processes, only for its maps. Returns a descriptor of it, or -1 with errno. The
 * process needed for this shares memory and descriptors with this one, since copying them would take longer than
 * everything else.
 */
static int open_namespace(const struct id_range *uids, const struct id_range *gids, const struct owners *owners) {
  static _Alignas(16) char stack[16384];
  pid_t parent = getpid();
  pid_t pid = clone(linger, stack + sizeof stack, CLONE_NEWUSER | CLONE_VM | CLONE_FILES | SIGCHLD, &parent);
  if (pid < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  int fd = -1;
  if (write_map(pid, "uid_map", uids, owners->uids, owners->uid) &&
      write_map(pid, "gid_map", gids, owners->gids, owners->gid))
    fd = open(path, O_RDONLY | O_CLOEXEC);
  int saved = errno;
  kill(pid, SIGKILL);
  RETRY(waitpid(pid, NULL, 0));
  errno = saved;
  return fd;
}

static bool map_owners(const int *mounts, size_t count, int owners) {
  AUTO_CLOSE int namespace = owners;
  if (namespace < 0) return false;
  struct mount_attr change = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)namespace};
  for (size_t i = 0; i < count; i++)
    if (kernel_mount_setattr(mounts[i], "", AT_EMPTY_PATH, &change) != 0) return false;
  return true;
}

bool idmap_mounts(const int *mounts, size_t count, const struct plan *plan) {
  struct owners owners = {plan->uids_count, plan->gids_count, plan->owner_uid, plan->owner_gid};
  return map_owners(mounts, count, open_namespace(plan->uids, plan->gids, &owners));
}

/* Finds the id outside of the cell for an id inside. */
static bool outside_of(const struct id_range *ranges, size_t count, uint32_t inside, struct id_range *single) {
  for (size_t i = 0; i < count; i++) {
    if (inside < ranges[i].inside || inside - ranges[i].inside >= ranges[i].count) continue;
    *single = (struct id_range){.inside = 0, .outside = ranges[i].outside + (inside - ranges[i].inside), .count = 1};
    return true;
  }
  errno = EINVAL;
  return false;
}

bool idmap_files(int mount, const struct plan *plan) {
  struct id_range uid, gid;
  struct owners owners = {1, 1, plan->files_uid, plan->files_gid};
  return outside_of(plan->uids, plan->uids_count, plan->uid, &uid) &&
         outside_of(plan->gids, plan->gids_count, plan->gid, &gid) &&
         map_owners(&mount, 1, open_namespace(&uid, &gid, &owners));
}
