/* An artifact: a file or folder of a cell that is kept when the cell has ended, and its outcome. */
#ifndef ARTIFACT_H
#define ARTIFACT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sha256.h"

enum artifact_status {
  ARTIFACT_UNFINISHED, /* it was not its turn yet, or not complete */
  ARTIFACT_TAKEN,
  ARTIFACT_MISSING,   /* nothing is there, or nothing matches */
  ARTIFACT_KIND,      /* something else than a file or folder, or not of the root file system */
  ARTIFACT_SIZE,      /* all together are larger than the plan allows */
  ARTIFACT_ENTRIES,   /* there are more files and folders than the plan allows */
  ARTIFACT_DEPTH,     /* folders are too deep, or a path too long */
  ARTIFACT_TIME,      /* it took too long */
  ARTIFACT_DISK,      /* the disk is full */
  ARTIFACT_UNREADABLE /* something failed: an error of a disk, a process that could not be killed */
};

struct artifact {
  enum artifact_status status;
  bool folder; /* an archive (tar) of a folder, or of what matches a pattern; the rest is of one that was taken */
  mode_t mode; /* permissions */
  uint64_t size;
  uint64_t entries; /* files, folders and links in the archive */
  uint64_t skipped; /* left out of it: devices, pipes, sockets, links that lead out of it */
  unsigned char digest[SHA256_BYTES];
};

/* Words for the status, as the exit record has them. */
const char *artifact_word(enum artifact_status status);

#endif
