/*
 * The index of a log, the file "index" next to it: what readers need in order to find a line, a time or a byte
 * of a long log without reading all of it. One record of 64 bytes, little-endian, per MiB or so of the log:
 *
 *    0  u64  offset in the log at which a frame begins; the other fields count what lies before it
 *    8  u64  latest time of a frame, nanoseconds since 1970
 *   16  u64  newlines of stdout or of the terminal, 24 of stderr
 *   32  u64  bytes of stdout, 40 of stderr
 *   48  u64  bytes that were dropped according to marks
 *   56  u32  flags: 1 stdout, 2 stderr ends within a line; 4 the last byte was of stderr, 8 what is
 *           counted for stdout is of a terminal
 *   60  u32  check: FNV-1a over the other 60 bytes
 *
 * Records are independent of one another: one that could not be written only makes readers slower.
 */
#ifndef LOG_INDEX_H
#define LOG_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define LOG_INDEX_STRIDE (1u << 20)

struct log_index {
  int fd;
  uint64_t size; /* bytes of whole records in the file */
  uint64_t next; /* offset in the log at which another record is due */
  uint64_t latest, lines[2], bytes[2];
  uint32_t flags;
};

/* Writes a record if one is due, for a frame that was appended at `offset` of the log and is not counted yet. */
void log_index_note(struct log_index *index, uint64_t offset, uint64_t dropped);
/* Counts the payload of a frame. A terminal counts as stdout. */
void log_index_count(struct log_index *index, unsigned stream, uint64_t time, const unsigned char *payload,
                     size_t length);

#endif
