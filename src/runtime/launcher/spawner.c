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
/* The most prepared cells; more are refused. */
#define PREPARED_MOST 64

/* A prepared cell: made for a job that is not known yet. */
struct prepared {
  char name[LINE_MOST];
  pid_t supervisor;
  int orders; /* closing it ends the cell; -1: closed */
};

struct spawner {
  int jobs;   /* folder of the job folders */
  int deaths; /* signalfd for SIGCHLD */
  struct children supervisors;
  struct prepared prepared[PREPARED_MOST];
  size_t prepared_count;
};

static struct spawner self = {.jobs = -1, .deaths = -1};

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

/* Forks. Of the descriptors of the spawner, the child keeps only its socket to the server and `jobs`. */
static pid_t fork_supervisor(const char *name) {
  pid_t pid = fork();
  if (pid > 0) children_add(&self.supervisors, pid, name);
  if (pid != 0) return pid;
  close(self.deaths);
  for (size_t i = 0; i < self.prepared_count; i++) close_fd(&self.prepared[i].orders);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  return 0;
}

static void start(const char *id) {
  pid_t pid = fork_supervisor(id);
  if (pid < 0) answer("failed", id, strerror(errno));
  if (pid == 0) supervisor_run(self.jobs, id, SERVER_SOCKET);
}

static void prepare(const char *name) {
  int pair[2];
  errno = EMFILE;
  if (self.prepared_count == PREPARED_MOST || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    answer("unprepared", name, strerror(errno));
    return;
  }
  pid_t pid = fork_supervisor(name);
  if (pid == 0) {
    close(pair[0]);
    supervisor_prepare(self.jobs, name, SERVER_SOCKET, pair[1]);
  }
  close(pair[1]);
  if (pid < 0) {
    answer("unprepared", name, strerror(errno));
    close(pair[0]);
    return;
  }
  struct prepared *cell = &self.prepared[self.prepared_count++];
  *cell = (struct prepared){.supervisor = pid, .orders = pair[0]};
  snprintf(cell->name, sizeof cell->name, "%s", name);
}

static struct prepared *find_prepared(const char *name) {
  for (size_t i = 0; i < self.prepared_count; i++)
    if (strcmp(self.prepared[i].name, name) == 0) return &self.prepared[i];
  return NULL;
}

static void forget_prepared(struct prepared *cell) {
  close_fd(&cell->orders);
  *cell = self.prepared[--self.prepared_count];
}

/* Ends all prepared cells, and waits until nothing of them is left. */
static void end_prepared(void) {
  for (size_t i = 0; i < self.prepared_count; i++) close_fd(&self.prepared[i].orders);
  for (size_t i = 0; i < self.prepared_count; i++) RETRY(waitpid(self.prepared[i].supervisor, NULL, 0));
}

static void start_in(const char *id, const char *name) {
  struct prepared *cell = find_prepared(name);
  bool given = cell != NULL && RETRY(send(cell->orders, id, strlen(id), MSG_NOSIGNAL)) == (long)strlen(id);
  if (given) {
    children_rename(&self.supervisors, cell->supervisor, id);
    forget_prepared(cell);
  } else {
    answer("gone", id, "");
  }
}

static void probe(const char *id) {
  AUTO_CLOSE int folder = openat(self.jobs, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool held = folder >= 0 && RETRY(flock(folder, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK;
  answer(held ? "held" : "free", id, "");
}

static void obey(char *line) {
  char *id = strchr(line, ' ');
  if (id != NULL) *id++ = '\0';
  char *name = id == NULL ? NULL : strchr(id, ' ');
  if (name != NULL) *name++ = '\0';
  if (id == NULL || !is_id(id) || (name != NULL && !is_id(name))) die("not a request: %s", line);
  struct prepared *cell = find_prepared(id);
  if (strcmp(line, "start") == 0 && name != NULL)
    start_in(id, name);
  else if (strcmp(line, "start") == 0)
    start(id);
  else if (strcmp(line, "probe") == 0)
    probe(id);
  else if (strcmp(line, "prepare") == 0)
    prepare(id);
  else if (strcmp(line, "dismiss") == 0 && cell != NULL)
    close_fd(&cell->orders);
  else if (strcmp(line, "dismiss") != 0)
    die("not a request: %s", line);
}

/* A supervisor that was killed may not have answered yet. One that exited has answered, whatever its exit code. */
static void report_death(const char *id, int status) {
  struct prepared *cell = find_prepared(id);
  if (cell != NULL)
    forget_prepared(cell);
  else if (WIFEXITED(status) && WEXITSTATUS(status) == PREPARED_UNUSED)
    answer("gone", id, "");
  if (!WIFSIGNALED(status)) return;
  char text[64];
  snprintf(text, sizeof text, "its supervisor was killed by signal %d", WTERMSIG(status));
  answer(cell == NULL ? "failed" : "unprepared", id, text);
}

static void reap(void) {
  struct signalfd_siginfo death;
  /* Read only to clear it: one record can stand for the end of several processes (signalfd(2)). */
  (void)!RETRY(read(self.deaths, &death, sizeof death));
  children_reap(&self.supervisors, report_death);
}

static int watch_deaths(void) {
  /* If SIGCHLD were inherited as ignored, the kernel would reap children, and their status would be lost. */
  signal(SIGCHLD, SIG_DFL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int spawner_main(const char *jobs_path, const char *cgroup) {
  self.jobs = open(jobs_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self.deaths = watch_deaths();
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
    if (sources[1].revents != 0) reap();
    if (sources[0].revents == 0) continue;
    long count = RETRY(recv(SERVER_SOCKET, line + length, sizeof line - 1 - length, 0));
    if (count <= 0) {
      end_prepared();
      return 0;
    }
    length += (size_t)count;
    line[length] = '\0';
    for (char *end; (end = strchr(line, '\n')) != NULL;) {
      *end = '\0';
      size_t used = (size_t)(end - line) + 1;
      obey(line);
      length -= used;
      memmove(line, end + 1, length + 1);
    }
    if (length == sizeof line - 1) die("request too long");
  }
}
