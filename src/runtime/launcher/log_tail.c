#define _GNU_SOURCE
#include "log_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cell.h"

static const char *const names[] = {"tail.0", "tail.1"};

bool log_tail_open(struct log_tail *tail, uint64_t bytes) {
  *tail = (struct log_tail){.share = bytes / 2, .parts = {{.fd = -1}, {.fd = -1}}};
  if (tail->share == 0) return true;
  for (unsigned i = 0; i < 2; i++) {
    tail->parts[i].fd = open(names[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (tail->parts[i].fd < 0) return false;
  }
  return true;
}

static void turn_over(struct log_tail *tail, struct log *log) {
  tail->current = 1 - tail->current;
  struct log_part *part = &tail->parts[tail->current];
  log_drop(log, (size_t)part->output);
  part->size = part->output = 0;
  /* Should this fail, the file is overwritten from its beginning all the same. */
  (void)!ftruncate(part->fd, 0);
}

void log_tail_output(struct log_tail *tail, struct log *log, enum log_stream stream, unsigned char *buffer,
                     size_t length) {
  if (length > tail->share) {
    size_t early = length - (size_t)tail->share;
    log_drop(log, early);
    buffer += early;
    length -= early;
  }
  if (length == 0) return;
  if (tail->parts[tail->current].output + length > tail->share) turn_over(tail, log);
  struct log_part *part = &tail->parts[tail->current];
  log_header(buffer, (uint32_t)length, stream, 0, (uint64_t)wall_clock());
  size_t size = LOG_HEADER + length;
  /* A frame that a full disk cuts short is overwritten by the next. */
  if (RETRY(pwrite(part->fd, buffer, size, (off_t)part->size)) != (long)size) {
    log_drop(log, length);
    return;
  }
  part->size += size;
  part->output += length;
}

static uint64_t get_le(const unsigned char *at, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

static void append_part(const struct log_part *part, struct log *log, unsigned char *buffer) {
  uint64_t lost = part->output;
  for (uint64_t at = 0; at < part->size;) {
    long read = RETRY(pread(part->fd, buffer, LOG_HEADER + LOG_PAYLOAD_MOST, (off_t)at));
    size_t length = read < (long)LOG_HEADER ? 0 : (size_t)get_le(buffer, 4);
    /* A file of ours that cannot be read back: the disk fails. */
    if (length == 0 || length > LOG_PAYLOAD_MOST || read < (long)(LOG_HEADER + length)) break;
    log_frame(log, buffer[4], get_le(buffer + 8, 8), buffer, length);
    at += LOG_HEADER + length;
    lost -= length;
  }
  log_drop(log, (size_t)lost);
}

void log_tail_append(struct log_tail *tail, struct log *log, unsigned char *buffer) {
  if (tail->share == 0) return;
  for (unsigned i = 1; i <= 2; i++) {
    struct log_part *part = &tail->parts[(tail->current + i) % 2];
    append_part(part, log, buffer);
    close_fd(&part->fd);
  }
  for (unsigned i = 0; i < 2; i++) unlink(names[i]);
}
