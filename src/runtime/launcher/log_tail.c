#define _GNU_SOURCE
#include "log_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clocks.h"
#include "little_endian.h"
#include "util.h"

static const char *const names[] = {"tail.0", "tail.1"};
static const char end_name[] = "tail.end";
static const unsigned char end_header[LOG_HEADER];

bool log_tail_open(struct log_tail *tail, uint64_t bytes) {
  *tail = (struct log_tail){.share = bytes / 2, .parts = {{.fd = -1}, {.fd = -1}}};
  if (tail->share == 0) return true;
  for (unsigned i = 0; i < 2; i++) {
    tail->parts[i].fd = open(names[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (tail->parts[i].fd < 0) return false;
  }
  return true;
}

/*
 * Writes at the beginning of a part how much was dropped so far. From that a server that finds the parts of a killed
 * supervisor learns which one is older, and how much is missing before it.
 */
static void begin(struct log_part *part, const struct log *log) {
  unsigned char mark[LOG_MARK + sizeof end_header] = {0};
  log_mark_frame(mark, log->unmarked, (uint64_t)wall_clock());
  part->size = RETRY(pwrite(part->fd, mark, sizeof mark, 0)) == (long)sizeof mark ? LOG_MARK : 0;
}

static void empty(struct log_part *part, struct log *log) {
  log_drop(log, (size_t)part->output);
  /* If this fails, the file is still overwritten from its beginning. */
  if (part->size > 0) (void)!pwrite(part->fd, end_header, sizeof end_header, 0);
  part->size = part->output = 0;
}

static bool append(const struct log_part *part, const unsigned char *frame, size_t length) {
  const struct iovec rest[] = {{(void *)(frame + LOG_HEADER), length}, {(void *)end_header, sizeof end_header}};
  ssize_t size = (ssize_t)(length + sizeof end_header);
  return RETRY(pwritev(part->fd, rest, 2, (off_t)(part->size + LOG_HEADER))) == size &&
         RETRY(pwrite(part->fd, frame, LOG_HEADER, (off_t)part->size)) == (long)LOG_HEADER;
}

void log_tail_output(struct log_tail *tail, struct log *log, enum log_stream stream, unsigned char *buffer,
                     size_t length) {
  if (length == 0) return;
  struct log_part *part = &tail->parts[tail->current];
  if (length > tail->share) {
    /* The beginning of the data is dropped: it would be between what was kept so far and the end. */
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
  /* The next frame overwrites one that a full disk has cut off. */
  if (!append(part, buffer, length)) {
    log_drop(log, length);
    return;
  }
  part->size += LOG_HEADER + length;
  part->output += length;
}

static void append_part(const struct log_part *part, struct log *log, unsigned char *buffer) {
  uint64_t lost = part->output;
  for (uint64_t at = 0; at < part->size;) {
    long read = RETRY(pread(part->fd, buffer, LOG_HEADER + LOG_PAYLOAD_MOST, (off_t)at));
    size_t length = read < (long)LOG_HEADER ? 0 : (size_t)get_le(buffer, 4);
    /* Our own file cannot be read back, so the disk is failing. */
    if (length == 0 || length > LOG_PAYLOAD_MOST || read < (long)(LOG_HEADER + length)) break;
    at += LOG_HEADER + length;
    /* The number at the beginning is for readers of parts that were left; this process has it in memory. */
    if (buffer[5] != (LOG_OUTPUT | LOG_CHECKED)) continue;
    log_frame(log, buffer[4], get_le(buffer + 8, 8), buffer, length);
    lost -= length;
  }
  log_drop(log, (size_t)lost);
}

/* If the disk is too full for it and this process is killed now, the parts could be appended twice. */
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
