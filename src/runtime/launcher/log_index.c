#define _GNU_SOURCE
#include "log_index.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "little_endian.h"
#include "util.h"

#define RECORD 64u
#define CHECK 60u

/* FNV-1a with 32 bits (RFC 9923). */
static uint32_t hash(const unsigned char *data, size_t length) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < length; i++) value = (value ^ data[i]) * 16777619u;
  return value;
}

void log_index_note(struct log_index *index, uint64_t offset, uint64_t dropped) {
  if (index->fd < 0 || offset < index->next) return;
  const uint64_t fields[] = {offset,          index->latest,   index->lines[0], index->lines[1],
                             index->bytes[0], index->bytes[1], dropped};
  unsigned char record[RECORD];
  for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) put_le(record + 8 * i, fields[i], 8);
  put_le(record + 56, index->flags, 4);
  put_le(record + CHECK, hash(record, CHECK), 4);
  /* If the disk is full, the next record is written in this place. */
  if (RETRY(pwrite(index->fd, record, RECORD, (off_t)index->size)) == (long)RECORD) index->size += RECORD;
  index->next = offset + LOG_INDEX_STRIDE;
}

/* Counts eight bytes at once: the highest bit of each byte of `others` is set if the byte is not a newline. */
static uint64_t count_newlines(const unsigned char *data, size_t length) {
  const uint64_t ones = 0x0101010101010101u;
  uint64_t lines = 0;
  size_t i = 0;
  for (; i + sizeof ones <= length; i += sizeof ones) {
    uint64_t bytes;
    memcpy(&bytes, data + i, sizeof bytes);
    bytes ^= ones * '\n';
    uint64_t others = ((bytes & ones * 0x7f) + ones * 0x7f) | bytes;
    lines += (~others >> 7 & ones) * ones >> 56;
  }
  for (; i < length; i++) lines += data[i] == '\n';
  return lines;
}

void log_index_count(struct log_index *index, unsigned stream, uint64_t time, const unsigned char *payload,
                     size_t length) {
  if (length == 0) return;
  /* A log has either the streams of a terminal or the other two. */
  unsigned which = stream == 2 ? 1 : 0;
  index->lines[which] += count_newlines(payload, length);
  index->bytes[which] += length;
  if (time > index->latest) index->latest = time;
  uint32_t open = 1u << which;
  index->flags = (index->flags & ~(open | 4u)) | (payload[length - 1] == '\n' ? 0 : open) | (which == 1 ? 4u : 0) |
                 (stream == 3 ? 8u : 0);
}
