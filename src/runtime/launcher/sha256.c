#include "sha256.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, section 4.2.2. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t get_be32(const unsigned char *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_be32(unsigned char *bytes, uint32_t value) {
  for (size_t i = 0; i < 4; i++) bytes[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t rotate(uint32_t value, unsigned bits) {
  return value >> bits | value << (32 - bits);
}

static void take_block(uint32_t state[8], const unsigned char *block) {
  uint32_t words[64];
  for (size_t i = 0; i < 16; i++) words[i] = get_be32(block + 4 * i);
  for (size_t i = 16; i < 64; i++) {
    uint32_t early = words[i - 15], late = words[i - 2];
    words[i] = words[i - 16] + (rotate(early, 7) ^ rotate(early, 18) ^ early >> 3) + words[i - 7] +
               (rotate(late, 17) ^ rotate(late, 19) ^ late >> 10);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (size_t i = 0; i < 64; i++) {
    uint32_t first =
        h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + words[i];
    uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

#if defined(__x86_64__)
/*
 * Uses the SHA instructions (Intel SDM, SHA256RNDS2) of most processors since 2019, which are several times as fast.
 */
__attribute__((target("sha,sse4.1"))) static void take_blocks_fast(uint32_t state[8], const unsigned char *data,
                                                                   size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low = _mm_loadu_si128((const __m128i *)(const void *)state);
  __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
  /* The instructions take the words as ABEF and CDGH. */
  low = _mm_shuffle_epi32(low, 0xb1);
  high = _mm_shuffle_epi32(high, 0x1b);
  __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
  for (; count > 0; count--, data += 64) {
    __m128i words[4], abef_before = abef, cdgh_before = cdgh;
    for (size_t i = 0; i < 4; i++)
      words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), swap);
    for (size_t i = 0; i < 16; i++) {
      __m128i four = words[i % 4];
      __m128i sum = _mm_add_epi32(four, _mm_loadu_si128((const __m128i *)(const void *)(constants + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
      if (i >= 12) continue;
      /* These four words are replaced by the ones sixteen places later. */
      __m128i next = words[(i + 1) % 4], before_last = words[(i + 2) % 4], last = words[(i + 3) % 4];
      four = _mm_add_epi32(_mm_sha256msg1_epu32(four, next), _mm_alignr_epi8(last, before_last, 4));
      words[i % 4] = _mm_sha256msg2_epu32(four, last);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  low = _mm_shuffle_epi32(abef, 0x1b);
  high = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

static bool is_fast(void) {
  static int fast = -1;
  unsigned eax, ebx, ecx, edx;
  if (fast < 0) {
    bool sse = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_SSE4_1) != 0 && (ecx & bit_SSSE3) != 0;
    fast = sse && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0;
  }
  return fast == 1;
}
#endif

static void take_blocks(uint32_t state[8], const unsigned char *data, size_t count) {
#if defined(__x86_64__)
  if (is_fast()) {
    take_blocks_fast(state, data, count);
    return;
  }
#endif
  for (; count > 0; count--, data += 64) take_block(state, data);
}

void sha256_begin(struct sha256 *hash) {
  *hash = (struct sha256){
      .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *data, size_t length) {
  const unsigned char *bytes = data;
  size_t held = hash->length % sizeof hash->block;
  hash->length += length;
  if (held > 0) {
    size_t taken = sizeof hash->block - held < length ? sizeof hash->block - held : length;
    memcpy(hash->block + held, bytes, taken);
    bytes += taken;
    length -= taken;
    if (held + taken < sizeof hash->block) return;
    take_blocks(hash->state, hash->block, 1);
  }
  take_blocks(hash->state, bytes, length / sizeof hash->block);
  memcpy(hash->block, bytes + length / sizeof hash->block * sizeof hash->block, length % sizeof hash->block);
}

void sha256_end(struct sha256 *hash, unsigned char digest[SHA256_BYTES]) {
  const uint64_t bits = hash->length * 8;
  static const unsigned char padding[64] = {0x80};
  size_t held = hash->length % 64;
  sha256_add(hash, padding, held < 56 ? 56 - held : 120 - held);
  unsigned char length[8];
  put_be32(length, (uint32_t)(bits >> 32));
  put_be32(length + 4, (uint32_t)bits);
  sha256_add(hash, length, sizeof length);
  for (size_t i = 0; i < 8; i++) put_be32(digest + 4 * i, hash->state[i]);
}
