#define _GNU_SOURCE
#include "tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

/* The header of an entry (pax(1), "ustar Interchange Format"); in GNU's variant the prefix is something else. */
struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2];
  char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == TAR_BLOCK, "a header is one block");

static bool fail(struct tar *tar, const char *error) {
  if (tar->error == NULL) tar->error = error;
  return false;
}

/* Reads exactly `length` bytes; fewer are there only at the end of the archive. */
static bool fill(struct tar *tar, void *buffer, size_t length) {
  for (size_t done = 0; done < length;) {
    long count = RETRY(read(tar->fd, (char *)buffer + done, length - done));
    if (count < 0) return fail(tar, "it cannot be read");
    if (count == 0) return fail(tar, "it is cut off");
    done += (size_t)count;
  }
  return true;
}

static bool skip(struct tar *tar, uint64_t length) {
  char buffer[16384];
  while (length > 0) {
    size_t step = length < sizeof buffer ? (size_t)length : sizeof buffer;
    if (!fill(tar, buffer, step)) return false;
    length -= step;
  }
  return true;
}

/* Parses octal digits between spaces, or a number in base 256 of GNU tar that fits. */
static bool parse_field(const char *field, size_t width, uint64_t *number) {
  const unsigned char *bytes = (const unsigned char *)field;
  *number = 0;
  if (bytes[0] & 0x80) {
    if (bytes[0] != 0x80) return false;
    for (size_t i = 1; i < width; i++) {
      if (*number >> 56 != 0) return false;
      *number = *number << 8 | bytes[i];
    }
    return *number <= INT64_MAX;
  }
  size_t at = 0;
  while (at < width && field[at] == ' ') at++;
  for (; at < width && field[at] >= '0' && field[at] <= '7'; at++) {
    if (*number >> 60 != 0) return false;
    *number = *number << 3 | (uint64_t)(field[at] - '0');
  }
  while (at < width && (field[at] == ' ' || field[at] == '\0')) at++;
  return at == width;
}

static bool is_empty(const struct header *header) {
  static const char zeroes[TAR_BLOCK];
  return memcmp(header, zeroes, sizeof zeroes) == 0;
}

/*
 * Compares the checksum: the sum of all bytes, with spaces in place of the checksum itself. Some programs added signed
 * bytes.
 */
static bool has_checksum(const struct header *header) {
  uint64_t expected;
  if (!parse_field(header->checksum, sizeof header->checksum, &expected)) return false;
  int64_t sum = 0, other = 0;
  const char *bytes = (const char *)header;
  const size_t from = offsetof(struct header, checksum), until = from + sizeof header->checksum;
  for (size_t i = 0; i < TAR_BLOCK; i++) {
    bool counts = i < from || i >= until;
    sum += counts ? (unsigned char)bytes[i] : ' ';
    other += counts ? (signed char)bytes[i] : ' ';
  }
  return (uint64_t)sum == expected || (other >= 0 && (uint64_t)other == expected);
}

static void set_string(char **target, char *text) {
  free(*target);
  *target = text;
}

/* Reads the content of an entry that describes the next one, and adds a NUL. */
static char *read_text(struct tar *tar, uint64_t size, uint64_t most) {
  if (size > most) return fail(tar, "it has a name or header that is too long"), NULL;
  char *text = must_allocate((size_t)size + 1, 1);
  if (fill(tar, text, (size_t)size) && skip(tar, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK)) return text;
  free(text);
  return NULL;
}

static bool parse_decimal(const char *text, uint64_t *number) {
  *number = 0;
  if (*text == '\0') return false;
  for (; *text >= '0' && *text <= '9'; text++) {
    if (*number > (uint64_t)INT64_MAX / 10 - 1) return false;
    *number = *number * 10 + (uint64_t)(*text - '0');
  }
  return *text == '\0' || *text == '.';
}

/* Takes one record of a pax header; `value` ends with a NUL. */
static bool take_record(struct tar *tar, const char *key, const char *value, size_t length) {
  struct tar_extra *extra = &tar->extra;
  bool is_path = strcmp(key, "path") == 0;
  if (is_path || strcmp(key, "linkpath") == 0) {
    if (memchr(value, '\0', length) != NULL) return fail(tar, "it has a name with a NUL byte");
    char *copy = strdup(value);
    if (copy == NULL) die("out of memory");
    set_string(is_path ? &extra->path : &extra->link, copy);
    return true;
  }
  if (strncmp(key, "GNU.sparse.", 11) == 0) return fail(tar, "it has a sparse file, which is not supported");
  if (strcmp(key, "size") == 0) return (extra->has_size = parse_decimal(value, &extra->size)) || fail(tar, "bad size");
  if (strcmp(key, "uid") == 0) return (extra->has_uid = parse_decimal(value, &extra->uid)) || fail(tar, "bad uid");
  if (strcmp(key, "gid") == 0) return (extra->has_gid = parse_decimal(value, &extra->gid)) || fail(tar, "bad gid");
  uint64_t seconds;
  /* A time before 1970 becomes 1970. */
  if (strcmp(key, "mtime") == 0) {
    extra->has_mtime = true;
    extra->mtime = parse_decimal(value, &seconds) ? (int64_t)seconds : 0;
  }
  return true;
}

