#define _GNU_SOURCE
#include "keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util.h"

#define DEPTH_MOST 256
#define PATH_MOST 4095
#define OPAQUE "user.overlay.opaque"

/* A file with several names: its inode, and the path of its first copy. */
struct linked {
  ino_t inode;
  char *path;
};

struct keep {
  const struct plan *plan;
  FILE *about;
  int root; /* of the copy */
  void *links;
  uint64_t bytes, files;
  size_t depth;
  const char *error;
  char path[PATH_MOST + 1]; /* of what is being copied, from the root, without a slash at either end */
};

static bool fail(struct keep *self, const char *error) {
  if (self->error == NULL) self->error = error;
  return false;
}

static bool fail_errno(struct keep *self) {
  return fail(self, strerrordesc_np(errno));
}

static int compare_links(const void *left, const void *right) {
  ino_t one = ((const struct linked *)left)->inode, other = ((const struct linked *)right)->inode;
  return one < other ? -1 : one > other;
}

static void free_linked(void *node) {
  struct linked *linked = node;
  free(linked->path);
  free(linked);
}

/* Translates the owner of a file in this cell to the owner that a file of an image has. */
static bool owner_of(uint32_t id, const struct id_range *ranges, size_t count, bool has_owners, uint32_t owner,
                     uint32_t *mapped) {
  *mapped = id;
  for (size_t i = 0; i < count; i++) {
    if (id < ranges[i].outside || id - ranges[i].outside >= ranges[i].count) continue;
    if (has_owners) *mapped = owner + ranges[i].inside + (id - ranges[i].outside);
    return true;
  }
  return false;
}

/* Sets owner, mode and times to those of the original. */
static bool take_status(struct keep *self, int parent, const char *name, const struct stat *status) {
  const struct plan *plan = self->plan;
  uint32_t uid, gid;
  if (!owner_of(status->st_uid, plan->uids, plan->uids_count, plan->has_owners, plan->owner_uid, &uid) ||
      !owner_of(status->st_gid, plan->gids, plan->gids_count, plan->has_owners, plan->owner_gid, &gid))
    return fail(self, "a file has an owner that the cell has not");
  struct timespec times[2] = {status->st_atim, status->st_mtim};
  /* Set-uid and set-gid are useless in a cell (no_new_privs), and useful to a process that escapes from one. */
  bool taken = fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
               (S_ISLNK(status->st_mode) || fchmodat(parent, name, status->st_mode & 01777, 0) == 0) &&
               utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) == 0;
  return taken || fail_errno(self);
}

/* Copies the content of a file, and leaves its holes. */
static bool copy_content(struct keep *self, int from, int to, off_t size) {
  for (off_t at = 0; at < size;) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0) break;
    off_t end = lseek(from, data, SEEK_HOLE);
    if (end < 0 || lseek(to, data, SEEK_SET) < 0) return fail_errno(self);
    for (at = data; at < end;) {
      long sent = RETRY(sendfile(to, from, &at, (size_t)(end - at)));
      if (sent <= 0) return sent < 0 ? fail_errno(self) : fail(self, "a file has become shorter");
      self->bytes += (uint64_t)sent;
    }
  }
  return ftruncate(to, size) == 0 || fail_errno(self);
}

static bool has_mark(int fd, const char *mark) {
  char name[64];
  static const char *const families[] = {"trusted.overlay.", "user.overlay."};
  for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
    snprintf(name, sizeof name, "%s%s", families[i], mark);
    if (fgetxattr(fd, name, NULL, 0) >= 0) return true;
  }
  return false;
}

static bool copy_file(struct keep *self, int from, int to, const char *name, const struct stat *status) {
  AUTO_CLOSE int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (source < 0) return fail_errno(self);
  if (has_mark(source, "metacopy")) return fail(self, "a file is not here as a whole");
  AUTO_CLOSE int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (target < 0) return fail_errno(self);
  return copy_content(self, source, target, status->st_size) && take_status(self, to, name, status);
}

static bool copy_symlink(struct keep *self, int from, int to, const char *name, const struct stat *status) {
  char target[PATH_MOST + 1];
  ssize_t length = readlinkat(from, name, target, sizeof target - 1);
  if (length < 0) return fail_errno(self);
  target[length] = '\0';
  return (symlinkat(target, to, name) == 0 || fail_errno(self)) && take_status(self, to, name, status);
}

/* Makes another name of a file that was copied before; false when there is none, or with the error set. */
static bool is_linked(struct keep *self, int to, const char *name, const struct stat *status) {
  struct linked wanted = {.inode = status->st_ino};
  struct linked **found = tfind(&wanted, &self->links, compare_links);
  if (found == NULL) return false;
  return linkat(self->root, (*found)->path, to, name, 0) == 0 || fail_errno(self);
}

