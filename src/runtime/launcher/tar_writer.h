/* Headers of a tar archive in the format of GNU tar: names of any length and any bytes, sizes without limit. */
#ifndef TAR_WRITER_H
#define TAR_WRITER_H

#include <stddef.h>
#include <sys/stat.h>

#include "tar.h"

/* Room for one entry's headers: the entry's own, and one with content for a long name and a long link. */
#define TAR_HEADERS_MOST ((size_t)5 * TAR_BLOCK + (size_t)2 * (4096 + TAR_BLOCK))

/*
 * Writes the headers of an entry: of a file, a folder (whose path ends with a slash) or a symbolic link to `link`,
 * which is empty for others. Path and link have at most 4096 bytes. Returns how many bytes of `headers` are used.
 */
size_t tar_headers(unsigned char headers[TAR_HEADERS_MOST], const char *path, const char *link,
                   const struct stat *status);

#endif
