/* What every part of the launcher uses: descriptors and memory that free themselves, reading and writing files. */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Evaluates a system call again for as long as a signal interrupts it. */
#define RETRY(expression)                                                                                    \
  (__extension__({                                                                                           \
    long retry_result_;                                                                                      \
    do                                                                                                       \
      retry_result_ = (long)(expression);                                                                    \
    while (retry_result_ == -1 && errno == EINTR);                                                           \
    retry_result_;                                                                                           \
  }))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

void close_fd(int *fd);
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

/* Prints a message to stderr and exits 1: for the roles' own start, where nothing runs yet. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

void *must_allocate(size_t count, size_t size);

/* Writes all of it, or fails with errno. */
bool write_all(int fd, const void *data, size_t length);

/* Reads a file to its end into a NUL-terminated buffer, or NULL with errno (EFBIG beyond `most` bytes). */
char *read_file_at(int directory, const char *path, size_t most, size_t *length);

/*
 * Writes `text` into a file that exists, in one write(2): the kernel parses each write to a file of proc or of a
 * cgroup by itself. False with errno.
 */
bool write_file_at(int directory, const char *path, const char *text);
/* The same for the file `name` in /proc/PID. */
bool write_process_file(pid_t pid, const char *name, const char *text);

#endif
