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
  /* All of it is in the pipe, or the command has closed its end (EPIPE). */
  if (moved < 0 || !input->open) close_fd(&input->fd);
  return false;
}

/* Whether bytes that were accepted before are these, as far as they are still known. */
static bool are_same(const struct input *input, uint64_t offset, const unsigned char *data, size_t length) {
  for (size_t i = 0; i < length; i++) {
    uint64_t at = offset + i;
    if (at + INPUT_RECENT >= input->accepted && input->recent[at % INPUT_RECENT] != data[i]) return false;
  }
  return true;
}

static void keep(struct input *input, const unsigned char *data, size_t length) {
  if (input->recent == NULL) input->recent = must_allocate(INPUT_RECENT, 1);
  for (size_t i = 0; i < length; i++) input->recent[(input->accepted + i) % INPUT_RECENT] = data[i];
  sha256_add(&input->hash, data, length);
  input->accepted += length;
}

const char *input_write(struct input *input, const struct input_write *request) {
  if (!input->open) return "closed";
  if (request->offset > input->accepted) return "gap";
  uint64_t known = input->accepted - request->offset;
  size_t before = request->length < known ? request->length : (size_t)known;
  if (!are_same(input, request->offset, request->data, before)) return "other";
  size_t left = request->length - before;
  if (input->ended) return left == 0 ? NULL : "ended";
  if (left == 0 && !request->end) return NULL;
  if (input->fd < 0) return "closed";
  /* The file comes first. */
  if (input->file >= 0) return NULL;
  if (left > 0) {
    const unsigned char *data = request->data + before;
    long written = RETRY(write(input->fd, data, left));
    if (written < 0 && errno != EAGAIN) {
      close_fd(&input->fd);
      return "closed";
    }
    if (written > 0) keep(input, data, (size_t)written);
  }
  if (!request->end || request->offset + request->length != input->accepted) return NULL;
  input->ended = true;
  input->ending = input->is_terminal;
  if (!input->is_terminal) close_fd(&input->fd);
  input_end(input);
  return NULL;
}

bool input_end(struct input *input) {
  if (!input->ending || input->fd < 0) return true;
  unsigned char end = session_end_of_input(input->fd);
  long written = RETRY(write(input->fd, &end, 1));
  input->ending = written < 0 && errno == EAGAIN;
  return !input->ending;
}

void input_close(struct input *input) {
  close_fd(&input->fd);
  close_fd(&input->file);
}
