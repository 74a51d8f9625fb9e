/* Reads a tar archive from a descriptor, entry by entry: ustar, and the extensions of pax and GNU for long names. */
#ifndef TAR_H
#define TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512
/* Longest name or extended header, in bytes. */
#define TAR_NAME_MOST (1u << 16)
#define TAR_PAX_MOST (1u << 20)

enum tar_type { TAR_FILE, TAR_HARD_LINK, TAR_SYMLINK, TAR_FOLDER, TAR_FIFO, TAR_DEVICE, TAR_OTHER };

struct tar_entry {
  enum tar_type type;
  char *path, *link; /* without NUL bytes in them; `link` is empty where there is none */
  uint64_t size;     /* bytes of its content */
  uint32_t mode;
  uint64_t uid, gid;
  int64_t mtime; /* seconds since 1970 */
};

/* What a pax header says of the entry that follows it. */
struct tar_extra {
  char *path, *link;
  bool has_size, has_uid, has_gid, has_mtime;
  uint64_t size, uid, gid;
  int64_t mtime;
};

struct tar {
  int fd;
  const char *error; /* why the archive cannot be read on; NULL: nothing is wrong */
  struct tar_entry entry;
  struct tar_extra extra;
  uint64_t left;    /* bytes of the content that have not been read */
  uint64_t padding; /* bytes after it */
};

/*
 * Reads the header of the next entry into tar->entry, after what is left of the one before. False at the end of the
 * archive, and with tar->error set when it is damaged or has what is not supported.
 */
bool tar_next(struct tar *tar);
/* Reads content of the entry: the number of bytes, 0 at its end, -1 with tar->error set. */
long tar_read(struct tar *tar, void *buffer, size_t room);
/* Frees the texts of the entry; the descriptor stays open. */
void tar_free(struct tar *tar);

#endif
