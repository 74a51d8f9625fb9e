/*
 * CRC-32 as in Ethernet, gzip and PNG (ISO 3309, RFC 1952 section 8): of all checksums that the server can compute in
 * native code (zlib.crc32), the one that processors have instructions for.
 */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of some bytes, by what the processor has for it. */
uint32_t crc32(const void *data, size_t length);
/* The same by tables, which every processor can do. */
uint32_t crc32_by_tables(const void *data, size_t length);

#endif
