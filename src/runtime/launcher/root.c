#include "kernel.h"

#include "root.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "idmap.h"
#include "util.h"

static bool failed(struct report *report, const char *step, const char *subject, size_t index) {
  report_failure(report, step, subject);
  report->index = (uint32_t)index;
  return false;
}

/* Sets each "name=value" or "name" of a comma-separated list. */
static bool configure(int context, const char *options) {
  AUTO_FREE char *copy = strdup(options);
  if (copy == NULL) die("out of memory");
  char *rest = copy;
  for (char *option; (option = strsep(&rest, ",")) != NULL;) {
    if (*option == '\0') continue;
    char *value = strchr(option, '=');
    if (value != NULL) *value++ = '\0';
    unsigned command = value == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (kernel_fsconfig(context, command, option, value) != 0) return false;
  }
  return true;
}

/* Makes a new file system as a detached mount (fsopen(2), fsmount(2)). */
static int make_mount(const char *type, const char *source, const char *options, uint64_t attributes) {
  AUTO_CLOSE int context = kernel_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  if (kernel_fsconfig(context, FSCONFIG_SET_STRING, "source", source) != 0) return -1;
  if (!configure(context, options)) return -1;
  if (kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) != 0) return -1;
  return kernel_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
}

/*
 * Clones a mount, or a part of one, as a private detached mount, with `attributes` set and those in `without` cleared.
 */
static int open_private(const char *path, uint64_t attributes, uint64_t without) {
  int fd = kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) return -1;
  struct mount_attr change = {.attr_set = attributes, .attr_clr = without, .propagation = MS_PRIVATE};
  if (kernel_mount_setattr(fd, "", AT_EMPTY_PATH, &change) == 0) return fd;
  close_fd(&fd);
  return -1;
}

/* Makes the folders of the overlay in the current folder, the root of the tmpfs. */
static bool make_layers(const struct plan *plan) {
  if (mkdir("root", 0700) != 0 || mkdir("work", 0700) != 0 || mkdir("upper", 0755) != 0) return false;
  return chown("upper", plan->uids[0].outside, plan->gids[0].outside) == 0 && chmod("upper", 0755) == 0;
}

/* Makes a device node in the tmpfs, which is the current folder, and opens a mount of it alone. */
static bool make_device(const struct plan *plan, struct step *step) {
  char path[64];
  int length = snprintf(path, sizeof path, "devices/%s", strrchr(step->path, '/') + 1);
  if (length >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    return false;
  }
  if (mknod(path, S_IFCHR | 0600, step->device) != 0) return false;
  if (chown(path, plan->uids[0].outside, plan->gids[0].outside) != 0 || chmod(path, step->mode) != 0) return false;
  /* The tmpfs itself is mounted "nodev", because of everything else in it. */
  step->fd = open_private(path, step->attributes, MOUNT_ATTR_NODEV);
  return step->fd >= 0;
}

static bool make_devices(struct plan *plan, struct report *report) {
  bool made = false;
  for (size_t i = 0; i < plan->steps_count; i++) {
    struct step *step = &plan->steps[i];
    if (step->kind != STEP_DEVICE) continue;
    if (!made && mkdir("devices", 0700) != 0) return failed(report, "device", step->path, i);
    made = true;
    if (!make_device(plan, step)) return failed(report, "device", step->path, i);
  }
  return true;
}

/* The lower layers of the overlay, as detached mounts, from the upper ones to the lowest. */
struct lowers {
  size_t count;
  int mounts[LOWERS_MOST];
};

static void close_lowers(struct lowers *lowers) {
  for (size_t i = 0; i < lowers->count; i++) close_fd(&lowers->mounts[i]);
}

