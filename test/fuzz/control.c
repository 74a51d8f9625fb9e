/*
 * Fuzzes the reader of the control socket, control_read() in src/runtime/launcher/control.c, under
 * AddressSanitizer and UndefinedBehaviorSanitizer. Whatever a peer sends, it must neither crash nor leak, and
 *
 *   - each line has one answer, and each "ok" one request that is acted on, with a number that is possible;
 *   - a line that is too long ends the connection, and nothing else does;
 *   - the lines "stop N", "signal N", "pause" and "resume" are recognized;
 *   - what follows "write OFFSET LENGTH END" is taken as its bytes, all of them and no more, and is no line;
 *   - a request that is refused is answered with the reason;
 *   - in which pieces the bytes arrive makes no difference.
 *
 * The first byte of the input says how long the pieces are.
 */
#define _GNU_SOURCE
#include "../../src/runtime/launcher/control.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define MOST_INPUT 4096
#define MOST_REQUESTS (MOST_INPUT / 2)
#define MOST_ANSWERS (MOST_INPUT * 32)

/* The outcome of one conversation. */
struct outcome {
  unsigned char written[MOST_INPUT];
  size_t written_length;
  struct request requests[MOST_REQUESTS];
  size_t requests_count;
  char answers[MOST_ANSWERS + 1];
  size_t answers_length;
  bool open;
};

static const char *note(void *context, struct request *request) {
  struct outcome *outcome = context;
  CHECK(outcome->requests_count < MOST_REQUESTS);
  if (request->kind == REQUEST_STOP) CHECK(request->number >= 0);
  if (request->kind == REQUEST_SIGNAL) CHECK(request->number > 0 && request->number <= SIGRTMAX);
  if (request->kind == REQUEST_RESIZE) {
    CHECK(request->rows > 0 && request->rows <= UINT16_MAX);
    CHECK(request->columns > 0 && request->columns <= UINT16_MAX);
  }
  if (request->kind == REQUEST_WRITE) {
    const struct input_write *input = &request->input;
    CHECK(input->length <= CONTROL_PAYLOAD && outcome->written_length + input->length <= MOST_INPUT);
    CHECK(input->offset + input->length >= input->offset);
    memcpy(outcome->written + outcome->written_length, input->data, input->length);
    outcome->written_length += input->length;
    request->accepted = input->offset + input->length;
  }
  outcome->requests[outcome->requests_count++] = *request;
  /* Any descriptor will do: the other end drops it. */
  request->fd = 0;
  if (request->kind == REQUEST_FILES) return "files";
  return request->kind == REQUEST_PAUSE ? "refused" : NULL;
}

static size_t count_kind(const struct outcome *outcome, enum request_kind kind) {
  size_t count = 0;
  for (size_t i = 0; i < outcome->requests_count; i++) count += outcome->requests[i].kind == kind;
  return count;
}

static void take_answers(int fd, struct outcome *outcome) {
  for (;;) {
    ssize_t count = read(fd, outcome->answers + outcome->answers_length, MOST_ANSWERS - outcome->answers_length);
    if (count <= 0) break;
    outcome->answers_length += (size_t)count;
    CHECK(outcome->answers_length < MOST_ANSWERS);
  }
  outcome->answers[outcome->answers_length] = '\0';
}

static bool has_input(int fd) {
  int waiting = 0;
  CHECK(ioctl(fd, FIONREAD, &waiting) == 0);
  return waiting > 0;
}

static void converse(struct outcome *outcome, const uint8_t *data, size_t size, size_t piece) {
  outcome->requests_count = 0;
  outcome->answers_length = 0;
  outcome->written_length = 0;
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
  struct control_connection connection = {.fd = pair[0]};
  outcome->answers[0] = '\0';
  outcome->open = true;
  for (size_t at = 0; outcome->open && at < size; at += piece) {
    size_t length = size - at < piece ? size - at : piece;
    CHECK(write(pair[1], data + at, length) == (ssize_t)length);
    while (outcome->open && has_input(connection.fd)) {
      outcome->open = control_read(&connection, note, outcome);
      CHECK(outcome->open == (connection.fd >= 0));
      CHECK(connection.length < CONTROL_LINE);
      take_answers(pair[1], outcome);
    }
  }
  if (outcome->open) {
    CHECK(shutdown(pair[1], SHUT_WR) == 0);
    CHECK(!control_read(&connection, note, outcome));
  }
  CHECK(connection.fd == -1 && connection.payload == NULL);
  close(pair[1]);
}

static size_t count_lines(const char *text, const char *beginning) {
  size_t count = 0;
  for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
    if (strncmp(text, beginning, strlen(beginning)) == 0) count++;
  return count;
}

