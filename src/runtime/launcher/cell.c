#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"
#include "sealed.h"
#include "spawner.h"

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
  if (fd < 0) return NULL;
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

static int64_t clock_nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t wall_clock(void) {
  return clock_nanoseconds(CLOCK_REALTIME);
}

int64_t monotonic_clock(void) {
  return clock_nanoseconds(CLOCK_MONOTONIC);
}

/*
 * Locks the open file description that the caller passed as fd 3 and leaves it locked: flock(2) belongs to
 * the description, which the caller shares and keeps. Node has no call for it.
 */
static int lock_main(void) {
  if (RETRY(flock(3, LOCK_EX | LOCK_NB)) == 0) return 0;
  if (errno == EWOULDBLOCK) return 2;
  die("flock: %s", strerror(errno));
}

/* Every cell can read the arguments of its PID 1 in /proc/1/cmdline: no path of the host is left there. */
static char *take_argument(char *argument) {
  char *copy = strdup(argument);
  if (copy == NULL) die("out of memory");
  memset(argument, 0, strlen(argument));
  return copy;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "spawner") == 0) {
    become_sealed(argv);
    AUTO_FREE char *jobs = take_argument(argv[2]);
    AUTO_FREE char *cgroup = take_argument(argv[3]);
    memset(argv[0], 0, strlen(argv[0]));
    memset(argv[1], 0, strlen(argv[1]));
    return spawner_main(jobs, cgroup);
  }
  if (argc == 2 && strcmp(argv[1], "lock") == 0) return lock_main();
  if (argc >= 8 && strcmp(argv[1], "inside") == 0) {
    struct inside inside = {
        .groups = strcmp(argv[2], "groups") == 0,
        .uids = argv[3],
        .gids = argv[4],
        .uid_helper = argv[5],
        .gid_helper = argv[6],
    };
    inside_run(&inside, argv + 7);
  }
  fputs("This is the launcher of Cloister, started by its server:\n"
        "  cell spawner JOBS CGROUP   serve start requests on file descriptor 3\n"
        "  cell lock                  take the lock on file descriptor 3\n"
        "  cell inside groups|nogroups UIDS GIDS UIDHELPER GIDHELPER PROGRAM [ARGUMENT...]\n"
        "                             execute a program as root of a user namespace\n",
        stderr);
  return 64;
}
