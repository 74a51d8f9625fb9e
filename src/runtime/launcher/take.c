#include "kernel.h"

#include "take.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tar_writer.h"
#include "util.h"

#define DEPTH_MOST 256
#define BUFFER_BYTES ((size_t)256 << 10)
/* Bytes between two checks of the free space on the disk. */
#define SPARE_STEP ((uint64_t)4 << 20)

static const unsigned char zeros[64 << 10];

/*
 * Artifacts that were written and not yet reported to the supervisor. Syncing several files together waits for the disk
 * once: the first sync also writes back what the next ones would.
 */
struct batch {
  const int *files;
  struct artifact *results;
  enum artifact_status statuses[ARTIFACTS_MOST];
  size_t written, published;
};

struct take {
  const struct plan *plan;
  struct batch *batch;
  int root;
  int out;
  struct sha256 hash;
  uint64_t bytes_left, entries_left; /* of all artifacts */
  uint64_t checked;                  /* size at the last check of the disk */
  struct artifact taken;             /* so far */
  unsigned char *buffer;

  /* The state of an archive that is being made. */
  char **pattern; /* the names of a pattern, or NULL for everything */
  size_t pattern_names;
  char *names[DEPTH_MOST]; /* of the folders from the one that is taken down to the present entry */
  size_t depth;
  char path[PATH_MAX + 1]; /* in the archive */
};

static bool fail(struct take *self, enum artifact_status status) {
  if (self->taken.status == ARTIFACT_UNFINISHED) self->taken.status = status;
  return false;
}

/* Translates the error of opening a path of the cell. */
static enum artifact_status refusal(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ARTIFACT_MISSING;
    case ELOOP: /* links in a circle, or one of procfs */
    case EXDEV: /* another file system */
    case ENXIO: /* a pipe, a socket, a device without a driver */
    case ENODEV:
      return ARTIFACT_KIND;
    case ENAMETOOLONG:
      return ARTIFACT_DEPTH;
    default:
      return ARTIFACT_UNREADABLE;
  }
}

/* Syncs what was written, and reports what became of it. */
static void publish(struct batch *batch) {
  for (; batch->published < batch->written; batch->published++) {
    size_t i = batch->published;
    if (batch->statuses[i] == ARTIFACT_TAKEN && fsync(batch->files[i]) != 0) batch->statuses[i] = ARTIFACT_DISK;
    __atomic_store_n(&batch->results[i].status, batch->statuses[i], __ATOMIC_RELEASE);
  }
}

/* ---- what is written ---- */

/* Counts bytes before they are written. */
static bool count(struct take *self, uint64_t length) {
  if (length > self->bytes_left - self->taken.size) return fail(self, ARTIFACT_SIZE);
  self->taken.size += length;
  if (self->taken.size - self->checked < SPARE_STEP) return true;
  /* A sync here may take longer than there is time. */
  if (self->taken.size >= SPARE_STEP) publish(self->batch);
  self->checked = self->taken.size;
  struct statfs disk;
  bool full = fstatfs(self->out, &disk) == 0 &&
              (uint64_t)disk.f_bavail * (uint64_t)disk.f_bsize < self->plan->artifact_spare_bytes + SPARE_STEP;
  return !full || fail(self, ARTIFACT_DISK);
}

static bool emit(struct take *self, const void *data, size_t length) {
  if (!count(self, length)) return false;
  sha256_add(&self->hash, data, length);
  return write_all(self->out, data, length) || fail(self, ARTIFACT_DISK);
}

/* Writes zeros, as a hole. */
static bool emit_hole(struct take *self, uint64_t length) {
  while (length > 0) {
    size_t step = length < sizeof zeros ? (size_t)length : sizeof zeros;
    if (!count(self, step)) return false;
    sha256_add(&self->hash, zeros, step);
    if (lseek(self->out, (off_t)step, SEEK_CUR) < 0) return fail(self, ARTIFACT_DISK);
    length -= step;
  }
  return true;
}

/* Copies the data of a file from `at` to `end`, which has no holes. */
static bool emit_data(struct take *self, int from, uint64_t at, uint64_t end) {
  while (at < end) {
    size_t step = end - at < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
    long length = RETRY(pread(from, self->buffer, step, (off_t)at));
    if (length <= 0) return fail(self, ARTIFACT_UNREADABLE);
    if (!emit(self, self->buffer, (size_t)length)) return false;
    at += (uint64_t)length;
  }
  return true;
}

