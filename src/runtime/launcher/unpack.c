#include "kernel.h"

#include "unpack.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tar.h"
#include "util.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define OPAQUE "user.overlay.opaque"
#define PATH_MOST 4095
#define NAME_MOST 255
/* The most statements of each kind that names a path. */
#define STATEMENTS_MOST 100000
#define IMPLICIT_MOST 100000
/* Of all paths that are remembered or noted, in bytes: an archive of some megabytes may have a million long ones. */
#define PATHS_MOST (16u << 20)

/* A folder whose time is set at the end, because every entry changes the time of its folder. */
struct folder {
  char *path;
  int64_t mtime;
};

/* Paths in the order in which they were added. */
struct paths {
  char **items;
  size_t count;
};

struct unpack {
  const struct unpack_limits *limits;
  struct tar tar;
  int root;
  FILE *about;
  uint64_t bytes, files, statements;
  uint64_t paths; /* bytes of all that are remembered or noted */
  struct folder *folders;
  size_t folders_count;
  struct paths implicit;    /* folders that were made for what is in them */
  char path[PATH_MOST + 1]; /* of the entry, from the root, without a slash at either end */
  const char *name;         /* the last name of it */
  unsigned char buffer[65536];
};

/* Prints the reason with the entry it is about, in which nothing can change the terminal. */
__attribute__((format(printf, 2, 3))) static bool refuse(const struct unpack *self, const char *format, ...) {
  char shown[128];
  size_t length = 0;
  const char *path = self->tar.entry.path;
  for (; path != NULL && path[length] != '\0' && length < sizeof shown - 1; length++) {
    shown[length] = '?';
    if (path[length] > ' ' && path[length] < 127 && path[length] != '"') shown[length] = path[length];
  }
  shown[length] = '\0';
  fprintf(stderr, "entry \"%s\": ", shown);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return false;
}

static bool refuse_errno(const struct unpack *self) {
  return refuse(self, "%s", strerror(errno));
}

/* Counts a path that is to be remembered. */
static bool has_room(struct unpack *self, const char *path) {
  self->paths += strlen(path) + 1;
  return self->paths <= PATHS_MOST;
}

static bool refuse_paths(const struct unpack *self) {
  return refuse(self, "expected at most %d folders without an entry of their own, and %u bytes of paths of folders",
                IMPLICIT_MOST, PATHS_MOST);
}

static bool note(struct unpack *self, const char *statement, const char *path) {
  if (!has_room(self, path)) return refuse_paths(self);
  if (++self->statements > STATEMENTS_MOST)
    return refuse(self, "expected at most %d folders that are opaque and entries that are left out", STATEMENTS_MOST);
  fprintf(self->about, "%s%c/%s%c", statement, 0, path, 0);
  return true;
}

/* Writes a path into `clean`, with one slash between its names. */
static bool clean_path(const struct unpack *self, const char *path, char clean[PATH_MOST + 1]) {
  size_t length = 0, depth = 0;
  for (const char *at = path; *at != '\0';) {
    size_t width = strcspn(at, "/");
    bool counts = width > 0 && !(width == 1 && at[0] == '.');
    if (width == 2 && at[0] == '.' && at[1] == '.') return refuse(self, "it has \"..\" in a path");
    if (width > NAME_MOST) return refuse(self, "expected names of at most %d bytes, got %zu", NAME_MOST, width);
    if (counts) {
      if (length + width + 1 > PATH_MOST) return refuse(self, "expected a path of at most %d bytes", PATH_MOST);
      if (++depth > self->limits->depth)
        return refuse(self, "expected at most %llu names in a path", (unsigned long long)self->limits->depth);
      if (length > 0) clean[length++] = '/';
      memcpy(clean + length, at, width);
      length += width;
    }
    at += width;
    while (*at == '/') at++;
  }
  clean[length] = '\0';
  return true;
}

/* Opens a folder by its path in the tree. Links are followed within the tree only. */
static int open_inside(const struct unpack *self, const char *path) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return kernel_openat2(self->root, *path == '\0' ? "." : path, &how);
}

/* Makes room for one more item in an array that is doubled at powers of two. */
static void *grown(void *items, size_t count, size_t size) {
  if ((count & (count - 1)) == 0) items = reallocarray(items, 2 * count + 1, size);
  if (items == NULL) die("out of memory");
  return items;
}

static char *copy_path(const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) die("out of memory");
  return copy;
}

