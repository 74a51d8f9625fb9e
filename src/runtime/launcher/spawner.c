#define _GNU_SOURCE
#include "spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "keyring.h"
#include "supervisor.h"
#include "util.h"

#define SERVER_SOCKET 3
#define LINE_MOST 256

struct spawner {
  int jobs;   /* folder of the job folders */
  int deaths; /* signalfd for SIGCHLD */
  struct children supervisors;
};

static void answer(const char *word, const char *id, const char *text) {
  char line[LINE_MOST + 64];
  int length = snprintf(line, sizeof line, "%s %s%s%s\n", word, id, *text == '\0' ? "" : " ", text);
  /* If the server is gone, the next one finds the jobs by their folders. */
  (void)!RETRY(send(SERVER_SOCKET, line, (size_t)length, MSG_NOSIGNAL));
}

static void enter_cgroup(const char *cgroup) {
  AUTO_CLOSE int directory = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  AUTO_CLOSE int procs = directory < 0 ? -1 : openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || !write_all(procs, "0", 1)) die("%s: %s", cgroup, strerror(errno));
}

/* A job id is the name of a folder; it must not lead elsewhere. */
static bool is_id(const char *id) {
  return *id != '\0' && *id != '.' && strchr(id, '/') == NULL;
}

static void start(struct spawner *self, const char *id) {
  pid_t pid = fork();
  if (pid < 0) answer("failed", id, strerror(errno));
  if (pid > 0) children_add(&self->supervisors, pid, id);
  if (pid != 0) return;
  close(self->deaths);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  supervisor_run(self->jobs, id, SERVER_SOCKET);
}

static void probe(int jobs, const char *id) {
  AUTO_CLOSE int folder = openat(jobs, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool held = folder >= 0 && RETRY(flock(folder, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK;
  answer(held ? "held" : "free", id, "");
}

static void obey(struct spawner *self, char *line) {
  char *id = strchr(line, ' ');
  if (id != NULL) *id++ = '\0';
  if (id == NULL || !is_id(id)) die("not a request: %s", line);
  if (strcmp(line, "start") == 0)
    start(self, id);
  else if (strcmp(line, "probe") == 0)
    probe(self->jobs, id);
  else
    die("not a request: %s", line);
}

/* A supervisor that was killed may not have answered yet. One that exited has, whatever its exit code. */
static void report_death(const char *id, int status) {
  if (!WIFSIGNALED(status)) return;
  char text[64];
  snprintf(text, sizeof text, "its supervisor was killed by signal %d", WTERMSIG(status));
  answer("failed", id, text);
}

static void reap(struct spawner *self) {
  struct signalfd_siginfo death;
  /* Only to clear it: one record can stand for several deaths (signalfd(2)). */
  (void)!RETRY(read(self->deaths, &death, sizeof death));
  children_reap(&self->supervisors, report_death);
}

static int watch_deaths(void) {
  /* If it were inherited as ignored, the kernel would reap, and the status would be lost. */
  signal(SIGCHLD, SIG_DFL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int spawner_main(const char *jobs_path, const char *cgroup) {
  struct spawner self = {.jobs = open(jobs_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .deaths = watch_deaths()};
  if (self.jobs < 0) die("%s: %s", jobs_path, strerror(errno));
  if (self.deaths < 0) die("signalfd: %s", strerror(errno));
  if (*cgroup != '\0') enter_cgroup(cgroup);
  /* A session of its own: Ctrl-C on the server's terminal must not reach the spawner. */
  setsid();
  prctl(PR_SET_NAME, "cell-spawner");
  if (!join_new_keyring()) die("session keyring: %s", strerror(errno));

  char line[LINE_MOST];
  size_t length = 0;
  struct pollfd sources[] = {{.fd = SERVER_SOCKET, .events = POLLIN}, {.fd = self.deaths, .events = POLLIN}};
  for (;;) {
    if (RETRY(poll(sources, ARRAY_LENGTH(sources), -1)) < 0) die("poll: %s", strerror(errno));
    if (sources[1].revents != 0) reap(&self);
    if (sources[0].revents == 0) continue;
    long count = RETRY(recv(SERVER_SOCKET, line + length, sizeof line - 1 - length, 0));
    if (count <= 0) return 0;
    length += (size_t)count;
    line[length] = '\0';
    for (char *end; (end = strchr(line, '\n')) != NULL;) {
      *end = '\0';
      size_t used = (size_t)(end - line) + 1;
      obey(&self, line);
      length -= used;
      memmove(line, end + 1, length + 1);
    }
    if (length == sizeof line - 1) die("request too long");
  }
}
