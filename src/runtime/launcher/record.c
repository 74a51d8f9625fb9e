#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define RESERVED (20 << 10)
#define YIELDED (4 << 10)
#define COLLECT_MOST 65536

bool record_open(struct record *record) {
  record->fd = open("exit", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (record->fd < 0) return false;
  /* Not every file system supports this; without it the last write may find the disk full. */
  if (fallocate(record->fd, 0, 0, RESERVED) == 0) return true;
  return errno == EOPNOTSUPP;
}

void record_yield(const struct record *record) {
  (void)!ftruncate(record->fd, RESERVED - YIELDED);
}

void record_collect(struct record *record, const struct plan *plan, int cgroup) {
  FILE *stream = open_memstream(&record->files, &record->files_length);
  if (stream == NULL) die("out of memory");
  for (size_t i = 0; i < plan->collect_count; i++) {
    AUTO_FREE char *text = read_file_at(cgroup, plan->collect[i], COLLECT_MOST, NULL);
    if (text != NULL) fprintf(stream, "file%c%s%c%s%c", 0, plan->collect[i], 0, text, 0);
  }
  fclose(stream);
}

static void put(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(FILE *stream, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stream, format, arguments);
  va_end(arguments);
  fputc('\0', stream);
}

static void put_number(FILE *stream, const char *name, int64_t number) {
  put(stream, "%s", name);
  put(stream, "%lld", (long long)number);
}

static void put_termination(FILE *stream, const struct record *record) {
  bool signaled = record->ended && WIFSIGNALED(record->status);
  put(stream, "termination");
  put(stream, "%s", !record->ended ? "none" : signaled ? "signaled" : "exited");
  put(stream, "%d", !record->ended ? 0 : signaled ? WTERMSIG(record->status) : WEXITSTATUS(record->status));
}

static void put_digest(FILE *stream, const unsigned char digest[SHA256_BYTES]) {
  for (size_t i = 0; i < SHA256_BYTES; i++) fprintf(stream, "%02x", digest[i]);
  fputc('\0', stream);
}

/*
 * The input of a terminal is left out: everything typed there except passwords is in the log, so a digest would help to
 * guess them.
 */
static void put_input(FILE *stream, const struct input *input) {
  if (input == NULL || !input->open || input->is_terminal) return;
  struct sha256 hash = input->hash;
  unsigned char digest[SHA256_BYTES];
  sha256_end(&hash, digest);
  put_number(stream, "input", (int64_t)input->accepted);
  put_digest(stream, digest);
}

static void put_artifact(FILE *stream, const struct artifact *artifact) {
  put(stream, "artifact");
  put(stream, "%s", artifact_word(artifact->status));
  put(stream, "%s", artifact->folder ? "folder" : "file");
  put(stream, "%u", (unsigned)artifact->mode);
  put(stream, "%llu", (unsigned long long)artifact->size);
  put(stream, "%llu", (unsigned long long)artifact->entries);
  put(stream, "%llu", (unsigned long long)artifact->skipped);
  put_digest(stream, artifact->digest);
}

static void put_fields(FILE *stream, const struct record *record) {
  static const char *const causes[] = {"none", "time", "output", "stop", "cputime"};
  put(stream, "cell-exit");
  put(stream, "1");
  put_number(stream, "executed", record->executed);
  put_number(stream, "started", record->started);
  put_number(stream, "finished", record->finished);
  put_number(stream, "duration", record->duration);
  put(stream, "cause");
  put(stream, "%s", causes[record->cause]);
  put_termination(stream, record);
  if (record->failure.kind == REPORT_FAILED) {
    put(stream, "failure");
    put(stream, "%s", record->failure.step);
    put(stream, "%d", record->failure.error);
    put(stream, "%u", record->failure.index);
    put(stream, "%s", record->failure.subject);
    put(stream, "%s", record->failure.second);
  }
  put_number(stream, "kept", (int64_t)record->kept);
  put_number(stream, "dropped", (int64_t)record->dropped);
  put_input(stream, record->input);
  fwrite(record->files == NULL ? "" : record->files, 1, record->files_length, stream);
  for (size_t i = 0; i < record->artifacts_count; i++) put_artifact(stream, &record->artifacts[i]);
  if (record->note != NULL) {
    put(stream, "note");
    put(stream, "%s", record->note);
  }
  put(stream, "end");
}

bool record_write(struct record *record, const char *id) {
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  if (stream == NULL) die("out of memory");
  put_fields(stream, record);
  fclose(stream);
  AUTO_CLOSE int exits = open("../../exits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool written = exits >= 0 && write_all(record->fd, text, length) && ftruncate(record->fd, (off_t)length) == 0 &&
                 renameat(AT_FDCWD, "exit", exits, id) == 0;
  free(text);
  return written;
}