/* Makes a folder in one that is open, and opens it; `path` is its own, from the root. -1 with E2BIG: too many. */
static int make_folder(struct unpack *self, int parent, const char *path) {
  errno = E2BIG;
  if (self->implicit.count == IMPLICIT_MOST || !has_room(self, path)) return -1;
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  if (mkdirat(parent, name, 0755) != 0) {
    /* The path is a link that leads nowhere. */
    if (errno == EEXIST) errno = ENOTDIR;
    return -1;
  }
  self->implicit.items = grown(self->implicit.items, self->implicit.count, sizeof *self->implicit.items);
  self->implicit.items[self->implicit.count++] = copy_path(path);
  return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Opens a folder like open_inside(), and makes it first if it does not exist. Looks upwards for what exists, and goes
 * down from there by descriptors: a path of many folders would take the square of their number otherwise.
 */
static int make_inside(struct unpack *self, char *path) {
  int fd = open_inside(self, path);
  size_t length = strlen(path), there = length;
  while (fd < 0 && errno == ENOENT && there > 0) {
    do there--;
    while (there > 0 && path[there] != '/');
    char kept = path[there];
    path[there] = '\0';
    fd = open_inside(self, path);
    path[there] = kept;
  }
  while (fd >= 0 && there < length) {
    size_t next = there + (there > 0) + strcspn(path + there + (there > 0), "/");
    char kept = path[next];
    path[next] = '\0';
    AUTO_CLOSE int parent = fd;
    fd = make_folder(self, parent, path);
    path[next] = kept;
    there = next;
  }
  return fd;
}

static bool is_whiteout(const struct stat *status) {
  return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

static bool make_opaque(struct unpack *self, int parent, const char *name, const char *path) {
  AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fsetxattr(fd, OPAQUE, "y", 1, 0) != 0) return refuse_errno(self);
  return note(self, "opaque", path);
}

/*
 * Makes a character device 0:0 by a rename that puts one in the old place (rename(2), RENAME_WHITEOUT): the filter of
 * cells refuses mknod(2) for devices, also for this one.
 */
static bool make_whiteout(const struct unpack *self, int parent, const char *name) {
  /* Made next to the root, on the same file system, where there are no entries. */
  static const char aside[] = "/out/aside";
  AUTO_CLOSE int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (fd < 0 || renameat2(parent, name, AT_FDCWD, aside, RENAME_WHITEOUT) != 0) return refuse_errno(self);
  return unlink(aside) == 0 || refuse_errno(self);
}

/* Makes a whiteout: a file of a lower layer that this layer removes. */
static bool put_whiteout(struct unpack *self, int parent) {
  size_t length = strlen(self->path) - strlen(self->name);
  if (strcmp(self->name, WHITEOUT_OPAQUE) == 0) {
    self->path[length > 0 ? length - 1 : 0] = '\0';
    return make_opaque(self, parent, ".", self->path);
  }
  /* Files that aufs had for its own use. */
  if (strncmp(self->name, WHITEOUT_META, strlen(WHITEOUT_META)) == 0) return true;
  char name[NAME_MOST + 1];
  snprintf(name, sizeof name, "%s", self->name + strlen(WHITEOUT));
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return refuse(self, "expected the name of a file after %s", WHITEOUT);
  snprintf(self->path + length, sizeof self->path - length, "%s", name);
  struct stat status;
  if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return make_whiteout(self, parent, name);
  /* The layer both removes this path and has it: only its content in lower layers is hidden. */
  return !S_ISDIR(status.st_mode) || make_opaque(self, parent, name, self->path);
}

static bool take_owner(const struct unpack *self, uid_t *uid, gid_t *gid) {
  const struct tar_entry *entry = &self->tar.entry;
  bool single = self->limits->ids == 1;
  if (!single && (entry->uid >= self->limits->ids || entry->gid >= self->limits->ids))
    return refuse(self, "expected owners below %llu, got %llu:%llu", (unsigned long long)self->limits->ids,
                  (unsigned long long)entry->uid, (unsigned long long)entry->gid);
  *uid = single ? 0 : (uid_t)entry->uid;
  *gid = single ? 0 : (gid_t)entry->gid;
  return true;
}

/* Removes what is in the place of an entry that is not a folder. */
static bool clear_place(const struct unpack *self, int parent) {
  return remove_tree(parent, self->name) || refuse_errno(self);
}

static bool put_folder(struct unpack *self, int parent) {
  const struct tar_entry *entry = &self->tar.entry;
  struct stat status;
  bool there = fstatat(parent, self->name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  bool hides = there && is_whiteout(&status);
  if (there && !S_ISDIR(status.st_mode) && !clear_place(self, parent)) return false;
  if ((!there || !S_ISDIR(status.st_mode)) && mkdirat(parent, self->name, 0700) != 0) return refuse_errno(self);
  uid_t uid = 0;
  gid_t gid = 0;
  if (!take_owner(self, &uid, &gid)) return false;
  /* Set-uid and set-gid are useless in a cell (no_new_privs) and useful to a process that escapes from one. */
  if (fchownat(parent, self->name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      fchmodat(parent, self->name, entry->mode & 01777, 0) != 0)
    return refuse_errno(self);
  if (!has_room(self, self->path)) return refuse_paths(self);
  self->folders = grown(self->folders, self->folders_count, sizeof *self->folders);
  self->folders[self->folders_count++] = (struct folder){copy_path(self->path), entry->mtime};
  return !hides || make_opaque(self, parent, self->name, self->path);
}

static bool copy_content(struct unpack *self, int fd) {
  for (;;) {
    long count = tar_read(&self->tar, self->buffer, sizeof self->buffer);
    if (count == 0) return true;
    if (count < 0) return false;
    self->bytes += (uint64_t)count;
    if (self->bytes > self->limits->bytes)
      return refuse(self, "expected at most %llu bytes of files in a layer", (unsigned long long)self->limits->bytes);
    if (!write_all(fd, self->buffer, (size_t)count)) return refuse_errno(self);
  }
}

/* Sets owner, mode and time of what was made. A link has no mode of its own. */
static bool finish(struct unpack *self, int parent, bool has_mode) {
  const struct tar_entry *entry = &self->tar.entry;
  uid_t uid = 0;
  gid_t gid = 0;
  if (!take_owner(self, &uid, &gid)) return false;
  struct timespec times[2] = {{.tv_sec = entry->mtime}, {.tv_sec = entry->mtime}};
  bool done = fchownat(parent, self->name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
              (!has_mode || fchmodat(parent, self->name, entry->mode & 01777, 0) == 0) &&
              utimensat(parent, self->name, times, AT_SYMLINK_NOFOLLOW) == 0;
  return done || refuse_errno(self);
}

static bool put_file(struct unpack *self, int parent) {
  /* Refused before its bytes are read, so that a small archive cannot keep the disk busy. */
  if (self->tar.entry.size > self->limits->bytes - self->bytes)
    return refuse(self, "expected at most %llu bytes of files in a layer", (unsigned long long)self->limits->bytes);
  AUTO_CLOSE int fd = openat(parent, self->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return refuse_errno(self);
  return copy_content(self, fd) && finish(self, parent, true);
}

static bool put_hard_link(struct unpack *self, int parent) {
  char target[PATH_MOST + 1];
  if (!clean_path(self, self->tar.entry.link, target)) return false;
  if (strcmp(target, self->path) == 0) return true;
  struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  AUTO_CLOSE int file = kernel_openat2(self->root, *target == '\0' ? "." : target, &how);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0 || S_ISDIR(status.st_mode) || is_whiteout(&status))
    return refuse(self, "it is a hard link to what is no file of this layer");
  if (!clear_place(self, parent)) return false;
  char self_path[64];
  snprintf(self_path, sizeof self_path, "/proc/self/fd/%d", file);
  return linkat(AT_FDCWD, self_path, parent, self->name, AT_SYMLINK_FOLLOW) == 0 || refuse_errno(self);
}

static bool put(struct unpack *self, int parent) {
  const struct tar_entry *entry = &self->tar.entry;
  if (strncmp(self->name, WHITEOUT, strlen(WHITEOUT)) == 0) return put_whiteout(self, parent);
  switch (entry->type) {
    case TAR_FOLDER:
      return put_folder(self, parent);
    case TAR_FILE:
      return clear_place(self, parent) && put_file(self, parent);
    case TAR_HARD_LINK:
      return put_hard_link(self, parent);
    case TAR_SYMLINK:
      return clear_place(self, parent) && (symlinkat(entry->link, parent, self->name) == 0 || refuse_errno(self)) &&
             finish(self, parent, false);
    case TAR_FIFO:
      return clear_place(self, parent) && (mknodat(parent, self->name, S_IFIFO | 0600, 0) == 0 || refuse_errno(self)) &&
             finish(self, parent, true);
    case TAR_DEVICE:
    case TAR_OTHER:
      return note(self, "skipped", self->path);
  }
  return refuse(self, "it is of an unknown kind");
}

static bool put_entry(struct unpack *self) {
  if (++self->files > self->limits->files)
    return refuse(self, "expected at most %llu entries in a layer", (unsigned long long)self->limits->files);
  if (!clean_path(self, self->tar.entry.path, self->path)) return false;
  if (*self->path == '\0') {
    /* The entry is the root itself: its mode and owner are taken. */
    self->name = ".";
    uid_t uid = 0;
    gid_t gid = 0;
    if (self->tar.entry.type != TAR_FOLDER) return refuse(self, "expected a folder");
    return take_owner(self, &uid, &gid) && (fchown(self->root, uid, gid) == 0 || refuse_errno(self));
  }
  char *slash = strrchr(self->path, '/');
  self->name = slash == NULL ? self->path : slash + 1;
  if (slash != NULL) *slash = '\0';
  AUTO_CLOSE int parent = slash == NULL ? dup(self->root) : make_inside(self, self->path);
  if (slash != NULL) *slash = '/';
  if (parent >= 0) return put(self, parent);
  return errno == E2BIG ? refuse_paths(self) : refuse_errno(self);
}

static int compare_folders(const void *one, const void *other) {
  return strcmp(((const struct folder *)one)->path, ((const struct folder *)other)->path);
}

/* Reports which folders have no entry of their own: they get the attributes of the same path in lower layers. */
static void note_implicit(struct unpack *self) {
  if (self->folders_count > 0) qsort(self->folders, self->folders_count, sizeof *self->folders, compare_folders);
  for (size_t i = 0; i < self->implicit.count; i++) {
    struct folder key = {.path = self->implicit.items[i]};
    if (self->folders_count > 0 &&
        bsearch(&key, self->folders, self->folders_count, sizeof *self->folders, compare_folders) != NULL)
      continue;
    /* One that a later entry has replaced is gone. */
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    AUTO_CLOSE int folder = kernel_openat2(self->root, key.path, &how);
    if (folder >= 0) fprintf(self->about, "implicit%c/%s%c", 0, key.path, 0);
  }
}

static bool unpack(struct unpack *self) {
  while (tar_next(&self->tar))
    if (!put_entry(self)) {
      if (self->tar.error != NULL) fprintf(stderr, "the archive: %s\n", self->tar.error);
      return false;
    }
  if (self->tar.error != NULL) {
    fprintf(stderr, "the archive: %s\n", self->tar.error);
    return false;
  }
  /* Bytes after the end are still part of the archive, and so of its digest. */
  while (RETRY(read(self->tar.fd, self->buffer, sizeof self->buffer)) > 0) continue;
  for (size_t i = self->folders_count; i-- > 0;) {
    AUTO_CLOSE int folder = open_inside(self, self->folders[i].path);
    struct timespec times[2] = {{.tv_sec = self->folders[i].mtime}, {.tv_sec = self->folders[i].mtime}};
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
    /* One that a later entry has replaced is gone. */
    if (folder >= 0) utimensat(AT_FDCWD, path, times, 0);
  }
  note_implicit(self);
  fprintf(self->about, "size%c%llu%c%llu%cend%c", 0, (unsigned long long)self->bytes, 0,
          (unsigned long long)self->files, 0, 0);
  return true;
}

int unpack_main(const struct unpack_limits *limits) {
  struct unpack *self = must_allocate(1, sizeof *self);
  self->limits = limits;
  umask(0);
  self->tar.fd = open("/in", O_RDONLY | O_CLOEXEC);
  if (self->tar.fd < 0) die("the archive: %s", strerror(errno));
  if (mkdir("/out/root", 0755) != 0) die("the folder of the layer: %s", strerror(errno));
  self->root = open("/out/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self->about = fopen("/out/about", "wxe");
  if (self->root < 0 || self->about == NULL) die("the folder of the layer: %s", strerror(errno));
  fprintf(self->about, "layer%c1%c", 0, 0);
  bool done = unpack(self);
  /* A full disk may be noticed only when the last bytes are written. */
  if (fclose(self->about) != 0 && done) die("the folder of the layer: %s", strerror(errno));
  if (done && syncfs(self->root) != 0) die("the folder of the layer: %s", strerror(errno));
  for (size_t i = 0; i < self->folders_count; i++) free(self->folders[i].path);
  free(self->folders);
  for (size_t i = 0; i < self->implicit.count; i++) free(self->implicit.items[i]);
  free(self->implicit.items);
  tar_free(&self->tar);
  close(self->tar.fd);
  close(self->root);
  free(self);
  return done ? 0 : 1;
}
