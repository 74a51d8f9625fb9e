#define _GNU_SOURCE
#include "util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void close_fd(int *fd) {
  if (*fd >= 0) {
    int saved = errno;
    close(*fd);
    errno = saved;
  }
  *fd = -1;
}

void free_pointer(void *pointer) {
  free(*(void **)pointer);
}

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("cell: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

void *must_allocate(size_t count, size_t size) {
  void *memory = calloc(count == 0 ? 1 : count, size);
  if (memory == NULL) die("out of memory");
  return memory;
}

void *must_reserve(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) die("out of memory");
  return memory;
}

static int compare_fds(const void *left, const void *right) {
  return *(const int *)left - *(const int *)right;
}

void close_others(int *keep, size_t count) {
  qsort(keep, count, sizeof *keep, compare_fds);
  int next = 3; /* 0 to 2 stay open, so that nothing else gets these numbers */
  for (size_t i = 0; i < count; i++) {
    if (keep[i] < next) continue;
    if (keep[i] > next) close_range((unsigned)next, (unsigned)keep[i] - 1, 0);
    next = keep[i] + 1;
  }
  close_range((unsigned)next, ~0u, 0);
}

bool write_all(int fd, const void *data, size_t length) {
  const char *position = data;
  while (length > 0) {
    ssize_t written = RETRY(write(fd, position, length));
    if (written < 0) return false;
    position += written;
    length -= (size_t)written;
  }
  return true;
}

char *read_file_at(int directory, const char *path, size_t most, size_t *length) {
  AUTO_CLOSE int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? NULL : read_open_file(fd, most, length);
}

char *read_open_file(int fd, size_t most, size_t *length) {
  size_t capacity = 4096, used = 0;
  char *buffer = must_allocate(capacity + 1, 1);
  for (;;) {
    ssize_t count = RETRY(read(fd, buffer + used, capacity - used));
    if (count < 0) break;
    used += (size_t)count;
    if (count == 0) {
      buffer[used] = '\0';
      if (length != NULL) *length = used;
      return buffer;
    }
    if (used > most) {
      errno = EFBIG;
      break;
    }
    if (used == capacity) {
      capacity *= 2;
      char *larger = realloc(buffer, capacity + 1);
      if (larger == NULL) die("out of memory");
      buffer = larger;
    }
  }
  int saved = errno;
  free(buffer);
  errno = saved;
  return NULL;
}

bool write_file_at(int directory, const char *path, const char *text) {
  AUTO_CLOSE int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && RETRY(write(fd, text, strlen(text))) == (long)strlen(text);
}

bool write_process_file(pid_t pid, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  return write_file_at(AT_FDCWD, path, text);
}

bool remove_tree(int parent, const char *name) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (folder == NULL) return false;
  bool removed = true;
  for (struct dirent *entry; removed && (entry = readdir(folder)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) removed = remove_tree(fd, entry->d_name);
  closedir(folder);
  return removed && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}