/* Finds where the next data, or the next hole, of a file begins; the size of the file if there is none. */
static uint64_t find_next(int fd, uint64_t at, int whence, uint64_t size) {
  off_t next = lseek(fd, (off_t)at, whence);
  /* Some file systems do not report holes: everything is data there. */
  if (next < 0 && errno != ENXIO && whence == SEEK_DATA) return at;
  return next < 0 || (uint64_t)next > size ? size : (uint64_t)next;
}

/* Copies a file as it is, with its holes. */
static bool emit_content(struct take *self, int from, uint64_t size) {
  if (size > self->bytes_left - self->taken.size) return fail(self, ARTIFACT_SIZE);
  for (uint64_t at = 0; at < size;) {
    uint64_t begin = find_next(from, at, SEEK_DATA, size);
    uint64_t end = begin < size ? find_next(from, begin, SEEK_HOLE, size) : size;
    if (!emit_hole(self, begin - at) || !emit_data(self, from, begin, end)) return false;
    at = end;
  }
  return true;
}

/* ---- files ---- */

/*
 * Opens a path of the cell as the cell would: absolute links lead to its root, and ".." not beyond it. What is mounted
 * in it is not entered.
 */
static int open_path(const struct take *self, const char *path, uint64_t flags) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  /* EAGAIN: something was renamed meanwhile, perhaps elsewhere in the system (openat2(2)). */
  int fd;
  do fd = kernel_openat2(self->root, path, &how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return fd;
}