static bool open_lowers(const struct plan *plan, struct lowers *lowers, struct report *report) {
  for (size_t i = 0; i <= plan->lowers_count; i++) {
    const char *path = i == 0 ? plan->image : plan->lowers[i - 1];
    int mount = open_private(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
    if (mount < 0) return failed(report, "image", path, i);
    lowers->mounts[lowers->count++] = mount;
  }
  return !plan->has_owners || idmap_mounts(lowers->mounts, lowers->count, plan) ||
         failed(report, "owners", plan->image, 0);
}

/* Attaches the lower layers in the current folder, and writes their names in the form of the option lowerdir. */
static bool place_lowers(struct lowers *lowers, char *names, size_t room) {
  size_t length = 0;
  for (size_t i = 0; i < lowers->count; i++) {
    /* Names are short, so that all of them fit into the one page that the options of a mount may take (mount(2)). */
    char name[16] = "image";
    if (i > 0) snprintf(name, sizeof name, "%zu", i);
    if (mkdir(name, 0700) != 0) return false;
    if (kernel_move_mount(lowers->mounts[i], "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) != 0) return false;
    length += (size_t)snprintf(names + length, room - length, "%s%s", i == 0 ? "" : ":", name);
    if (length >= room) {
      errno = ENAMETOOLONG;
      return false;
    }
  }
  return true;
}

/* Mounts the overlay in the current folder, the root of the tmpfs. Returns the mount, or -1. */
static int stack_layers(const struct plan *plan, struct lowers *lowers, struct report *report) {
  char names[3072];
  if (!make_layers(plan) || !place_lowers(lowers, names, sizeof names))
    return failed(report, "layer", plan->root_options, 0), -1;
  /*
   * Relative paths: a cell can read these options in its mountinfo, and must not learn the host's paths. With xino=on,
   * files of both layers and folders have one device number, as programs expect of one file system (overlayfs.rst,
   * "Inode properties"); by itself the kernel does that only where both layers are of one file system.
   */
  char options[4096];
  int length = snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper,workdir=work,xino=on%s%s", names,
                        *plan->overlay_options == '\0' ? "" : ",", plan->overlay_options);
  bool fits = length < (int)sizeof options;
  if (!fits) errno = EINVAL;
  if (!fits || kernel_mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, options) != 0)
    return failed(report, "overlay", plan->image, 0), -1;
  int root = kernel_open_tree(AT_FDCWD, "root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (root < 0) failed(report, "overlay", plan->image, 0);
  return root;
}

/* Opens the folder with the files that the job was given as a detached mount, in *lower; -1 if there are none. */
static bool open_files(const struct plan *plan, int *lower, struct report *report) {
  *lower = -1;
  if (plan->files == NULL) return true;
  *lower = open_private(plan->files, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
  if (*lower < 0) return failed(report, "files", plan->files, 0);
  return !plan->has_owners || idmap_files(*lower, plan) || failed(report, "owners", plan->files, 0);
}

/*
 * Opens each of the files as a mount of its own, in the current folder, the root of the tmpfs. They are those of an
 * overlay without an upper layer, which the kernel cannot write through, whatever is done in the cell. It also has
 * inodes of its own: locks and watches of a cell do not affect other cells, and its mountinfo does not show where the
 * files are on the host.
 */
static bool stack_files(struct plan *plan, int lower, struct report *report) {
  if (lower < 0) return true;
  char options[256];
  /* Without an upper layer there have to be two lower ones (overlayfs.rst, "Multiple lower layers"). */
  int length = snprintf(options, sizeof options, "lowerdir=given:none%s%s", *plan->overlay_options == '\0' ? "" : ",",
                        plan->overlay_options);
  bool fits = length < (int)sizeof options;
  if (!fits) errno = EINVAL;
  if (!fits || mkdir("given", 0700) != 0 || mkdir("none", 0700) != 0 || mkdir("files", 0700) != 0 ||
      kernel_move_mount(lower, "", AT_FDCWD, "given", MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
      kernel_mount("overlay", "files", "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options) != 0)
    return failed(report, "files", plan->files, 0);
  for (size_t i = 0; i < plan->steps_count; i++) {
    struct step *step = &plan->steps[i];
    if (step->kind != STEP_GIVEN) continue;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "files/%s", step->source);
    step->fd = open_private(path, step->attributes, 0);
    if (step->fd < 0) return failed(report, "given", step->path, i);
  }
  return true;
}

int root_make(struct plan *plan, int *upper, struct report *report) {
  for (size_t i = 0; i < plan->steps_count; i++) {
    struct step *step = &plan->steps[i];
    if (step->kind != STEP_BIND) continue;
    step->fd = open_private(step->source, step->attributes, 0);
    if (step->fd < 0) return failed(report, "bind", step->source, i), -1;
  }
  if (unshare(CLONE_NEWNS) != 0 || kernel_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return failed(report, "unshare", "mount namespace", 0), -1;

  __attribute__((cleanup(close_lowers))) struct lowers lowers = {.count = 0};
  if (!open_lowers(plan, &lowers, report)) return -1;
  AUTO_CLOSE int files = -1;
  if (!open_files(plan, &files, report)) return -1;
  AUTO_CLOSE int layer = make_mount("tmpfs", "cell", plan->root_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (layer < 0) return failed(report, "layer", plan->root_options, 0), -1;
  AUTO_CLOSE int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

  /*
   * Over the image, which is open already. Not over "/": a process below a mount there counts as one in a chroot, which
   * may make no user namespace (current_chrooted() in fs/namespace.c).
   */
  if (home < 0 || kernel_move_mount(layer, "", AT_FDCWD, plan->image, MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
      fchdir(layer) != 0)
    return failed(report, "layer", plan->root_options, 0), -1;
  int root = make_devices(plan, report) && stack_files(plan, files, report) ? stack_layers(plan, &lowers, report) : -1;
  *upper = root < 0 ? -1 : open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0 && *upper < 0) failed(report, "layer", plan->root_options, 0), close_fd(&root);
  /*
   * The tmpfs stays mounted until this process exits, and its mount namespace with it: unmounting it here would wait
   * for an RCU grace period, which the end of the namespace takes anyway. What init gets of it goes with the host's
   * root. Done in any case, since the exit record is written into the job's folder.
   */
  if (fchdir(home) == 0) return root;
  if (root >= 0) failed(report, "overlay", plan->image, 0);
  close_fd(&root);
  return -1;
}

int root_open_null(const struct plan *plan) {
  char path[64] = "/dev/null";
  for (size_t i = 0; i < plan->steps_count; i++) {
    const struct step *step = &plan->steps[i];
    if (step->kind == STEP_DEVICE && strcmp(step->path, "/dev/null") == 0)
      snprintf(path, sizeof path, "/proc/self/fd/%d", step->fd);
  }
  return open(path, O_RDONLY | O_CLOEXEC);
}

bool root_prepare(struct plan *plan, struct report *report) {
  /* Before the host's root is detached: the kernel lets a cell mount proc only while an uncovered one is visible. */
  for (size_t i = 0; i < plan->steps_count; i++) {
    struct step *step = &plan->steps[i];
    if (step->kind != STEP_MOUNT) continue;
    step->fd = make_mount(step->type, step->source, step->options, step->attributes);
    if (step->fd < 0) return failed(report, "mount", step->path, i);
  }
  return true;
}

/*
 * Opens a path inside the cell. Images are not trusted: a symbolic link anywhere in the path is refused, so that what
 * is meant for /dev cannot end up elsewhere.
 */
static int open_place(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC,
      .mode = mode,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return kernel_openat2(AT_FDCWD, path, &how);
}

static bool attach_at(struct step *step, int place) {
  bool attached = kernel_move_mount(step->fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
  close_fd(&step->fd);
  return attached;
}

static bool attach(struct step *step) {
  AUTO_CLOSE int place = open_place(step->path, O_PATH, 0);
  return place >= 0 && attach_at(step, place);
}

/* Opens the folder of a path; `name` is set to its last component. */
static int open_parent(const char *path, const char **name) {
  AUTO_FREE char *folder = strdup(path);
  if (folder == NULL) die("out of memory");
  *strrchr(folder, '/') = '\0';
  *name = strrchr(path, '/') + 1;
  return open_place(*folder == '\0' ? "/" : folder, O_PATH | O_DIRECTORY, 0);
}

static bool make_folder(const struct step *step) {
  const char *name;
  AUTO_CLOSE int parent = open_parent(step->path, &name);
  if (parent < 0) return false;
  if (mkdirat(parent, name, step->mode) == 0) return fchmodat(parent, name, step->mode, 0) == 0;
  return errno == EEXIST;
}

/* The plan's file replaces a symbolic link of the image, so that its text cannot end up elsewhere. */
static bool remove_symlink(const char *path) {
  const char *name;
  AUTO_CLOSE int parent = open_parent(path, &name);
  struct stat status;
  if (parent < 0 || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  errno = ELOOP;
  return S_ISLNK(status.st_mode) && unlinkat(parent, name, 0) == 0;
}

static bool make_file(const struct step *step) {
  const uint64_t flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY;
  AUTO_CLOSE int fd = open_place(step->path, flags, step->mode);
  if (fd < 0 && errno == ELOOP && remove_symlink(step->path)) fd = open_place(step->path, flags, step->mode);
  return fd >= 0 && fchmod(fd, step->mode) == 0 && write_all(fd, step->text, strlen(step->text));
}

/*
 * Opens a folder of a path that a client chose, which may lead through symbolic links of the image: all of it is within
 * the cell, and nobody else is in there yet. Makes the folder for the user of the command if it is not there.
 */
static int enter_folder(int parent, const char *name, const struct plan *plan) {
  struct open_how how = {
      .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
      .resolve = RESOLVE_NO_MAGICLINKS,
  };
  int folder = kernel_openat2(parent, name, &how);
  if (folder >= 0 || errno != ENOENT) return folder;
  if (mkdirat(parent, name, 0755) != 0 || fchmodat(parent, name, 0755, 0) != 0 ||
      fchownat(parent, name, plan->uid, plan->gid, AT_SYMLINK_NOFOLLOW) != 0)
    return -1;
  return kernel_openat2(parent, name, &how);
}

/* Makes an empty file to mount on. A file of the image stays as it is; a symbolic link is replaced. */
static int make_place(int parent, const char *name, const struct plan *plan) {
  struct stat status;
  if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EISDIR;
    if (S_ISDIR(status.st_mode) || (S_ISLNK(status.st_mode) && unlinkat(parent, name, 0) != 0)) return -1;
  } else if (errno != ENOENT)
    return -1;
  AUTO_CLOSE int file = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) {
    AUTO_CLOSE int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0 || fchown(made, plan->uid, plan->gid) != 0) return -1;
  }
  return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static bool give(struct step *step, const struct plan *plan) {
  AUTO_FREE char *path = strdup(step->path);
  if (path == NULL) die("out of memory");
  int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  char *rest = path + 1, *name = strsep(&rest, "/");
  while (folder >= 0 && rest != NULL) {
    int next = enter_folder(folder, name, plan);
    int saved = errno;
    close_fd(&folder);
    errno = saved;
    folder = next;
    name = strsep(&rest, "/");
  }
  if (folder < 0) return false;
  AUTO_CLOSE int place = make_place(folder, name, plan);
  int saved = errno;
  close_fd(&folder);
  errno = saved;
  return place >= 0 && attach_at(step, place);
}

static bool make_symlink(const struct step *step) {
  const char *name;
  AUTO_CLOSE int parent = open_parent(step->path, &name);
  return parent >= 0 && symlinkat(step->text, parent, name) == 0;
}

static bool overwrite(const struct step *step) {
  AUTO_CLOSE int fd = open_place(step->path, O_WRONLY | O_NOCTTY, 0);
  return fd >= 0 && write_all(fd, step->text, strlen(step->text));
}

static bool seal(const struct step *step) {
  AUTO_CLOSE int place = open_place(step->path, O_PATH, 0);
  struct mount_attr change = {.attr_set = step->attributes};
  return place >= 0 && kernel_mount_setattr(place, "", AT_EMPTY_PATH, &change) == 0;
}

/*
 * Attaches a mount where it was cloned from, so that this place has other attributes than the rest of its mount.
 */
static bool rebind(const struct step *step) {
  AUTO_CLOSE int place = open_place(step->path, O_PATH, 0);
  if (place < 0) return false;
  AUTO_CLOSE int copy = kernel_open_tree(place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  struct mount_attr change = {.attr_set = step->attributes};
  return copy >= 0 && kernel_mount_setattr(copy, "", AT_EMPTY_PATH, &change) == 0 &&
         kernel_move_mount(copy, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

/* Mounts an empty folder that nobody can write to on top of `path`. */
static bool cover(const char *path) {
  AUTO_CLOSE int empty = make_mount("tmpfs", "tmpfs", "mode=555,size=4096,nr_inodes=1",
                                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return empty >= 0 && kernel_move_mount(empty, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/*
 * Covers a file with the cell's null device and a folder with an empty one, which is made once and shared by all, as a
 * file system for each would cost more. One call for each path, since there are many: all of them are the kernel's own
 * names, in /proc, where no image has put a link.
 */
static bool mask(const struct step *step, const char **covered) {
  if (step->folder && *covered == NULL) {
    if (!cover(step->path)) return errno == ENOENT;
    *covered = step->path;
    return true;
  }
  const char *source = step->folder ? *covered : "/dev/null";
  /* Not every kernel has all of these paths. */
  return kernel_mount(source, step->path, NULL, MS_BIND, NULL) == 0 || errno == ENOENT;
}

static bool carry_out(struct step *step, const struct plan *plan, const char **covered) {
  switch (step->kind) {
    case STEP_MOUNT:
    case STEP_BIND:
    case STEP_DEVICE:
      return attach(step);
    case STEP_MKDIR:
      return make_folder(step);
    case STEP_FILE:
      return make_file(step);
    case STEP_SYMLINK:
      return make_symlink(step);
    case STEP_WRITE:
      return overwrite(step);
    case STEP_MASK:
      return mask(step, covered);
    case STEP_SEAL:
      return seal(step);
    case STEP_REBIND:
      return rebind(step);
    case STEP_GIVEN:
      return give(step, plan);
  }
  errno = ENOSYS;
  return false;
}

static bool carry_out_from(struct plan *plan, size_t first, struct report *report) {
  static const char *const names[] = {"mount", "bind", "device", "mkdir",  "file", "symlink",
                                      "write", "mask", "seal",   "rebind", "given"};
  const char *covered = NULL;
  for (size_t i = first; i < plan->steps_count; i++)
    if (!carry_out(&plan->steps[i], plan, &covered))
      return failed(report, names[plan->steps[i].kind], plan->steps[i].path, i);
  return true;
}

bool root_enter(struct plan *plan, int root, struct report *report) {
  AUTO_CLOSE int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old < 0 || kernel_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      kernel_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0 || fchdir(root) != 0 ||
      kernel_pivot_root(".", ".") != 0 || fchdir(old) != 0 || kernel_unmount(".", MNT_DETACH) != 0 || chdir("/") != 0)
    return failed(report, "pivot_root", "/", 0);
  return carry_out_from(plan, 0, report);
}

bool root_continue(struct plan *plan, size_t first, struct report *report) {
  return carry_out_from(plan, first, report);
}
