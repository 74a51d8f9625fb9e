#define _GNU_SOURCE
#include "crc32.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* x^32 + x^26 + x^23 + ... + 1 with its bits reversed: the lowest one is the coefficient of x^31. */
#define POLYNOMIAL 0xedb88320u

#define SLICES 8u

/* For slice `i`, the contribution of a byte that is followed by `i` further bytes. */
static uint32_t tables[SLICES][256];

/* Before main: supervisors are forked, and share the pages. */
__attribute__((constructor)) static void fill_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (unsigned bit = 0; bit < 8; bit++) value = value >> 1 ^ ((value & 1) != 0 ? POLYNOMIAL : 0);
    tables[0][byte] = value;
  }
  for (unsigned i = 1; i < SLICES; i++)
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t before = tables[i - 1][byte];
      tables[i][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
}

/* Loads eight bytes at once, which get_le() does not. */
static uint64_t eight_bytes(const unsigned char *data) {
  uint64_t bytes;
  memcpy(&bytes, data, sizeof bytes);
  return le64toh(bytes);
}

/* The remainder of all bytes so far and these, without the inversion before and after. */
static uint32_t take_by_tables(uint32_t value, const unsigned char *data, size_t length) {
  for (; length >= SLICES; length -= SLICES, data += SLICES) {
    uint64_t bytes = eight_bytes(data) ^ value;
    value = 0;
    for (unsigned i = 0; i < SLICES; i++) value ^= tables[SLICES - 1 - i][bytes >> (8 * i) & 0xff];
  }
  for (; length > 0; length--, data++) value = value >> 8 ^ tables[0][(value ^ *data) & 0xff];
  return value;
}

uint32_t crc32_by_tables(const void *data, size_t length) {
  return ~take_by_tables(~0u, data, length);
}

#if defined(__x86_64__)
#define LANES 4u
#define LANE sizeof(__m128i)

/*
 * Multiplication without carries (Intel SDM, PCLMULQDQ) folds the bytes: a polynomial of 128 bits is replaced by one
 * that has the same remainder and lies 128 (or with four lanes, 512) bits later. After V. Gopal et al., "Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009, from which the constants are: x^(d +
 * 32) and x^(d - 32) modulo the polynomial for a distance of d bits.
 */
__attribute__((target("pclmul,sse2"))) static inline __m128i fold(__m128i lane, __m128i distance, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(lane, distance, 0x00), high = _mm_clmulepi64_si128(lane, distance, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

static inline __m128i load(const unsigned char *data) {
  return _mm_loadu_si128((const __m128i *)(const void *)data);
}

/* The same for at least 64 bytes. */
__attribute__((target("pclmul,sse2"))) static uint32_t take_fast(uint32_t value, const unsigned char *data,
                                                                 size_t length) {
  const __m128i far = _mm_set_epi64x(0x1c6e41596, 0x154442bd4), near = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i lanes[LANES];
  for (size_t i = 0; i < LANES; i++) lanes[i] = load(data + LANE * i);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128((int)value));
  data += LANES * LANE;
  length -= LANES * LANE;
  for (; length >= LANES * LANE; data += LANES * LANE, length -= LANES * LANE)
    for (size_t i = 0; i < LANES; i++) lanes[i] = fold(lanes[i], far, load(data + LANE * i));
  __m128i all = lanes[0];
  for (size_t i = 1; i < LANES; i++) all = fold(all, near, lanes[i]);
  for (; length >= LANE; data += LANE, length -= LANE) all = fold(all, near, load(data));
  unsigned char folded[LANE];
  _mm_storeu_si128((__m128i *)(void *)folded, all);
  return take_by_tables(take_by_tables(0, folded, sizeof folded), data, length);
}

static bool is_fast(size_t length) {
  static int fast = -1;
  unsigned eax, ebx, ecx, edx;
  if (fast < 0) fast = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_PCLMUL) != 0;
  return fast == 1 && length >= LANES * LANE;
}
#elif defined(__aarch64__)
/* The same with the CRC instructions, which are optional in ARMv8.0 and part of ARMv8.1. */
__attribute__((target("+crc"))) static uint32_t take_fast(uint32_t value, const unsigned char *data, size_t length) {
  for (; length >= 8; length -= 8, data += 8) value = __crc32d(value, eight_bytes(data));
  for (; length > 0; length--, data++) value = __crc32b(value, *data);
  return value;
}

static bool is_fast(size_t length) {
  (void)length;
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
static uint32_t take_fast(uint32_t value, const unsigned char *data, size_t length) {
  return take_by_tables(value, data, length);
}

static bool is_fast(size_t length) {
  (void)length;
  return false;
}
#endif

uint32_t crc32(const void *data, size_t length) {
  return ~(is_fast(length) ? take_fast(~0u, data, length) : take_by_tables(~0u, data, length));
}
