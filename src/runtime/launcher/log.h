/*
 * The log: frames of a 20-byte little-endian header and a payload.
 *
 *   0  u32  payload length
 *   4  u8   stream: 1 stdout, 2 stderr, 3 terminal, 0 none
 *   5  u8   flags: 0 output, 1 mark "dropped" (payload: u64, bytes not kept since the last mark), 2 size of the
 *           terminal from here on (payload: u16 rows, u16 columns); and 128: with a checksum of the payload
 *   6  u16  check over the other 18 bytes
 *   8  u64  wall clock, nanoseconds since 1970
 *  16  u32  CRC-32 of the payload
 *
 * Frames of earlier releases are without 128 and the last field, and in the same log as these where a server was
 * replaced while the job ran.
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>
#include <stdint.h>

#include "log_index.h"

#define LOG_HEADER 20u
#define LOG_PAYLOAD_MOST (64u << 10)
#define LOG_MARK (LOG_HEADER + 8)

enum log_stream { LOG_STDOUT = 1, LOG_STDERR = 2, LOG_TERMINAL = 3 };
enum log_flags { LOG_OUTPUT = 0, LOG_DROPPED = 1, LOG_RESIZED = 2, LOG_CHECKED = 128 };

struct log {
  int fd;
  uint64_t end;      /* offset after the last whole frame */
  uint64_t kept;     /* bytes of output in the file */
  uint64_t dropped;  /* bytes of output that could not be kept, in all */
  uint64_t unmarked; /* of those, the ones that no mark counts yet */
  struct log_index index;
};

/* Fills in the header of a frame, for the `length` bytes of payload after it; `time` in nanoseconds since 1970. */
void log_header(unsigned char *header, uint32_t length, unsigned stream, unsigned flags, uint64_t time);
/* Makes a mark of LOG_MARK bytes, which says that `dropped` bytes were not kept. */
void log_mark_frame(unsigned char *frame, uint64_t dropped, uint64_t time);
/* Appends a frame with the current time. `buffer` has LOG_HEADER bytes of room before the payload of `length` bytes. */
void log_output(struct log *log, enum log_stream stream, unsigned char *buffer, size_t length);
/* Appends the size that the terminal has from here on. On a full disk it is left out. */
void log_resize(struct log *log, unsigned rows, unsigned columns);
/* Appends a frame that has its header, after a mark for what was dropped before it. */
void log_frame(struct log *log, enum log_stream stream, uint64_t time, const unsigned char *buffer, size_t length);
/* Counts output that is not kept. */
void log_drop(struct log *log, size_t length);
/* Writes the mark for what was dropped since the last one; on a full disk only the exit record counts it. */
void log_mark(struct log *log, uint64_t time);

#endif
