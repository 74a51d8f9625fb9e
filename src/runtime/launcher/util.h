/* What every part of the launcher uses: descriptors and memory that free themselves, reading and writing files. */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Repeats a system call while signals interrupt it (EINTR). */
#define RETRY(expression)                            \
  (__extension__({                                   \
    long retry_result_;                              \
    do {                                             \
      retry_result_ = (long)(expression);            \
    } while (retry_result_ == -1 && errno == EINTR); \
    retry_result_;                                   \
  }))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* For AUTO_CLOSE: closes a descriptor that is not negative. */
void close_fd(int *fd);
/* For AUTO_FREE: frees what a pointer points to. */
void free_pointer(void *pointer);
#define AUTO_CLOSE __attribute__((cleanup(close_fd)))
#define AUTO_FREE __attribute__((cleanup(free_pointer)))

/* Prints a message to stderr and exits with status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/* Zeroed memory; the process exits when there is none. */
void *must_allocate(size_t count, size_t size);

/* The same with any content: pages that are never written take no memory. */
void *must_reserve(size_t size);

/* Writes all `length` bytes. False with errno. */
bool write_all(int fd, const void *data, size_t length);

/* Closes every descriptor from 3 on except these, in any order; those that are negative count for nothing. */
void close_others(int *keep, size_t count);

/*
 * Reads a whole file into a NUL-terminated buffer, which the caller frees. NULL with errno, EFBIG for a file of more
 * than `most` bytes.
 */
char *read_file_at(int directory, const char *path, size_t most, size_t *length);

/* The same of an open file, from where it is at. */
char *read_open_file(int fd, size_t most, size_t *length);

/*
 * Writes `text` into a file that exists, in one write(2): the kernel parses each write to a file of proc or of a
 * cgroup by itself. False with errno.
 */
bool write_file_at(int directory, const char *path, const char *text);
/* The same for the file `name` in /proc/PID. */
bool write_process_file(pid_t pid, const char *name, const char *text);

/*
 * Removes a file, or a folder with all that is in it, and follows no link: `name` is one name in the folder `parent`.
 * True also when it is not there, false with errno.
 */
bool remove_tree(int parent, const char *name);

#endif
