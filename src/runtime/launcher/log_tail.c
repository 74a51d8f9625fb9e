#define _GNU_SOURCE
#include "log_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clocks.h"
#include "little_endian.h"
#include "util.h"

static const char *const names[] = {"tail.0", "tail.1"};
static const char end_name[] = "tail.end";

bool log_tail_open(struct log_tail *tail, uint64_t bytes) {
  *tail = (struct log_tail){.share = bytes / 2, .parts = {{.fd = -1}, {.fd = -1}}};
  if (tail->share == 0) return true;
  for (unsigned i = 0; i < 2; i++) {
    tail->parts[i].fd = open(names[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (tail->parts[i].fd < 0) return false;
  }
  return true;
}

/* Tells at the beginning of a part what was dropped by now: whoever finds the parts of a supervisor that was killed
   knows by it which one is older, and what is missing before it. */
static void begin(struct log_part *part, const struct log *log) {
  unsigned char mark[LOG_MARK];
  log_mark_frame(mark, log->unmarked, (uint64_t)wall_clock());
  part->size = RETRY(pwrite(part->fd, mark, sizeof mark, 0)) == (long)sizeof mark ? sizeof mark : 0;
}

static void empty(struct log_part *part, struct log *log) {
  log_drop(log, (size_t)part->output);
  part->size = part->output = 0;
  /* Should this fail, the file is overwritten from its beginning all the same. */
  (void)!ftruncate(part->fd, 0);
}

void log_tail_output(struct log_tail *tail, struct log *log, enum log_stream stream, unsigned char *buffer,
                     size_t length) {
  if (length == 0) return;
  struct log_part *part = &tail->parts[tail->current];
  if (length > tail->share) {
    /* With what is dropped here between, what is kept so far would not be the end any more. */
    size_t early = length - (size_t)tail->share;
    for (unsigned i = 0; i < 2; i++) empty(&tail->parts[i], log);
    tail->current = 0;
    part = &tail->parts[0];
    log_drop(log, early);
    buffer += early;
    length -= early;
  } else if (part->output + length > tail->share) {
    tail->current = 1 - tail->current;
    part = &tail->parts[tail->current];
    empty(part, log);
  }
  if (part->output == 0) begin(part, log);
  log_header(buffer, (uint32_t)length, stream, LOG_OUTPUT, (uint64_t)wall_clock());
  size_t size = LOG_HEADER + length;
  /* A frame that a full disk cuts short is overwritten by the next. */
  if (RETRY(pwrite(part->fd, buffer, size, (off_t)part->size)) != (long)size) {
    log_drop(log, length);
    return;
  }
  part->size += size;
  part->output += length;
}

static void append_part(const struct log_part *part, struct log *log, unsigned char *buffer) {
  uint64_t lost = part->output;
  for (uint64_t at = 0; at < part->size;) {
    long read = RETRY(pread(part->fd, buffer, LOG_HEADER + LOG_PAYLOAD_MOST, (off_t)at));
    size_t length = read < (long)LOG_HEADER ? 0 : (size_t)get_le(buffer, 4);
    /* A file of ours that cannot be read back: the disk fails. */
    if (length == 0 || length > LOG_PAYLOAD_MOST || read < (long)(LOG_HEADER + length)) break;
    at += LOG_HEADER + length;
    /* The mark at the beginning is for those who come upon the parts; this process has counted. */
    if (buffer[5] != LOG_OUTPUT) continue;
    log_frame(log, buffer[4], get_le(buffer + 8, 8), buffer, length);
    lost -= length;
  }
  log_drop(log, (size_t)lost);
}

/* Without it, for want of room, what is appended could be appended once more should this process be killed now. */
static void note_end(const struct log *log) {
  int fd = open(end_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  (void)!dprintf(fd, "%" PRIu64, log->end);
  close_fd(&fd);
}

void log_tail_append(struct log_tail *tail, struct log *log, unsigned char *buffer) {
  if (tail->share == 0) return;
  note_end(log);
  for (unsigned i = 1; i <= 2; i++) {
    struct log_part *part = &tail->parts[(tail->current + i) % 2];
    append_part(part, log, buffer);
    close_fd(&part->fd);
  }
  for (unsigned i = 0; i < 2; i++) unlink(names[i]);
  unlink(end_name);
}