/* Records are "LENGTH KEY=VALUE
", where LENGTH counts the whole record. */
static bool take_pax(struct tar *tar, char *text, size_t size) {
  for (char *record = text, *end = text + size; record < end;) {
    size_t length = 0;
    char *at = record;
    for (; at < end && *at >= '0' && *at <= '9' && length <= size; at++) length = length * 10 + (size_t)(*at - '0');
    if (at == end || *at != ' ' || length > (size_t)(end - record) || length < (size_t)(at - record) + 3)
      return fail(tar, "it has a damaged extended header");
    char *last = record + length - 1;
    char *equals = memchr(at, '=', (size_t)(last - at));
    if (*last != '\n' || equals == NULL) return fail(tar, "it has a damaged extended header");
    *equals = '\0';
    *last = '\0';
    if (!take_record(tar, at + 1, equals + 1, (size_t)(last - equals - 1))) return false;
    record += length;
  }
  return true;
}

static char *copy_field(const char *field, size_t width) {
  char *copy = strndup(field, width);
  if (copy == NULL) die("out of memory");
  return copy;
}

static char *name_of(const struct header *header) {
  bool is_posix = memcmp(header->magic, "ustar\0", 6) == 0;
  if (!is_posix || header->prefix[0] == '\0') return copy_field(header->name, sizeof header->name);
  char *whole = must_allocate(sizeof header->prefix + sizeof header->name + 2, 1);
  size_t length = strnlen(header->prefix, sizeof header->prefix);
  memcpy(whole, header->prefix, length);
  whole[length] = '/';
  memcpy(whole + length + 1, header->name, strnlen(header->name, sizeof header->name));
  return whole;
}

static enum tar_type type_of(char type, const char *path) {
  size_t length = strlen(path);
  switch (type) {
    case '0':
    case '7':
    case '\0':
      /* Archives from before ustar mark folders by a slash at the end. */
      return length > 0 && path[length - 1] == '/' ? TAR_FOLDER : TAR_FILE;
    case '1':
      return TAR_HARD_LINK;
    case '2':
      return TAR_SYMLINK;
    case '3':
    case '4':
      return TAR_DEVICE;
    case '5':
      return TAR_FOLDER;
    case '6':
      return TAR_FIFO;
    default:
      return TAR_OTHER;
  }
}

static bool take_header(struct tar *tar, const struct header *header) {
  struct tar_entry *entry = &tar->entry;
  struct tar_extra *extra = &tar->extra;
  uint64_t mode, mtime;
  if (!parse_field(header->mode, sizeof header->mode, &mode) ||
      !parse_field(header->uid, sizeof header->uid, &entry->uid) ||
      !parse_field(header->gid, sizeof header->gid, &entry->gid) ||
      !parse_field(header->size, sizeof header->size, &entry->size))
    return fail(tar, "it has a damaged header");
  entry->mode = (uint32_t)(mode & 07777);
  entry->mtime = parse_field(header->mtime, sizeof header->mtime, &mtime) ? (int64_t)mtime : 0;
  set_string(&entry->path, extra->path != NULL ? extra->path : name_of(header));
  set_string(&entry->link, extra->link != NULL ? extra->link : copy_field(header->link, sizeof header->link));
  if (extra->has_size) entry->size = extra->size;
  if (extra->has_uid) entry->uid = extra->uid;
  if (extra->has_gid) entry->gid = extra->gid;
  if (extra->has_mtime) entry->mtime = extra->mtime;
  *extra = (struct tar_extra){0};
  entry->type = type_of(header->type, entry->path);
  if (header->type == 'S') return fail(tar, "it has a sparse file, which is not supported");
  if (entry->type != TAR_FILE && entry->type != TAR_OTHER) {
    /* The size in the entry of a link is that of the original: no content follows. */
    entry->size = 0;
  }
  tar->left = entry->size;
  tar->padding = (TAR_BLOCK - entry->size % TAR_BLOCK) % TAR_BLOCK;
  return true;
}

/* Takes an entry that describes the next one. */
static bool take_meta(struct tar *tar, const struct header *header) {
  uint64_t size;
  if (!parse_field(header->size, sizeof header->size, &size)) return fail(tar, "it has a damaged header");
  bool is_pax = header->type == 'x' || header->type == 'g';
  char *text = read_text(tar, size, is_pax ? TAR_PAX_MOST : TAR_NAME_MOST);
  if (text == NULL) return false;
  if (!is_pax) {
    set_string(header->type == 'L' ? &tar->extra.path : &tar->extra.link, text);
    return true;
  }
  /* The values of a global header are not needed. */
  bool taken = header->type == 'g' || take_pax(tar, text, (size_t)size);
  free(text);
  return taken;
}

bool tar_next(struct tar *tar) {
  if (tar->error != NULL || !skip(tar, tar->left) || !skip(tar, tar->padding)) return false;
  tar->left = tar->padding = 0;
  for (;;) {
    struct header header;
    if (!fill(tar, &header, sizeof header) || is_empty(&header)) return false;
    if (!has_checksum(&header)) return fail(tar, "it is no tar archive, or is damaged");
    if (strchr("xgLK", header.type) == NULL || header.type == '\0') return take_header(tar, &header);
    if (!take_meta(tar, &header)) return false;
  }
}

long tar_read(struct tar *tar, void *buffer, size_t room) {
  size_t step = tar->left < room ? (size_t)tar->left : room;
  if (step == 0) return 0;
  long count = RETRY(read(tar->fd, buffer, step));
  if (count <= 0) return fail(tar, count == 0 ? "it is cut off" : "it cannot be read"), -1;
  tar->left -= (uint64_t)count;
  return count;
}

void tar_free(struct tar *tar) {
  free(tar->entry.path);
  free(tar->entry.link);
  free(tar->extra.path);
  free(tar->extra.link);
  tar->entry.path = tar->entry.link = tar->extra.path = tar->extra.link = NULL;
}
