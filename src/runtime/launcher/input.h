/*
 * The standard input of a command: a file that it is fed first, and then what clients write while it runs.
 *
 * What was accepted from clients is counted here, in the process that holds the pipe: it outlives the server, so that a
 * write that is repeated after the server was killed is recognised, and none is carried out twice.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

/*
 * Bytes that were accepted last and are kept, which distinguishes a repetition from the bytes of another client: as
 * many as a client writes in one request.
 */
#define INPUT_RECENT (1u << 20)
/* Of these, those that a terminal has no room for yet. */
#define INPUT_WAITING (128u << 10)

struct input {
  int fd;                /* write end of the pipe; -1: none, or closed */
  int file;              /* what is fed first; -1: nothing, or all of it is in the pipe */
  bool open;             /* clients may write */
  bool is_terminal;      /* whose input ends by a character and not by closing it */
  bool ending;           /* that character was not written yet: there was no room for it */
  bool ended;            /* a client has written the end */
  bool wanted;           /* a client was refused some of its bytes, and is to learn when there is room */
  uint64_t accepted;     /* bytes that were accepted from clients */
  uint64_t passed;       /* of these, how many a terminal has taken; of a pipe all */
  unsigned char *recent; /* the last of them: that at offset N is at N modulo INPUT_RECENT */
  struct sha256 hash;    /* of all of them */
};

/* One write of a client: bytes from `offset` on, and whether the input ends after them. */
struct input_write {
  uint64_t offset;
  const unsigned char *data;
  size_t length;
  bool end;
};

/* Lets clients write. */
void input_open(struct input *input);
/*
 * Writes to a terminal what waits for room in it, and then what ends its input. False when some of it waits still: a
 * terminal takes some 4 KB at a time, each after the command has read the last, and for that no client is asked.
 */
bool input_pass(struct input *input);
/* Whether there is something to do when the command has read on. */
bool input_waits(const struct input *input);
/* Whether a client that was refused some of its bytes is to send them again. True once for each refusal. */
bool input_invites(struct input *input);
/* Moves what fits of the file into the pipe. False when nothing of it is left, or the command has closed its input. */
bool input_feed(struct input *input);
/*
 * Takes what fits of a write, from the first byte on that was not accepted before. NULL, or why nothing was taken:
 * "gap", "other" (not the bytes that were accepted at this offset, or so long ago that they are not kept), "ended" (by
 * a client) or "closed" (by the command).
 */
const char *input_write(struct input *input, const struct input_write *write);
/* Closes both descriptors. */
void input_close(struct input *input);

#endif
