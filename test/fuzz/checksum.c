/*
 * Compares each way to compute a checksum, src/runtime/launcher/crc32.c, with the definition of it: for any bytes, of
 * any length and at any alignment.
 */
#define _GNU_SOURCE
#include "../../src/runtime/launcher/crc32.h"

#include <string.h>

#include "check.h"

#define MOST 512u
#define ALIGNMENT 16u

/* Bit by bit, as in ISO 3309. */
static uint32_t by_definition(const uint8_t *data, size_t size) {
  uint32_t value = ~0u;
  for (size_t i = 0; i < size; i++) {
    value ^= data[i];
    for (unsigned bit = 0; bit < 8; bit++) value = value >> 1 ^ ((value & 1) != 0 ? 0xedb88320u : 0);
  }
  return ~value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > MOST) return 0;
  uint32_t expected = by_definition(data, size);
  for (size_t at = 0; at < ALIGNMENT; at++) {
    uint8_t moved[ALIGNMENT + MOST];
    memcpy(moved + at, data, size);
    CHECK(crc32(moved + at, size) == expected && crc32_by_tables(moved + at, size) == expected);
  }
  return 0;
}
