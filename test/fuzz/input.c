/*
 * Fuzzes what a supervisor does with writes to the standard input of a command, src/runtime/launcher/input.c, against a
 * model of it: the bytes that were accepted. Whichever writes come, repeated, with gaps, of others or after the end,
 * and however the command reads meanwhile or stops,
 *
 *   - each is answered as the model says, and counts the bytes that it says;
 *   - the command reads the bytes that were accepted, each once and in order, after those of the file that came first,
 *     and then the end;
 *   - after a write of which some was refused, and the command has read all, a client is invited, once.
 *
 * The first byte of the input says what the input is (a pipe or a terminal) and whether a file comes first; the others
 * are actions, each a byte, and its operands.
 */
#define _GNU_SOURCE
#include "../../src/runtime/launcher/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

#define MOST_ACTIONS 24
/* More than a pipe of one page and what waits for a terminal hold together. */
#define MOST_WRITE (96u << 10)
#define MOST_ACCEPTED (MOST_ACTIONS * MOST_WRITE)
#define FILE_BYTES 6000u
#define END_OF_INPUT 4

struct model {
  struct input input;
  int reader; /* where the command reads; -1: it has closed it */
  unsigned char accepted[MOST_ACCEPTED];
  uint64_t count; /* of these */
  uint64_t file;  /* bytes that come first */
  uint64_t read;  /* bytes that the command has read, of the file and of these */
  bool ended, over;
};

/* What a client would write at an offset, unless it is another client. */
static unsigned char byte_at(uint64_t offset) {
  return (unsigned char)('a' + (offset ^ offset >> 8 ^ offset >> 16) % 26);
}

static void open_terminal(struct model *model) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  CHECK(master >= 0 && unlockpt(master) == 0);
  model->reader = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  CHECK(model->reader >= 0);
  struct termios modes;
  CHECK(tcgetattr(model->reader, &modes) == 0);
  cfmakeraw(&modes);
  CHECK(tcsetattr(model->reader, TCSANOW, &modes) == 0);
  model->input.fd = master;
  model->input.is_terminal = true;
}

static void open_pipe(struct model *model) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  CHECK(fcntl(ends[0], F_SETPIPE_SZ, 4096) >= 0);
  model->reader = ends[0];
  model->input.fd = ends[1];
}

static void open_file(struct model *model) {
  model->input.file = memfd_create("first", MFD_CLOEXEC);
  CHECK(model->input.file >= 0);
  unsigned char bytes[FILE_BYTES];
  memset(bytes, 'F', sizeof bytes);
  CHECK(write(model->input.file, bytes, sizeof bytes) == sizeof bytes);
  CHECK(lseek(model->input.file, 0, SEEK_SET) == 0);
  model->file = FILE_BYTES;
}

/* The command reads at most so much. Returns how much it got. */
static size_t take(struct model *model, size_t most) {
  static unsigned char bytes[MOST_WRITE];
  if (model->reader < 0 || most == 0) return 0;
  ssize_t count = read(model->reader, bytes, most < sizeof bytes ? most : sizeof bytes);
  if (count < 0) {
    CHECK(errno == EAGAIN);
    return 0;
  }
  for (ssize_t i = 0; i < count; i++, model->read++) {
    if (model->read < model->file) {
      CHECK(bytes[i] == 'F');
    } else if (model->read - model->file < model->count) {
      CHECK(bytes[i] == model->accepted[model->read - model->file]);
    } else {
      /* On a terminal the end is a character. */
      CHECK(model->input.is_terminal && model->ended && !model->over && bytes[i] == END_OF_INPUT);
      model->over = true;
      model->read--;
    }
  }
  if (count == 0 && !model->input.is_terminal) {
    CHECK(model->ended && model->read == model->file + model->count);
    model->over = true;
  }
  return (size_t)count;
}

/* What the supervisor does when there is room. */
static void serve(struct model *model) {
  while (model->input.file >= 0 && input_feed(&model->input)) {
    if (model->reader < 0 || take(model, MOST_WRITE) == 0) break;
  }
  (void)!input_pass(&model->input);
}

