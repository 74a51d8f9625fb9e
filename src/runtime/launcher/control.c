#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "session.h"
#include "util.h"

bool control_open(struct control *control) {
  for (size_t i = 0; i < CONTROL_CONNECTIONS; i++) control->connections[i].fd = -1;
  control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (control->listener < 0) return false;
  /* Relative: a path in sockaddr_un has room for 107 bytes only (unix(7)). */
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control"};
  if (unlink("control") != 0 && errno != ENOENT) return false;
  return bind(control->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
         listen(control->listener, CONTROL_CONNECTIONS) == 0;
}

static void disconnect(struct control_connection *connection) {
  close_fd(&connection->fd);
  free(connection->payload);
  *connection = (struct control_connection){.fd = -1};
}

/* A peer that does not read these few bytes is gone or hostile: it is disconnected. */
static void send_line(struct control_connection *connection, const char *line) {
  size_t length = strlen(line);
  if (RETRY(send(connection->fd, line, length, MSG_NOSIGNAL)) != (long)length) disconnect(connection);
}

struct control_connection *control_accept(struct control *control, const char *greeting) {
  AUTO_CLOSE int fd = (int)RETRY(accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd < 0) return NULL;
  for (size_t i = 0; i < CONTROL_CONNECTIONS; i++) {
    struct control_connection *connection = &control->connections[i];
    if (connection->fd >= 0) continue;
    *connection = (struct control_connection){.fd = fd};
    fd = -1;
    send_line(connection, greeting);
    return connection->fd >= 0 ? connection : NULL;
  }
  return NULL;
}

void control_broadcast(struct control *control, const char *line) {
  for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
    if (control->connections[i].fd >= 0) send_line(&control->connections[i], line);
}

/* Parses decimal digits up to a space or the end, and advances past them. */
static bool parse_number(const char **text, uint64_t most, uint64_t *number) {
  size_t digits = strspn(*text, "0123456789");
  if (digits == 0 || digits > 19) return false;
  *number = strtoull(*text, NULL, 10);
  *text += digits;
  return *number <= most;
}

/* Parses "OFFSET LENGTH END". */
static bool parse_write(const char *text, struct input_write *write) {
  uint64_t length, end;
  if (!parse_number(&text, INT64_MAX - CONTROL_PAYLOAD, &write->offset) || *text++ != ' ') return false;
  if (!parse_number(&text, CONTROL_PAYLOAD, &length) || *text++ != ' ') return false;
  if (!parse_number(&text, 1, &end) || *text != '\0') return false;
  write->length = (size_t)length;
  write->end = end == 1;
  return true;
}

/* Parses "ROWS COLUMNS". */
static bool parse_size(const char *text, struct request *request) {
  uint64_t rows, columns;
  if (!parse_number(&text, UINT16_MAX, &rows) || *text++ != ' ') return false;
  if (!parse_number(&text, UINT16_MAX, &columns) || *text != '\0') return false;
  request->rows = (unsigned)rows;
  request->columns = (unsigned)columns;
  return rows > 0 && columns > 0;
}

static bool parse_request(const char *line, struct request *request) {
  long long number;
  int end = 0;
  *request = (struct request){0};
  if (sscanf(line, "stop %lld%n", &number, &end) == 1 && line[end] == '\0' && number >= 0)
    *request = (struct request){.kind = REQUEST_STOP, .number = number};
  else if (sscanf(line, "signal %lld%n", &number, &end) == 1 && line[end] == '\0' && number > 0 && number <= SIGRTMAX)
    *request = (struct request){.kind = REQUEST_SIGNAL, .number = number};
  else if (strcmp(line, "pause") == 0)
    request->kind = REQUEST_PAUSE;
  else if (strcmp(line, "resume") == 0)
    request->kind = REQUEST_RESUME;
  else if (strcmp(line, "save") == 0)
    request->kind = REQUEST_SAVE;
  else if (strncmp(line, "resize ", 7) == 0 && parse_size(line + 7, request))
    request->kind = REQUEST_RESIZE;
  else if (strcmp(line, "join") == 0)
    request->kind = REQUEST_JOIN;
  else if (strcmp(line, "files") == 0)
    request->kind = REQUEST_FILES;
  else if (strncmp(line, "write ", 6) == 0 && parse_write(line + 6, &request->input))
    request->kind = REQUEST_WRITE;
  else
    return false;
  return true;
}

static void answer(struct control_connection *connection, const struct request *request, const char *refusal) {
  char text[CONTROL_LINE];
  if (request->kind == REQUEST_JOIN && refusal == NULL) {
    if (!session_send_bytes(connection->fd, "ok\n", 3, request->fd)) disconnect(connection);
    return;
  }
  if (request->kind == REQUEST_WRITE)
    snprintf(text, sizeof text, "%s%s %llu\n", refusal == NULL ? "accepted" : "error ", refusal == NULL ? "" : refusal,
             (unsigned long long)request->accepted);
  else
    snprintf(text, sizeof text, refusal == NULL ? "ok\n" : "error %s\n", refusal);
  send_line(connection, text);
}

/* Reads up to `most` bytes. Returns -1 when nothing can be read now; disconnects a peer that has gone. */
static long receive(struct control_connection *connection, void *to, size_t most) {
  long count = RETRY(recv(connection->fd, to, most, 0));
  if (count < 0 && errno == EAGAIN) return -1;
  if (count <= 0) disconnect(connection);
  return count;
}

/* Carries out a write whose payload is complete. */
static void finish_write(struct control_connection *connection, control_act *act, void *context) {
  struct request *request = &connection->request;
  connection->receives = false;
  request->input.data = connection->payload;
  const char *refusal = act(context, request);
  answer(connection, request, refusal);
}

/* Begins a write: the part of its payload that arrived with the line is taken from there. */
static void begin_write(struct control_connection *connection, const struct request *request) {
  if (connection->payload == NULL) connection->payload = must_allocate(CONTROL_PAYLOAD, 1);
  connection->request = *request;
  connection->receives = true;
  size_t wanted = request->input.length;
  connection->received = connection->length < wanted ? connection->length : wanted;
  memcpy(connection->payload, connection->line, connection->received);
  connection->length -= connection->received;
  memmove(connection->line, connection->line + connection->received, connection->length + 1);
}

/* Handles the first of the lines that have arrived. Returns false when there is no complete line. */
static bool take_line(struct control_connection *connection, control_act *act, void *context) {
  char *end = strchr(connection->line, '\n');
  if (end == NULL) return false;
  *end = '\0';
  struct request request;
  bool known = parse_request(connection->line, &request);
  size_t used = (size_t)(end - connection->line) + 1;
  connection->length -= used;
  memmove(connection->line, end + 1, connection->length + 1);
  if (known && request.kind == REQUEST_WRITE) {
    begin_write(connection, &request);
    return true;
  }
  bool hands_over = known && request.kind == REQUEST_FILES;
  if (hands_over) {
    request.fd = connection->fd;
    request.input.data = (const unsigned char *)connection->line;
    request.input.length = connection->length;
  }
  const char *refusal = known ? act(context, &request) : "not a request";
  if (hands_over && refusal == NULL) {
    disconnect(connection);
    return true;
  }
  answer(connection, &request, refusal);
  return true;
}

bool control_read(struct control_connection *connection, control_act *act, void *context) {
  if (connection->receives) {
    size_t left = connection->request.input.length - connection->received;
    long count = receive(connection, connection->payload + connection->received, left);
    if (count <= 0) return count < 0;
    connection->received += (size_t)count;
  } else {
    size_t room = sizeof connection->line - 1 - connection->length;
    long count = receive(connection, connection->line + connection->length, room);
    if (count <= 0) return count < 0;
    connection->length += (size_t)count;
    connection->line[connection->length] = '\0';
  }
  while (connection->fd >= 0) {
    if (connection->receives && connection->received < connection->request.input.length) return true;
    if (connection->receives)
      finish_write(connection, act, context);
    else if (!take_line(connection, act, context))
      break;
  }
  if (connection->fd >= 0 && connection->length == sizeof connection->line - 1) {
    send_line(connection, "error line too long\n");
    disconnect(connection);
  }
  return connection->fd >= 0;
}

bool control_connected(const struct control *control) {
  for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
    if (control->connections[i].fd >= 0) return true;
  return false;
}

void control_close(struct control *control) {
  close_fd(&control->listener);
  unlink("control");
}
