/*
 * Unpacks a layer of an image: the command of a cell that is made for nothing else, so that a hostile archive is
 * confined as a job is. Reads a tar archive from /in, and makes /out/root with its files and /out/about, which says in
 * NUL-terminated tokens what is in it: "layer", "1", then statements, each a name and its values, then "end":
 *
 *   size BYTES FILES   of all files
 *   opaque PATH        a folder that hides those of the same path in lower layers
 *   implicit PATH      a folder that has no entry of its own, but others in it
 *   skipped PATH       an entry that was left out: a device, or something that only tar knows
 *
 * Whiteouts (OCI image specification, "Layer"): ".wh.NAME" becomes a character device 0:0 and ".wh..wh..opq" the
 * attribute user.overlay.opaque of its folder, as an overlay with the option userxattr reads them (overlayfs.rst).
 *
 * Prints to stderr why it cannot be unpacked, and returns 1.
 */
#ifndef UNPACK_H
#define UNPACK_H

#include <stdint.h>

struct unpack_limits {
  uint64_t bytes; /* of the contents of all files */
  uint64_t files; /* entries */
  uint64_t depth; /* names in a path */
  uint64_t ids;   /* user and group ids that a file can have: those below; with one, everything belongs to id 0 */
};

/* Unpacks the archive, within these limits. Returns the exit status of the process. */
int unpack_main(const struct unpack_limits *limits);

#endif