static void remember(struct keep *self, const struct stat *status) {
  struct linked *linked = must_allocate(1, sizeof *linked);
  linked->inode = status->st_ino;
  linked->path = strdup(self->path);
  if (linked->path == NULL || tsearch(linked, &self->links, compare_links) == NULL) die("out of memory");
}

static bool copy_folder(struct keep *self, int from, int to);

static bool note_opaque(struct keep *self, int fd) {
  if (fsetxattr(fd, OPAQUE, "y", 1, 0) != 0)
    return errno == EOPNOTSUPP ? fail(self, "the file system of the state folder has no attributes of users (xattr(7))")
                               : fail_errno(self);
  fprintf(self->about, "opaque%c/%s%c", 0, self->path, 0);
  return true;
}

static bool copy_subfolder(struct keep *self, int from, int to, const char *name, const struct stat *status) {
  if (self->depth == DEPTH_MOST) return fail(self, "its folders are more than 256 deep");
  int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0 || mkdirat(to, name, 0700) != 0) return close_fd(&source), fail_errno(self);
  AUTO_CLOSE int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (target < 0) return close_fd(&source), fail_errno(self);
  if (has_mark(source, "redirect")) return close_fd(&source), fail(self, "a folder of the image was moved");
  if (has_mark(source, "opaque") && !note_opaque(self, target)) return close_fd(&source), false;
  self->depth++;
  bool copied = copy_folder(self, source, target);
  self->depth--;
  return copied && take_status(self, to, name, status);
}

static bool copy_entry(struct keep *self, int from, int to, const char *name) {
  struct stat status;
  if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno(self);
  self->files++;
  bool several = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
  if (several && is_linked(self, to, name, &status)) return true;
  if (self->error != NULL) return false;
  bool copied;
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return copy_subfolder(self, from, to, name, &status);
    case S_IFREG:
      copied = copy_file(self, from, to, name, &status);
      break;
    case S_IFLNK:
      copied = copy_symlink(self, from, to, name, &status);
      break;
    case S_IFCHR:
      /* A whiteout, which says that something of the image was removed. A cell cannot make other devices. */
      copied = mknodat(to, name, S_IFCHR, 0) == 0 || fail_errno(self);
      return copied;
    case S_IFIFO:
      copied = (mknodat(to, name, S_IFIFO | 0600, 0) == 0 || fail_errno(self)) && take_status(self, to, name, &status);
      break;
    default:
      /* A socket is useless without the process that listens. */
      return true;
  }
  if (copied && several) remember(self, &status);
  return copied;
}

/* Copies the content of a folder; closes `from`. */
static bool copy_folder(struct keep *self, int from, int to) {
  DIR *folder = fdopendir(from);
  if (folder == NULL) return close_fd(&from), fail_errno(self);
  size_t length = strlen(self->path);
  bool copied = true;
  for (struct dirent *entry; copied && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    size_t room = sizeof self->path - length;
    size_t width = (size_t)snprintf(self->path + length, room, "%s%s", length > 0 ? "/" : "", entry->d_name);
    copied = width < room ? copy_entry(self, dirfd(folder), to, entry->d_name) : fail(self, "a path is too long");
    self->path[length] = '\0';
  }
  closedir(folder);
  return copied;
}

static bool copy_all(struct keep *self, int upper) {
  if (!remove_tree(AT_FDCWD, "layer.new") || mkdir("layer.new", 0755) != 0 || mkdir("layer.new/root", 0755) != 0)
    return fail_errno(self);
  self->root = open("layer.new/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int about = open("layer.new/about", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  self->about = about < 0 ? NULL : fdopen(about, "w");
  struct stat status;
  if (self->root < 0 || self->about == NULL || fstat(upper, &status) != 0) return close_fd(&about), fail_errno(self);
  fprintf(self->about, "layer%c1%c", 0, 0);
  /* Opened again, so that reading starts at the beginning. */
  int from = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (from < 0) return fail_errno(self);
  bool copied = copy_folder(self, from, self->root) && take_status(self, AT_FDCWD, "layer.new/root", &status);
  fprintf(self->about, "size%c%llu%c%llu%cend%c", 0, (unsigned long long)self->bytes, 0,
          (unsigned long long)self->files, 0, 0);
  return copied;
}

const char *keep_layer(const struct plan *plan, int upper) {
  struct keep *self = must_allocate(1, sizeof *self);
  self->plan = plan;
  self->root = -1;
  mode_t mask = umask(0);
  bool kept = copy_all(self, upper);
  if (self->about != NULL && fclose(self->about) != 0 && kept) kept = fail_errno(self);
  if (kept) kept = syncfs(self->root) == 0 || fail_errno(self);
  if (kept) kept = (remove_tree(AT_FDCWD, "layer") && rename("layer.new", "layer") == 0) || fail_errno(self);
  if (!kept) remove_tree(AT_FDCWD, "layer.new");
  umask(mask);
  close_fd(&self->root);
  tdestroy(self->links, free_linked);
  const char *error = self->error;
  free(self);
  return error;
}
