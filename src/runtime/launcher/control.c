#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

/* A peer that does not read these few bytes is gone or hostile: it is disconnected. */
static void send_line(struct control_connection *connection, const char *line) {
  size_t length = strlen(line);
  if (RETRY(send(connection->fd, line, length, MSG_NOSIGNAL)) != (long)length) close_fd(&connection->fd);
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

static bool parse_request(const char *line, struct request *request) {
  long long number;
  int end = 0;
  if (sscanf(line, "stop %lld%n", &number, &end) == 1 && line[end] == '\0' && number >= 0)
    *request = (struct request){REQUEST_STOP, number};
  else if (sscanf(line, "signal %lld%n", &number, &end) == 1 && line[end] == '\0' && number > 0 && number <= SIGRTMAX)
    *request = (struct request){REQUEST_SIGNAL, number};
  else if (strcmp(line, "pause") == 0)
    *request = (struct request){REQUEST_PAUSE, 0};
  else if (strcmp(line, "resume") == 0)
    *request = (struct request){REQUEST_RESUME, 0};
  else
    return false;
  return true;
}

static const char *carry_out(const char *line, control_act *act, void *context) {
  struct request request;
  return parse_request(line, &request) ? act(context, request) : "not a request";
}

bool control_read(struct control_connection *connection, control_act *act, void *context) {
  size_t room = sizeof connection->line - 1 - connection->length;
  long count = RETRY(recv(connection->fd, connection->line + connection->length, room, 0));
  if (count < 0 && errno == EAGAIN) return true;
  if (count <= 0) {
    close_fd(&connection->fd);
    return false;
  }
  connection->length += (size_t)count;
  connection->line[connection->length] = '\0';
  for (char *end; connection->fd >= 0 && (end = strchr(connection->line, '\n')) != NULL;) {
    *end = '\0';
    const char *refusal = carry_out(connection->line, act, context);
    size_t used = (size_t)(end - connection->line) + 1;
    connection->length -= used;
    memmove(connection->line, end + 1, connection->length + 1);
    char answer[CONTROL_LINE];
    snprintf(answer, sizeof answer, refusal == NULL ? "ok\n" : "error %s\n", refusal);
    if (connection->fd >= 0) send_line(connection, answer);
  }
  if (connection->fd >= 0 && connection->length == sizeof connection->line - 1) {
    send_line(connection, "error line too long\n");
    close_fd(&connection->fd);
  }
  return connection->fd >= 0;
}

void control_close(struct control *control) {
  close_fd(&control->listener);
  unlink("control");
}
