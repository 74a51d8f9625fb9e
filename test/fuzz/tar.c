/*
 * Fuzzes the reader of archives, src/runtime/launcher/tar.c, under AddressSanitizer and UndefinedBehaviorSanitizer.
 * Whatever comes, it must neither crash nor leak nor read without end, and
 *
 *   - an entry has a path and a target without NUL bytes, and its content is as long as it says, or the archive is cut
 * off;
 *   - what ended with an error stays there;
 *   - the archive cut anywhere before its end is an error: nothing is taken for the whole.
 */
#define _GNU_SOURCE
#include "../../src/runtime/launcher/tar.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

/* More entries than blocks cannot be. */
static size_t count_entries(const uint8_t *data, size_t size, bool *whole) {
  int fd = memfd_create("archive", MFD_CLOEXEC);
  CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
  struct tar tar = {.fd = fd};
  size_t entries = 0;
  while (tar_next(&tar)) {
    CHECK(tar.error == NULL && tar.entry.path != NULL && tar.entry.link != NULL);
    CHECK(strlen(tar.entry.path) <= TAR_PAX_MOST && strlen(tar.entry.link) <= TAR_PAX_MOST);
    CHECK(tar.entry.mode <= 07777);
    CHECK(++entries <= size / TAR_BLOCK);
    /* Of some entries the content is left to the reader. */
    if (entries % 3 == 0) continue;
    uint64_t read = 0;
    char buffer[777];
    for (long got; (got = tar_read(&tar, buffer, sizeof buffer)) != 0;) {
      if (got < 0) break;
      read += (uint64_t)got;
    }
    CHECK(tar.error != NULL || read == tar.entry.size);
  }
  CHECK(!tar_next(&tar) || tar.error == NULL);
  *whole = tar.error == NULL;
  if (!*whole) CHECK(!tar_next(&tar));
  tar_free(&tar);
  close(fd);
  return entries;
}

/* With a checksum that is right, in each block that looks like a header: else hardly any input would get past it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 == 0) return size;
  for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
    uint8_t *block = data + at;
    if (memcmp(block + 257, "ustar", 5) != 0) continue;
    memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++) sum += block[i];
    char text[8];
    snprintf(text, sizeof text, "%06o", sum);
    memcpy(block + 148, text, 7);
  }
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bool whole;
  size_t entries = count_entries(data, size, &whole);
  if (!whole || size < TAR_BLOCK) return 0;
  /* Up to the block of zeroes that ends it. */
  size_t end = 0;
  static const uint8_t zeroes[TAR_BLOCK];
  for (size_t at = 0; at + TAR_BLOCK <= size && end == 0; at += TAR_BLOCK)
    if (memcmp(data + at, zeroes, TAR_BLOCK) == 0) end = at + TAR_BLOCK;
  /* Zeroes may be content too: only the first block of them is surely not before the end. */
  if (end == 0) return 0;
  bool cut_whole;
  CHECK(count_entries(data, end - 1, &cut_whole) <= entries);
  CHECK(!cut_whole);
  return 0;
}
