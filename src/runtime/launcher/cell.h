/*
 * cell: the launcher. Theory of operation.
 *
 *   server ==socket==> spawner --fork--> supervisor --clone3--> init (PID 1) --fork--> command
 *
 * The spawner (spawner.c) is a small process that the server starts once; it forks a supervisor for each
 * request, so that the server itself never forks. A supervisor (supervisor.c) reads the launch plan from the
 * job's folder (plan.c), makes the cgroup (cgroup.c) and the root file system (root.c), clones init into all
 * the new namespaces, and from then on reads the output into the log (log.c), answers on the control socket
 * (control.c), enforces the deadline and the output limit, and last writes the exit record (record.c). It
 * depends on neither server nor spawner. Init (init.c) finishes the cell from inside, starts the command
 * (command.c), reaps, forwards signals, and passes the command's wait status on; when it exits, the kernel
 * kills what is left in its pid namespace.
 *
 * Where the server is not root, the spawner and all that comes of it live in a user namespace (inside.c), as its
 * root: everything else is the same there.
 *
 * The plan says what to do; nothing here decides. Every step that can fail names itself in the report, and
 * the first failure is the one that is told.
 */
#ifndef CELL_H
#define CELL_H

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

/* Clocks in nanoseconds. */
int64_t wall_clock(void);
int64_t monotonic_clock(void);

#endif