static bool take_file(struct take *self, const char *path) {
  AUTO_CLOSE int from = open_path(self, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status;
  if (from < 0) return fail(self, refusal(errno));
  if (fstat(from, &status) != 0) return fail(self, ARTIFACT_UNREADABLE);
  if (!S_ISREG(status.st_mode)) return fail(self, ARTIFACT_KIND);
  self->taken.mode = status.st_mode & 0777;
  return emit_content(self, from, (uint64_t)status.st_size);
}

/* ---- archives ---- */

/*
 * Whether names match those of a pattern, or with `begins` may be the beginning of names that do. "**" stands for any
 * number of folders; a pattern has one of them at most, which bounds the time.
 */
static bool matches(char **pattern, size_t patterns, char **names, size_t count, bool begins) {
  if (patterns == 0) return count == 0 && !begins;
  bool any = strcmp(pattern[0], "**") == 0;
  if (count == 0) return begins || (any && matches(pattern + 1, patterns - 1, names, 0, false));
  if (any && names[0][0] != '.' && matches(pattern, patterns, names + 1, count - 1, begins)) return true;
  if (any) return matches(pattern + 1, patterns - 1, names, count, begins);
  return fnmatch(pattern[0], names[0], FNM_PERIOD) == 0 &&
         matches(pattern + 1, patterns - 1, names + 1, count - 1, begins);
}

/* Whether the present entry is in the archive: it matches, or one of the folders that it is in does. */
static bool is_wanted(const struct take *self) {
  if (self->pattern == NULL) return true;
  for (size_t names = 1; names <= self->depth; names++)
    if (matches(self->pattern, self->pattern_names, (char **)(uintptr_t)self->names, names, false)) return true;
  return false;
}

/* Whether something below the present folder may be in the archive. */
static bool may_hold(const struct take *self) {
  return self->pattern == NULL || is_wanted(self) ||
         matches(self->pattern, self->pattern_names, (char **)(uintptr_t)self->names, self->depth, true);
}

static bool emit_headers(struct take *self, const char *link, const struct stat *status) {
  static unsigned char headers[TAR_HEADERS_MOST];
  self->taken.entries++;
  return emit(self, headers, tar_headers(headers, self->path, link, status));
}

/* Opens a name in a folder that is taken; fails with EXDEV for a mount. */
static int open_entry(int folder, const char *name, uint64_t flags) {
  struct open_how how = {
      .flags = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  };
  return (int)RETRY(kernel_openat2(folder, name, &how));
}

/* Handles an entry that cannot be opened: a mount is left out, anything else is an error. */
static bool skip_mounted(struct take *self) {
  if (errno != EXDEV) return fail(self, ARTIFACT_UNREADABLE);
  self->taken.skipped++;
  return true;
}

static bool archive_file(struct take *self, int folder, const char *name) {
  AUTO_CLOSE int from = open_entry(folder, name, O_RDONLY);
  struct stat status;
  if (from < 0) return skip_mounted(self);
  if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode)) return fail(self, ARTIFACT_UNREADABLE);
  const uint64_t size = (uint64_t)status.st_size;
  return emit_headers(self, "", &status) && emit_content(self, from, size) &&
         emit_hole(self, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

/*
 * Whether a link leads to a path within the archive, whatever is there: it may go up only at its beginning, from its
 * own folder, and not beyond the folder that is taken. Links on its way have to obey this too.
 */
static bool stays(const char *target, size_t folders) {
  if (*target == '/' || *target == '\0') return false;
  size_t up = 0;
  bool down = false;
  for (const char *name = target; *name != '\0';) {
    size_t length = strcspn(name, "/");
    bool parent = length == 2 && name[0] == '.' && name[1] == '.';
    if (parent && (down || ++up > folders)) return false;
    if (!parent && length > 0 && !(length == 1 && name[0] == '.')) down = true;
    name += length;
    name += strspn(name, "/");
  }
  return true;
}

static bool archive_link(struct take *self, int folder, const char *name, const struct stat *status) {
  char target[PATH_MAX + 1];
  ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
  if (length < 0) return fail(self, ARTIFACT_UNREADABLE);
  target[length] = '\0';
  if (stays(target, self->depth - 1)) return emit_headers(self, target, status);
  self->taken.skipped++;
  return true;
}

static bool archive_folder(struct take *self, int folder);

static bool archive_subfolder(struct take *self, int folder, const char *name) {
  AUTO_CLOSE int below = open_entry(folder, name, O_RDONLY | O_DIRECTORY);
  return below < 0 ? skip_mounted(self) : archive_folder(self, below);
}

static bool archive_entry(struct take *self, int folder, const char *name) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return fail(self, ARTIFACT_UNREADABLE);
  if (S_ISDIR(status.st_mode) && !may_hold(self)) return true;
  if (!S_ISDIR(status.st_mode) && !is_wanted(self)) return true;
  if (S_ISDIR(status.st_mode)) return archive_subfolder(self, folder, name);
  if (S_ISREG(status.st_mode)) return archive_file(self, folder, name);
  if (S_ISLNK(status.st_mode)) return archive_link(self, folder, name, &status);
  self->taken.skipped++;
  return true;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

struct list {
  char **names;
  size_t count;
};

static void free_list(struct list *list) {
  for (size_t i = 0; i < list->count; i++) free(list->names[i]);
  free(list->names);
}

static bool append_name(struct list *list, const char *name) {
  if ((list->count & (list->count - 1)) == 0) {
    char **larger = reallocarray(list->names, list->count == 0 ? 1 : 2 * list->count, sizeof *larger);
    if (larger == NULL) return false;
    list->names = larger;
  }
  char *copy = strdup(name);
  if (copy != NULL) list->names[list->count++] = copy;
  return copy != NULL;
}

/* Reads the names in a folder, in the order of their bytes; each counts as one entry, whether it is wanted or not. */
static bool list_names(struct take *self, int fd, struct list *list) {
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = copy < 0 ? NULL : fdopendir(copy);
  if (folder == NULL) return close_fd(&copy), fail(self, ARTIFACT_UNREADABLE);
  bool listed = true;
  errno = 0;
  for (struct dirent *entry; listed && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    listed = (self->entries_left > 0 && self->entries_left--) || fail(self, ARTIFACT_ENTRIES);
    if (listed) listed = append_name(list, entry->d_name) || fail(self, ARTIFACT_UNREADABLE);
    errno = 0;
  }
  if (listed && errno != 0) listed = fail(self, ARTIFACT_UNREADABLE);
  closedir(folder);
  if (listed && list->count > 1) qsort(list->names, list->count, sizeof *list->names, compare_names);
  return listed;
}

/* Adds the folder itself, if it is wanted, and its content. */
static bool archive_folder(struct take *self, int fd) {
  struct stat status;
  size_t length = strlen(self->path);
  if (fstat(fd, &status) != 0) return fail(self, ARTIFACT_UNREADABLE);
  if (self->depth == DEPTH_MOST || length + 1 >= sizeof self->path) return fail(self, ARTIFACT_DEPTH);
  if (length > 0) memcpy(self->path + length++, "/", 2);
  if (self->depth == 0) self->taken.mode = status.st_mode & 0777;
  bool top = self->depth == 0 && self->pattern == NULL;
  if ((top || (self->depth > 0 && is_wanted(self))) && !emit_headers(self, "", &status)) return false;
  __attribute__((cleanup(free_list))) struct list list = {0};
  bool archived = list_names(self, fd, &list);
  for (size_t i = 0; archived && i < list.count; i++) {
    size_t room = sizeof self->path - length;
    self->names[self->depth++] = list.names[i];
    bool fits = (size_t)snprintf(self->path + length, room, "%s", list.names[i]) < room;
    archived = fits ? archive_entry(self, fd, list.names[i]) : fail(self, ARTIFACT_DEPTH);
    self->depth--;
    self->path[length] = '\0';
  }
  return archived;
}

static bool take_folder(struct take *self, const char *path) {
  AUTO_CLOSE int folder = open_path(self, path, O_RDONLY | O_DIRECTORY);
  if (folder < 0) return fail(self, refusal(errno));
  self->taken.folder = true;
  const char *name = strrchr(path, '/') + 1;
  if ((size_t)snprintf(self->path, sizeof self->path, "%s", name) >= sizeof self->path)
    return fail(self, ARTIFACT_DEPTH);
  if (!archive_folder(self, folder)) return false;
  if (self->taken.entries == 0 && self->taken.skipped == 0) return fail(self, ARTIFACT_MISSING);
  /* Two empty blocks are the end of an archive. */
  return emit_hole(self, (uint64_t)2 * TAR_BLOCK);
}

/* Adds what matches a pattern below a folder. */
static bool take_pattern(struct take *self, const char *path, const char *pattern) {
  AUTO_FREE char *copy = strdup(pattern);
  AUTO_FREE char **names = must_allocate(strlen(pattern) + 1, sizeof *names);
  if (copy == NULL) die("out of memory");
  self->pattern = names;
  for (char *rest = copy, *name; (name = strsep(&rest, "/")) != NULL;)
    if (*name != '\0') names[self->pattern_names++] = name;
  return take_folder(self, path);
}

static bool take_whatever(struct take *self, const struct artifact_plan *wanted) {
  if (*wanted->pattern != '\0') return take_pattern(self, wanted->path, wanted->pattern);
  /* Its type is checked before it is opened for reading, which has effects on devices. */
  AUTO_CLOSE int fd = open_path(self, wanted->path, O_PATH);
  struct stat status;
  if (fd < 0) return fail(self, refusal(errno));
  if (fstat(fd, &status) != 0) return fail(self, ARTIFACT_UNREADABLE);
  if (S_ISREG(status.st_mode)) return take_file(self, wanted->path);
  return S_ISDIR(status.st_mode) ? take_folder(self, wanted->path) : fail(self, ARTIFACT_KIND);
}

static void take_one(struct take *all, const struct artifact_plan *wanted, size_t index) {
  struct take *self = must_allocate(1, sizeof *self);
  *self = *all;
  int out = self->out = self->batch->files[index];
  self->checked = -SPARE_STEP; /* the first check is before the first byte */
  sha256_begin(&self->hash);
  bool taken =
      take_whatever(self, wanted) && (ftruncate(out, (off_t)self->taken.size) == 0 || fail(self, ARTIFACT_DISK));
  if (taken) {
    sha256_end(&self->hash, self->taken.digest);
    self->taken.status = ARTIFACT_TAKEN;
  } else {
    /* Its blocks are released: the next artifacts may need them. */
    (void)!ftruncate(out, 0);
  }
  self->batch->statuses[index] = self->taken.status;
  self->taken.status = ARTIFACT_UNFINISHED;
  self->batch->results[index] = self->taken;
  self->batch->written = index + 1;
  all->entries_left = self->entries_left;
  free(self);
}

void take_artifacts(const struct plan *plan, int root, const int *files, struct artifact *results) {
  struct take *all = must_allocate(1, sizeof *all);
  struct batch batch = {.files = files, .results = results};
  all->batch = &batch;
  all->plan = plan;
  all->root = root;
  all->bytes_left = plan->artifact_bytes;
  all->entries_left = plan->artifact_entries;
  all->buffer = must_allocate(BUFFER_BYTES, 1);
  for (size_t i = 0; i < plan->artifacts_count; i++) {
    take_one(all, &plan->artifacts[i], i);
    if (batch.statuses[i] == ARTIFACT_TAKEN) all->bytes_left -= results[i].size;
  }
  publish(&batch);
}
