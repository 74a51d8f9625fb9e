#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "clocks.h"
#include "crc32.h"
#include "little_endian.h"
#include "util.h"

void log_header(unsigned char *header, uint32_t length, unsigned stream, unsigned flags, uint64_t time) {
  put_le(header, length, 4);
  header[4] = (unsigned char)stream;
  header[5] = (unsigned char)(flags | LOG_CHECKED);
  put_le(header + 8, time, 8);
  put_le(header + 16, crc32(header + LOG_HEADER, length), 4);
  unsigned a = 1, b = 0;
  for (unsigned i = 0; i < LOG_HEADER; i++) {
    if (i == 6 || i == 7) continue;
    a = (a + header[i]) % 251;
    b = (b + a) % 251;
  }
  put_le(header + 6, b << 8 | a, 2);
}

/* Appends a whole frame or nothing: what a full disk has cut off is truncated away. */
static bool append(struct log *log, const unsigned char *frame, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t written = RETRY(pwrite(log->fd, frame + done, length - done, (off_t)(log->end + done)));
    if (written <= 0) {
      /* Should this fail too, the next frame overwrites the rest, and readers stop at a torn last frame. */
      (void)!ftruncate(log->fd, (off_t)log->end);
      return false;
    }
    done += (size_t)written;
  }
  log->end += length;
  return true;
}

void log_output(struct log *log, enum log_stream stream, unsigned char *buffer, size_t length) {
  if (length == 0) return;
  uint64_t now = (uint64_t)wall_clock();
  log_header(buffer, (uint32_t)length, stream, LOG_OUTPUT, now);
  log_frame(log, stream, now, buffer, length);
}

void log_resize(struct log *log, unsigned rows, unsigned columns) {
  unsigned char frame[LOG_HEADER + 4];
  uint64_t now = (uint64_t)wall_clock();
  put_le(frame + LOG_HEADER, rows, 2);
  put_le(frame + LOG_HEADER + 2, columns, 2);
  log_header(frame, 4, LOG_TERMINAL, LOG_RESIZED, now);
  append(log, frame, sizeof frame);
}

void log_frame(struct log *log, enum log_stream stream, uint64_t time, const unsigned char *buffer, size_t length) {
  log_mark(log, time);
  uint64_t begin = log->end;
  if (append(log, buffer, LOG_HEADER + length)) {
    log->kept += length;
    log_index_note(&log->index, begin, log->dropped - log->unmarked);
    log_index_count(&log->index, stream, time, buffer + LOG_HEADER, length);
  } else {
    log_drop(log, length);
  }
}

void log_drop(struct log *log, size_t length) {
  log->dropped += length;
  log->unmarked += length;
}

void log_mark_frame(unsigned char *frame, uint64_t dropped, uint64_t time) {
  put_le(frame + LOG_HEADER, dropped, 8);
  log_header(frame, LOG_MARK - LOG_HEADER, 0, LOG_DROPPED, time);
}

void log_mark(struct log *log, uint64_t time) {
  if (log->unmarked == 0) return;
  unsigned char frame[LOG_MARK];
  log_mark_frame(frame, log->unmarked, time);
  if (append(log, frame, sizeof frame)) log->unmarked = 0;
}