/* `before`: how far before the end of what was accepted it begins; beyond it: a gap. */
static void put(struct model *model, int64_t before, size_t length, bool other, bool end) {
  static unsigned char bytes[MOST_WRITE];
  struct input *input = &model->input;
  uint64_t count = model->count;
  if (before > (int64_t)count) before = (int64_t)count;
  uint64_t offset = count - (uint64_t)before;
  for (size_t i = 0; i < length; i++) {
    uint64_t at = offset + i;
    bytes[i] = at < count ? model->accepted[at] : byte_at(at);
  }
  bool differs = other && length > 0;
  if (differs) bytes[0] ^= 1;
  const struct input_write request = {.offset = offset, .data = bytes, .length = length, .end = end};
  bool was_closed = input->fd < 0;
  const char *error = input_write(input, &request);
  uint64_t got = input->accepted - count;
  CHECK(input->accepted >= count && got <= length && input->passed <= input->accepted);
  CHECK(input->is_terminal ? input->accepted - input->passed <= INPUT_WAITING : input->accepted == input->passed);
  if (before < 0) {
    CHECK(error != NULL && strcmp(error, "gap") == 0 && got == 0);
    return;
  }
  size_t known = (uint64_t)before < length ? (size_t)before : length;
  /* What is not kept any more is not taken for a repetition. */
  if (known > 0 && (differs || (uint64_t)before > INPUT_RECENT)) {
    CHECK(error != NULL && strcmp(error, "other") == 0 && got == 0);
    return;
  }
  CHECK(got <= length - known);
  memcpy(model->accepted + count, bytes + known, got);
  model->count += got;
  if (model->ended) {
    CHECK(got == 0 && (length == known ? error == NULL : error != NULL && strcmp(error, "ended") == 0));
    return;
  }
  if (error != NULL) {
    /* Nobody reads any more. */
    CHECK(strcmp(error, "closed") == 0 && input->fd < 0 && (was_closed || model->reader < 0));
    return;
  }
  bool whole = offset + length == model->count;
  CHECK(whole || input->wanted || length == known);
  if (end && input->ended) model->ended = true;
  CHECK(model->ended == input->ended && (!model->ended || whole));
}

static void check_end(struct model *model) {
  struct input *input = &model->input;
  if (model->reader >= 0) {
    bool wanted = input->wanted;
    for (;;) {
      serve(model);
      if (model->read == model->file + model->count && model->over == model->ended) break;
      struct pollfd readable = {.fd = model->reader, .events = POLLIN};
      /* A terminal hands its bytes over a little later. */
      CHECK(poll(&readable, 1, 60000) == 1);
      (void)take(model, MOST_WRITE);
    }
    CHECK(take(model, MOST_WRITE) == 0);
    CHECK(input_invites(input) == wanted && !input_invites(input));
  }
  struct sha256 hash;
  sha256_begin(&hash);
  sha256_add(&hash, model->accepted, model->count);
  unsigned char expected[SHA256_BYTES], found[SHA256_BYTES];
  sha256_end(&hash, expected);
  sha256_end(&input->hash, found);
  CHECK(memcmp(expected, found, sizeof expected) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  signal(SIGPIPE, SIG_IGN);
  static struct model model;
  memset(&model, 0, offsetof(struct model, accepted));
  model.count = model.file = model.read = 0;
  model.ended = model.over = false;
  model.input.file = -1;
  if ((data[0] & 1) != 0)
    open_terminal(&model);
  else
    open_pipe(&model);
  if ((data[0] & 2) != 0 && (data[0] & 1) == 0) open_file(&model);
  input_open(&model.input);
  for (size_t at = 1, actions = 0; at + 3 <= size && actions < MOST_ACTIONS; at += 3, actions++) {
    uint8_t action = data[at];
    size_t length = (size_t)data[at + 1] * data[at + 1] * MOST_WRITE / (255 * 255);
    int64_t before = (int8_t)data[at + 2];
    switch (action % 8) {
      case 0:
        serve(&model);
        break;
      case 1:
        (void)take(&model, length);
        break;
      case 2: /* The command ends, or closes its input. */
        if (action != 2) break;
        if (model.reader >= 0) close(model.reader);
        model.reader = -1;
        break;
      default: /* Far back, too, where the bytes are not known any more. */
        put(&model, before > 100 ? before * 2000 : before, length, (action & 16) != 0, (action & 96) == 96);
    }
  }
  check_end(&model);
  if (model.reader >= 0) close(model.reader);
  input_close(&model.input);
  free(model.input.recent);
  return 0;
}
