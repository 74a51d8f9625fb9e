#define _GNU_SOURCE
#include "tar_writer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The layout of a header (tar(5)). */
struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[8];
  char owner[32], group[32], rest[TAR_BLOCK - 329];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "the header of an entry is one block");

/*
 * Writes octal digits and a NUL; a number that does not fit becomes binary, which the first bit says (base 256 of GNU
 * tar).
 */
static void put_number(char *field, size_t width, uint64_t value) {
  if (value >> (3 * (width - 1)) == 0) {
    char text[32];
    snprintf(text, sizeof text, "%0*llo", (int)width - 1, (unsigned long long)value);
    memcpy(field, text, width);
    return;
  }
  memset(field, 0, width);
  for (size_t i = 0; i < sizeof value; i++) field[width - 1 - i] = (char)(value >> (8 * i));
  field[0] = (char)0x80;
}

static void put_header(unsigned char *to, char type, const char *path, const char *link, uint64_t size,
                       const struct stat *status) {
  struct header header = {.type = type, .magic = "ustar  "};
  memcpy(header.name, path, strnlen(path, sizeof header.name));
  memcpy(header.link, link, strnlen(link, sizeof header.link));
  put_number(header.mode, sizeof header.mode, status->st_mode & 0777);
  put_number(header.uid, sizeof header.uid, status->st_uid);
  put_number(header.gid, sizeof header.gid, status->st_gid);
  put_number(header.size, sizeof header.size, size);
  put_number(header.mtime, sizeof header.mtime, status->st_mtime < 0 ? 0 : (uint64_t)status->st_mtime);
  memset(header.checksum, ' ', sizeof header.checksum);
  memcpy(to, &header, sizeof header);
  unsigned sum = 0;
  for (size_t i = 0; i < sizeof header; i++) sum += to[i];
  snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
  memcpy(to, &header, sizeof header);
}

/* Writes a name that is too long for the header of its entry: as the content of an entry before it. */
static size_t put_long(unsigned char *to, char type, const char *name) {
  static const struct stat nothing;
  size_t length = strlen(name) + 1, padded = (length + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
  put_header(to, type, "././@LongLink", "", length, &nothing);
  memset(to + TAR_BLOCK, 0, padded);
  memcpy(to + TAR_BLOCK, name, length);
  return TAR_BLOCK + padded;
}

size_t tar_headers(unsigned char headers[TAR_HEADERS_MOST], const char *path, const char *link,
                   const struct stat *status) {
  const size_t fits = sizeof((struct header *)NULL)->name;
  size_t used = 0;
  if (strlen(path) > fits) used += put_long(headers + used, 'L', path);
  if (strlen(link) > fits) used += put_long(headers + used, 'K', link);
  bool file = S_ISREG(status->st_mode);
  put_header(headers + used,
             file                       ? '0'
             : S_ISDIR(status->st_mode) ? '5'
                                        : '2',
             path, link, file ? (uint64_t)status->st_size : 0, status);
  return used + TAR_BLOCK;
}