/* Whether `line` is `word`, a space and a number of at most nine digits. */
static bool is_plain(const char *line, const char *word, long *number) {
  size_t length = strlen(word);
  if (strncmp(line, word, length) != 0 || line[length] != ' ') return false;
  const char *digits = line + length + 1;
  size_t count = strspn(digits, "0123456789");
  if (count == 0 || count > 9 || digits[count] != '\0') return false;
  *number = strtol(digits, NULL, 10);
  return true;
}

/* Whether there may be bytes that are no lines. */
static bool has_write(const uint8_t *data, size_t size) {
  return memmem(data, size, "write ", 6) != NULL;
}

/* Sends the first line by itself, and expects what the line says. */
static void check_line(const uint8_t *data, size_t size) {
  static struct outcome outcome;
  char line[CONTROL_LINE + 1];
  size_t length = 0;
  while (length < size && data[length] != '\n') length++;
  if (length >= CONTROL_LINE - 1 || memchr(data, '\0', length) != NULL) return;
  memcpy(line, data, length);
  line[length] = '\n';
  converse(&outcome, (const uint8_t *)line, length + 1, sizeof line);
  line[length] = '\0';
  /* A write that waits for its bytes has no answer yet. */
  if (has_write(data, length)) return;
  CHECK(outcome.open && count_lines(outcome.answers, "") == 1);
  long number;
  if (is_plain(line, "stop", &number)) {
    CHECK(outcome.requests_count == 1 && outcome.requests[0].kind == REQUEST_STOP);
    CHECK(outcome.requests[0].number == number);
  } else if (is_plain(line, "signal", &number)) {
    bool possible = number > 0 && number <= SIGRTMAX;
    CHECK(outcome.requests_count == (possible ? 1 : 0));
    if (possible) CHECK(outcome.requests[0].kind == REQUEST_SIGNAL && outcome.requests[0].number == number);
  } else if (strcmp(line, "pause") == 0 || strcmp(line, "resume") == 0) {
    CHECK(outcome.requests_count == 1);
    CHECK(outcome.requests[0].kind == (line[0] == 'p' ? REQUEST_PAUSE : REQUEST_RESUME));
  } else if (strcmp(line, "join") == 0 || strcmp(line, "save") == 0 || strcmp(line, "files") == 0) {
    CHECK(outcome.requests_count == 1);
    enum request_kind kind = line[0] == 'j' ? REQUEST_JOIN : line[0] == 's' ? REQUEST_SAVE : REQUEST_FILES;
    CHECK(outcome.requests[0].kind == kind);
  } else if (strncmp(line, "stop", 4) != 0 && strncmp(line, "signal", 6) != 0 && strncmp(line, "write ", 6) != 0 &&
             strncmp(line, "resize ", 7) != 0)
    CHECK(outcome.requests_count == 0);
}

/* Each line has its answer, and the connection ends with the first one that is too long. */
static void check_answers(const struct outcome *outcome, const uint8_t *data, size_t size) {
  if (memchr(data, '\0', size) != NULL || has_write(data, size)) return;
  size_t lines = 0, length = 0;
  for (size_t i = 0; i < size && length < CONTROL_LINE - 1; i++) {
    if (data[i] == '\n') lines++;
    length = data[i] == '\n' ? 0 : length + 1;
  }
  bool too_long = length == CONTROL_LINE - 1;
  CHECK(outcome->open == !too_long);
  CHECK(count_lines(outcome->answers, "") == lines + (too_long ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size > MOST_INPUT) return 0;
  static struct outcome whole, pieces;
  size_t piece = (size_t)data[0] + 1;
  converse(&whole, data + 1, size - 1, MOST_INPUT);
  converse(&pieces, data + 1, size - 1, piece);

  CHECK(count_lines(whole.answers, "error refused") == count_kind(&whole, REQUEST_PAUSE));
  size_t taken = count_lines(whole.answers, "ok") + count_lines(whole.answers, "accepted ");
  CHECK(count_lines(whole.answers, "accepted ") == count_kind(&whole, REQUEST_WRITE));
  CHECK(count_lines(whole.answers, "error files") == count_kind(&whole, REQUEST_FILES));
  size_t refused = count_kind(&whole, REQUEST_PAUSE) + count_kind(&whole, REQUEST_FILES);
  CHECK(taken + refused == whole.requests_count);
  CHECK(taken + count_lines(whole.answers, "error ") == count_lines(whole.answers, ""));
  CHECK(whole.written_length == pieces.written_length);
  CHECK(memcmp(whole.written, pieces.written, whole.written_length) == 0);
  CHECK(whole.requests_count == pieces.requests_count);
  for (size_t i = 0; i < whole.requests_count; i++)
    CHECK(whole.requests[i].kind == pieces.requests[i].kind && whole.requests[i].number == pieces.requests[i].number);
  CHECK(strcmp(whole.answers, pieces.answers) == 0);
  CHECK(whole.open == pieces.open);
  check_answers(&whole, data + 1, size - 1);
  check_line(data + 1, size - 1);
  return 0;
}
