/* SHA-256 (FIPS 180-4), piece by piece. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
  uint32_t state[8];
  uint64_t length; /* bytes so far */
  unsigned char block[64];
};

/* Begins a digest (FIPS 180-4) of no bytes. */
void sha256_begin(struct sha256 *hash);
/* Adds bytes to a digest. */
void sha256_add(struct sha256 *hash, const void *data, size_t length);
/* The digest of all that was added; `hash` is used up. */
void sha256_end(struct sha256 *hash, unsigned char digest[SHA256_BYTES]);

#endif
