#define _GNU_SOURCE
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "util.h"

#define FEED_AT_ONCE (1 << 20)

void input_open(struct input *input) {
  input->open = true;
  sha256_begin(&input->hash);
}

bool input_feed(struct input *input) {
  if (input->file < 0 || input->fd < 0) return false;
  long moved = RETRY(splice(input->file, NULL, input->fd, NULL, FEED_AT_ONCE, SPLICE_F_NONBLOCK));
  if (moved > 0 || (moved < 0 && errno == EAGAIN)) return true;
  close_fd(&input->file);
  /* Either all of the file is in the pipe, or the command has closed its end (EPIPE). */
  if (moved < 0 || !input->open) close_fd(&input->fd);
  return false;
}

/* Bytes from an offset on that are next to each other in `recent`, at most `most`. */
static size_t stretch(uint64_t offset, size_t most) {
  size_t left = INPUT_RECENT - offset % INPUT_RECENT;
  return most < left ? most : left;
}

/* Whether these bytes, which are among those that are kept, were accepted at this offset. */
static bool are_same(const struct input *input, uint64_t offset, const unsigned char *data, size_t length) {
  for (size_t at = 0, part; at < length; at += part) {
    part = stretch(offset + at, length - at);
    if (memcmp(input->recent + (offset + at) % INPUT_RECENT, data + at, part) != 0) return false;
  }
  return true;
}

static void keep(struct input *input, const unsigned char *data, size_t length) {
  if (input->recent == NULL) input->recent = must_allocate(INPUT_RECENT, 1);
  for (size_t at = 0, part; at < length; at += part) {
    part = stretch(input->accepted + at, length - at);
    memcpy(input->recent + (input->accepted + at) % INPUT_RECENT, data + at, part);
  }
  sha256_add(&input->hash, data, length);
  input->accepted += length;
}

/* Accepts what fits into the terminal and into the buffer of what waits for it. */
static void hold(struct input *input, const unsigned char *data, size_t length) {
  size_t room = INPUT_WAITING - (size_t)(input->accepted - input->passed);
  keep(input, data, length < room ? length : room);
  (void)!input_pass(input);
}

/* Writes what fits into a pipe. */
static void write_through(struct input *input, const unsigned char *data, size_t length) {
  long written = RETRY(write(input->fd, data, length));
  if (written > 0) keep(input, data, (size_t)written);
  input->passed = input->accepted;
  if (written < 0 && errno != EAGAIN) close_fd(&input->fd);
}

const char *input_write(struct input *input, const struct input_write *request) {
  if (!input->open) return "closed";
  if (request->offset > input->accepted) return "gap";
  uint64_t known = input->accepted - request->offset;
  size_t before = request->length < known ? request->length : (size_t)known;
  if (before > 0 && (known > INPUT_RECENT || !are_same(input, request->offset, request->data, before))) return "other";
  size_t left = request->length - before;
  if (input->ended) return left == 0 ? NULL : "ended";
  if (left == 0 && !request->end) return NULL;
  if (input->fd < 0) return "closed";
  /* The command gets the bytes of the file first. */
  if (left > 0 && input->file < 0) (input->is_terminal ? hold : write_through)(input, request->data + before, left);
  if (input->fd < 0) return "closed";
  if (input->file >= 0 || request->offset + request->length != input->accepted) {
    input->wanted = true;
    return NULL;
  }
  if (!request->end) return NULL;
  input->ended = true;
  input->ending = input->is_terminal;
  if (!input->is_terminal) close_fd(&input->fd);
  (void)!input_pass(input);
  return NULL;
}

bool input_pass(struct input *input) {
  while (input->fd >= 0 && (input->passed < input->accepted || input->ending)) {
    size_t at = input->passed % INPUT_RECENT;
    uint64_t waiting = input->accepted - input->passed;
    size_t length = waiting < INPUT_RECENT - at ? (size_t)waiting : INPUT_RECENT - at;
    unsigned char end = waiting == 0 ? session_end_of_input(input->fd) : 0;
    long written = RETRY(waiting == 0 ? write(input->fd, &end, 1) : write(input->fd, input->recent + at, length));
    if (written == 0 || (written < 0 && errno == EAGAIN)) return false;
    /* The command has closed its terminal. */
    if (written < 0)
      close_fd(&input->fd);
    else if (waiting == 0)
      input->ending = false;
    else
      input->passed += (uint64_t)written;
  }
  return true;
}

bool input_waits(const struct input *input) {
  return input->fd >= 0 && (input->wanted || input->ending || input->passed < input->accepted);
}

bool input_invites(struct input *input) {
  /* Room is not reported for a few bytes: a client would send as few in its next write. */
  bool room = input->fd < 0 || (input->file < 0 && input->accepted - input->passed <= INPUT_WAITING / 2);
  bool invites = input->wanted && room;
  if (invites) input->wanted = false;
  return invites;
}

void input_close(struct input *input) {
  close_fd(&input->fd);
  close_fd(&input->file);
}
