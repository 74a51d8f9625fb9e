#include "kernel.h"

#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "artifacts.h"
#include "capabilities.h"
#include "cgroup.h"
#include "clocks.h"
#include "control.h"
#include "deadlines.h"
#include "files.h"
#include "handover.h"
#include "idmap.h"
#include "inherited.h"
#include "init.h"
#include "input.h"
#include "isolation.h"
#include "join.h"
#include "keep.h"
#include "keyring.h"
#include "log.h"
#include "log_tail.h"
#include "plan.h"
#include "record.h"
#include "report.h"
#include "root.h"
#include "session.h"
#include "util.h"

#define PIPE_SIZE (1 << 20)
#define EMPTY_MOST_MS 30000
#define LOCK_MOST_NS 2000000000
#define LOCK_STEP_NS 5000000

/*
 * When `rounds` reads of at most `most_bytes` have followed each other within `within_ns`, the supervisor waits
 * `pause_ns` before each further one: the large pipes hold the output meanwhile, and one read takes it all.
 */
static const struct rhythm {
  size_t most_bytes;
  int64_t within_ns, pause_ns;
  unsigned rounds;
} rhythms[] = {
    /* A flood of output: saves a fifth of the CPU time. */
    {LOG_PAYLOAD_MOST - 1, 200000, 1000000, 8},
    /* Small writes: otherwise the headers of frames would take more room than the output. */
    {4096, 5000000, 5000000, 64},
};

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

/*
 * Event sources: the data of epoll events. Connections, and processes for files, are numbered from their first value
 * on.
 */
enum source {
  SOURCE_STDOUT,
  SOURCE_STDERR,
  SOURCE_STDIN,
  SOURCE_INIT,
  SOURCE_SOCKET,
  SOURCE_CHANNEL,
  SOURCE_CONTROL,
  SOURCE_CGROUP,
  SOURCE_ARTIFACTS,
  SOURCE_CONNECTION,
  SOURCE_FILES = SOURCE_CONNECTION + CONTROL_CONNECTIONS
};

/* A process that carries out a request for files. */
struct files_process {
  int fd; /* pidfd, or -1: there is none */
  pid_t pid;
};

struct supervisor {
  const char *id;
  struct plan plan;
  bool prepared;    /* the cell was made before the job was known, */
  struct plan cell; /* from this plan */
  int null;         /* and with this /dev/null, or -1 */
  struct record record;
  struct cgroup cgroup;
  struct control control;
  struct artifacts artifacts;
  struct log log;
  struct log_tail tail;

  int events;     /* epoll */
  int outputs[2]; /* read ends of stdout and stderr; for a terminal its master, and -1 */
  bool resized;   /* the log does not say yet which size the terminal has */
  unsigned rows, columns;
  struct input input;
  int socket;        /* to init */
  int channel;       /* from the command's process, until it executes */
  bool ready;        /* that process has reached exec */
  int init_fd;       /* pidfd */
  int namespaces[2]; /* of mounts and network */
  pid_t init;
  int started; /* the file "started", until it is synced */
  int upper;   /* the folder of what the cell writes */
  struct files_process files[FILES_AT_ONCE];

  struct deadlines deadlines;
  int64_t began;         /* monotonic ns of the start */
  int64_t paused;        /* wall clock ns of the pause, or 0 */
  bool gone;             /* init has been reaped */
  unsigned char *buffer; /* LOG_HEADER bytes and a payload */
};

static void watch(const struct supervisor *self, int fd, uint32_t events, uint32_t source) {
  struct epoll_event event = {.events = events, .data.u32 = source};
  if (epoll_ctl(self->events, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static bool fail(struct supervisor *self, const char *step, const char *subject) {
  report_failure(&self->record.failure, step, subject);
  return false;
}

/* ---- before the clone ---- */

/*
 * The spawner holds the lock for a moment when it probes a job, or until it is killed if it is stopped then. Another
 * supervisor of the job holds it as long as it lives.
 */
static bool lock_folder(int folder) {
  for (int64_t end = monotonic_clock() + LOCK_MOST_NS; RETRY(flock(folder, LOCK_EX | LOCK_NB)) != 0;) {
    if (errno != EWOULDBLOCK || monotonic_clock() > end) return false;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_NS}, NULL);
  }
  return true;
}

/*
 * Whether the working directory is still the folder of the job. A server that gives the job up moves the folder aside
 * before it removes its content, "started" included.
 */
static bool is_folder_of(int jobs, const char *id) {
  struct stat here, there;
  if (stat(".", &here) != 0 || fstatat(jobs, id, &there, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (here.st_dev == there.st_dev && here.st_ino == there.st_ino) return true;
  errno = ESTALE;
  return false;
}

/*
 * Creates "started" and the files that the end of the job will need. The first to create this file, a supervisor or a
 * server that gives the job up, decides whether it runs.
 */
static bool note_claim(struct supervisor *self, int jobs) {
  self->started = open("started", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (self->started < 0) return false;
  char text[64];
  int length = snprintf(text, sizeof text, "%d %lld\n", (int)getpid(), (long long)wall_clock());
  if (is_folder_of(jobs, self->id) && write_all(self->started, text, (size_t)length) && record_open(&self->record))
    return true;
  /* The disk is full, for example. The file is removed, since it would say that something ran. */
  int saved = errno;
  unlink("started");
  errno = saved;
  return false;
}

/* Locks the job's folder until this process exits, and makes sure that no other supervisor runs the job. */
static bool claim(struct supervisor *self, int jobs) {
  int folder = openat(jobs, self->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || fchdir(folder) != 0 || !lock_folder(folder)) return false;
  /*
   * A supervisor that was requested again after the end of a spawner may have waited for the lock until the job had
   * ended: nothing may appear in its folder then, not even for a moment.
   */
  if (faccessat(AT_FDCWD, "started", F_OK, 0) == 0) {
    errno = EEXIST;
    return false;
  }
  if (!control_open(&self->control)) return false;
  if (note_claim(self, jobs)) return true;
  int saved = errno;
  control_close(&self->control);
  errno = saved;
  return false;
}

static void take_own_streams(void) {
  AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
}

static bool read_plan(struct supervisor *self) {
  size_t length;
  char *text = read_file_at(AT_FDCWD, "plan", PLAN_MOST, &length);
  if (text == NULL) return fail(self, "plan", "plan");
  const char *wrong = plan_parse(&self->plan, text, length);
  if (wrong == NULL) return true;
  errno = EINVAL;
  return fail(self, "plan", wrong);
}

/* Translates an id of the cell to the host's. */
static uint32_t outside_id(const struct id_range *ranges, size_t count, uint32_t id) {
  for (size_t i = 0; i < count; i++)
    if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].count)
      return ranges[i].outside + (id - ranges[i].inside);
  return UINT32_MAX;
}

/*
 * A pipe to or from the command. The command owns it, and every user of the cell has the permissions of `others`, so
 * that a process that has inherited the pipe can open it again as /dev/stdout, also after su(1).
 */
static bool make_pipe(const struct supervisor *self, mode_t others, int ends[2]) {
  uint32_t uid = outside_id(self->plan.uids, self->plan.uids_count, self->plan.uid);
  uint32_t gid = outside_id(self->plan.gids, self->plan.gids_count, self->plan.gid);
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  /* A larger pipe saves wake-ups; where that is refused, a smaller one will do. */
  fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
  return fchown(ends[0], uid, gid) == 0 && fchmod(ends[0], 0600 | others) == 0;
}

static bool open_streams(struct supervisor *self, int streams[3]) {
  /* Init opens a terminal, which is of the cell's own devpts. */
  if (self->plan.has_terminal) return true;
  int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  if (!make_pipe(self, 022, pipes[1]) || !make_pipe(self, 022, pipes[2])) return fail(self, "pipe", NULL);
  for (int i = 0; i < 2; i++) {
    self->outputs[i] = pipes[i + 1][0];
    streams[i + 1] = pipes[i + 1][1];
    fcntl(self->outputs[i], F_SETFL, O_NONBLOCK);
  }
  if (self->plan.opens_stdin) input_open(&self->input);
  if (!self->plan.has_stdin && !self->plan.opens_stdin) {
    /* For a cell that is joined, the null device is opened there. */
    if (self->plan.joins != NULL) return true;
    streams[0] = self->prepared ? fcntl(self->null, F_DUPFD_CLOEXEC, 3) : root_open_null(&self->plan);
    return streams[0] >= 0 || fail(self, "open", "/dev/null");
  }
  if (self->plan.has_stdin) self->input.file = open("stdin", O_RDONLY | O_CLOEXEC);
  if (self->plan.has_stdin && self->input.file < 0) return fail(self, "open", "stdin");
  if (!make_pipe(self, 044, pipes[0])) return fail(self, "pipe", "stdin");
  streams[0] = pipes[0][0];
  self->input.fd = pipes[0][1];
  fcntl(self->input.fd, F_SETFL, O_NONBLOCK);
  return true;
}

static bool open_log(struct supervisor *self) {
  self->log.fd = open("log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  self->log.index.next = LOG_INDEX_STRIDE;
  self->log.index.fd = open("index", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  self->buffer = must_reserve(LOG_HEADER + LOG_PAYLOAD_MOST);
  bool opened = self->log.fd >= 0 && self->log.index.fd >= 0 && log_tail_open(&self->tail, self->plan.tail_bytes);
  return opened || fail(self, "log", "log");
}

/* ---- the clone ---- */

/*
 * Clones a process into new namespaces, if there are any, and into the cgroup. Where CLONE_INTO_CGROUP is refused (a
 * seccomp filter hides clone3), the child is moved into its cgroup, for which it has to wait.
 */
static pid_t clone_process(struct supervisor *self, unsigned namespaces, int *pidfd) {
  struct clone_args arguments = {
      .flags = namespaces | CLONE_PIDFD,
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
  };
  if (self->cgroup.path != NULL) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (unsigned)self->cgroup.fd;
  }
  pid_t pid = kernel_clone3(&arguments);
  if (pid >= 0 || (errno != ENOSYS && errno != EPERM && errno != EOPNOTSUPP)) return pid;
#if defined(__s390__)
#error "clone(2) takes its arguments in another order here"
#endif
  pid = (pid_t)syscall(SYS_clone, namespaces | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
  if (pid > 0 && !cgroup_join(&self->cgroup, pid)) {
    int saved = errno;
    kernel_pidfd_send_signal(*pidfd, SIGKILL);
    waitpid(pid, NULL, 0);
    close_fd(pidfd);
    errno = saved;
    return -1;
  }
  return pid;
}

/* Changes the effective user id and keeps the capabilities, which are lost with that of root (capabilities(7)). */
static bool act_as(uid_t uid) {
  return setresuid((uid_t)-1, uid, (uid_t)-1) == 0 && raise_capabilities();
}

/*
 * The id of the host that creates the user namespace: one of the cell's ids, and where all cells have the same ids, a
 * different one for each, since no two supervisors have the same pid. It has no rights in the cell: for that, its
 * processes would have to be outside.
 */
static uid_t maker(const struct plan *plan) {
  return plan->uids[0].outside + (uint32_t)getpid() % plan->uids[0].count;
}

/*
 * Clones init with another effective id than root's: the kernel counts the inotify instances, pending signals, message
 * queues, locked memory and the like of a user namespace against the id that created it (inc_ucount() in
 * kernel/ucount.c). Created by root, all cells would share the counts of root of the machine.
 */
static bool make_init(struct supervisor *self, struct init_fds *fds) {
  uid_t own = geteuid();
  if (self->plan.joins != NULL) {
    /*
     * When the process that has joined is killed before it reaps the command, this one has to: the cell cannot end as
     * long as a zombie is in its pid namespace, and PID 1 of a container may reap late or never.
     */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return fail(self, "clone", "subreaper");
    self->init = clone_process(self, 0, &self->init_fd);
    if (self->init == 0) init_run(&self->plan, fds);
    return self->init > 0 || fail(self, "clone", "process");
  }
  bool ready = act_as(maker(&self->plan)) || fail(self, "clone", "user id");
  if (ready) self->init = clone_process(self, NAMESPACES, &self->init_fd);
  if (self->init == 0) init_run(&self->plan, fds);
  if (ready && self->init < 0) fail(self, "clone", "namespaces");
  return (act_as(own) || fail(self, "clone", "user id")) && self->init > 0;
}

/* Whether the OOM score adjustment of this process is higher than `score`. */
static bool exceeds_oom_score(const char *score) {
  char *own = read_file_at(AT_FDCWD, "/proc/self/oom_score_adj", 64, NULL);
  bool exceeds = own != NULL && atoi(own) > atoi(score);
  free(own);
  return exceeds;
}

/*
 * Jobs do not inherit the OOM score adjustment of the server (proc_pid_oom_score_adj(5)). Written by the supervisor:
 * because it has privileges, this is also the lowest value that the cell can set. Without CAP_SYS_RESOURCE the kernel
 * refuses a lower value than a process with it has set, as systemd does for the services of users; that value stays
 * then.
 */
static bool set_oom_score(const struct supervisor *self, pid_t pid) {
  const char *score = self->plan.oom_score;
  if (score == NULL || write_process_file(pid, "oom_score_adj", score)) return true;
  return errno == EACCES && exceeds_oom_score(score);
}

static bool give_order(const struct supervisor *self, struct order order) {
  return RETRY(send(self->socket, &order, sizeof order, MSG_NOSIGNAL)) == (long)sizeof order;
}

/*
 * Syncs the start to disk before the command may run, so that a power loss cannot lead to a second start. Done while
 * init sets up the cell.
 */
static bool sync_start(struct supervisor *self) {
  AUTO_CLOSE int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = folder >= 0 && fsync(self->started) == 0 && fsync(folder) == 0;
  close_fd(&self->started);
  return synced || fail(self, "sync", "started");
}

/*
 * Whether an order that init has to have before anything can run has reached it. One that was killed before, as with a
 * job that ends while a command is to join its cell, is no failure of a step: the record has none then.
 */
static bool reaches_init(struct supervisor *self, bool given) {
  if (given) return true;
  if (!self->prepared && (errno == EPIPE || errno == ECONNRESET)) return false;
  return fail(self, "order", "init");
}

/* Makes the pipe from the command's process; its other end is `*end`. */
static bool open_channel(struct supervisor *self, int *end) {
  int channel[2];
  if (pipe2(channel, O_CLOEXEC) != 0) return fail(self, "pipe", NULL);
  self->channel = channel[0];
  *end = channel[1];
  return fcntl(self->channel, F_SETFL, O_NONBLOCK) == 0 || fail(self, "pipe", NULL);
}

/*
 * Keeps the namespaces of the cell until this process ends, which is after the record is written: taking mounts and
 * network apart takes a while, for which the end of init would wait. If they cannot be kept, it waits.
 */
static void hold_namespaces(struct supervisor *self) {
  static const char *const kinds[] = {"mnt", "net"};
  for (size_t i = 0; i < ARRAY_LENGTH(kinds) && self->plan.joins == NULL; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)self->init, kinds[i]);
    self->namespaces[i] = open(path, O_RDONLY | O_CLOEXEC);
  }
}

/* Keeps the root without what is mounted on it: neither the devices of the cell nor its /proc. */
static void release_namespaces(struct supervisor *self) {
  for (size_t i = 0; i < ARRAY_LENGTH(self->namespaces); i++) close_fd(&self->namespaces[i]);
}

/* Clones init and gives it its first order. Closes the descriptors in `fds`, which are init's from then on. */
static bool launch(struct supervisor *self, struct init_fds *fds, enum order_kind first) {
  int pair[2] = {-1, -1};
  bool paired = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 || fail(self, "socketpair", NULL);
  self->socket = pair[0];
  fds->socket = pair[1];
  inherited_raise_limits(&self->plan);
  bool made = paired && make_init(self, fds);
  close_fd(&fds->socket);
  close_fd(&fds->channel);
  close_fd(&fds->root);
  for (int i = 0; i < 3; i++) close_fd(&fds->streams[i]);
  for (size_t i = 0; i < self->plan.steps_count; i++) close_fd(&self->plan.steps[i].fd);
  bool mapped =
      made && (self->plan.joins != NULL || idmap_write(self->init, &self->plan) || fail(self, "id map", NULL));
  if (mapped && self->plan.artifacts_count > 0 && !artifacts_keep_namespaces(&self->artifacts, self->init))
    return fail(self, "artifacts", "namespaces");
  if (mapped) hold_namespaces(self);
  return mapped && (set_oom_score(self, self->init) || fail(self, "oom score", "oom_score_adj")) &&
         reaches_init(self, give_order(self, (struct order){.kind = first}));
}

static bool make_cell(struct supervisor *self) {
  struct init_fds fds = {-1, -1, -1, {-1, -1, -1}, -1};
  if (!read_plan(self) || !open_log(self)) return false;
  AUTO_CLOSE int cell = self->plan.joins == NULL ? -1 : join_find(self->plan.joins);
  if (self->plan.joins != NULL && cell < 0) return fail(self, "join", "supervisor");
  fds.cell = cell;
  if (!cgroup_make(&self->cgroup, &self->plan, &self->record.failure)) {
    /* The cgroup would be within that of the job, which is gone: the job has ended since it was asked for its cell. */
    bool ended = self->plan.joins != NULL && self->record.failure.error == ENOENT;
    errno = ESRCH;
    return ended ? fail(self, "join", "supervisor") : false;
  }
  if (self->plan.joins == NULL) fds.root = root_make(&self->plan, &self->upper, &self->record.failure);
  if (self->plan.joins == NULL && fds.root < 0) return false;
  if (self->plan.artifacts_count > 0 && !artifacts_keep_root(&self->artifacts, fds.root))
    return fail(self, "artifacts", "root");
  bool opened = open_streams(self, fds.streams) && open_channel(self, &fds.channel);
  return opened && launch(self, &fds, ORDER_FURNISH) && sync_start(self);
}

/* ---- a cell that is made before the job is known ---- */

/* Makes the cell of the plan in the folder `.name`, as far as it does not depend on a job. */
static bool prepare_cell(struct supervisor *self, int jobs, const char *name) {
  struct init_fds fds = {-1, -1, -1, {-1, -1, -1}, -1};
  char hidden[PREPARED_ID];
  snprintf(hidden, sizeof hidden, ".%s", name);
  AUTO_CLOSE int folder = openat(jobs, hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || fchdir(folder) != 0) return fail(self, "plan", "folder");
  if (!read_plan(self)) return false;
  /* The folder is no longer needed, and its job will have another. */
  if (chdir("/") != 0) return fail(self, "plan", "/");
  self->prepared = true;
  self->cell = self->plan;
  if (!cgroup_make(&self->cgroup, &self->plan, &self->record.failure)) return false;
  fds.root = root_make(&self->plan, &self->upper, &self->record.failure);
  if (fds.root < 0) return false;
  self->null = root_open_null(&self->plan);
  if (self->null < 0) return close_fd(&fds.root), fail(self, "open", "/dev/null");
  if (!launch(self, &fds, ORDER_PREPARE)) return false;
  struct report report;
  int none;
  if (!session_receive(self->socket, &report, &none)) return errno = EPIPE, fail(self, "prepare", "init");
  if (report.kind == REPORT_FURNISHED) return true;
  self->record.failure = report;
  return false;
}

/* Gives the prepared cell to the job whose folder this process is in. */
static bool take_cell(struct supervisor *self) {
  struct handover handover = {-1, -1, {-1, -1, -1}};
  if (!read_plan(self)) return false;
  errno = EINVAL;
  /* If the job has artifacts, its root has to be kept open from the beginning. */
  if (!plan_has_cell(&self->plan, &self->cell) || self->plan.artifacts_count > 0)
    return fail(self, "plan", "of another cell");
  bool opened = open_log(self) && open_streams(self, handover.streams) && open_channel(self, &handover.channel);
  handover.plan = opened ? open("plan", O_RDONLY | O_CLOEXEC) : -1;
  if (opened && handover.plan < 0) opened = fail(self, "plan", "plan");
  bool taken =
      opened && ((give_order(self, (struct order){.kind = ORDER_TAKE}) && handover_send(self->socket, &handover)) ||
                 fail(self, "order", "init"));
  close_fd(&handover.plan);
  close_fd(&handover.channel);
  for (int i = 0; i < 3; i++) close_fd(&handover.streams[i]);
  close_fd(&self->null);
  return taken && sync_start(self);
}

/* ---- while it runs ---- */

static void kill_cell(const struct supervisor *self) {
  cgroup_kill(&self->cgroup);
  /* The death of PID 1 kills its pid namespace, also where there is no cgroup. */
  if (self->init_fd >= 0 && !self->gone) kernel_pidfd_send_signal(self->init_fd, SIGKILL);
}

/* Kills the cell; the first cause is the one that counts. */
static void end_cell(struct supervisor *self, enum cause cause) {
  /* A command that has exited by itself was not killed; but its output may still exceed the limit. */
  bool counts = !self->record.ended || cause == CAUSE_OUTPUT;
  if (self->record.cause == CAUSE_NONE && counts) self->record.cause = cause;
  kill_cell(self);
}

/* The greeting of a control connection: the state of the job. */
static void describe(const struct supervisor *self, char line[CONTROL_LINE]) {
  if (self->record.executed)
    snprintf(line, CONTROL_LINE, "running %lld %lld\n", (long long)self->record.started, (long long)self->paused);
  else
    snprintf(line, CONTROL_LINE, "starting\n");
}

static void note_start(struct supervisor *self) {
  self->record.executed = true;
  self->record.started = wall_clock();
  self->began = monotonic_clock();
  deadlines_start(&self->deadlines, self->began);
  /* Recorded before the start is announced. A command that has exited by now stays a zombie until ORDER_LEAVE. */
  isolation_write(&self->plan, self->init, self->cgroup.fd);
  char line[CONTROL_LINE];
  describe(self, line);
  control_broadcast(&self->control, line);
}

/* Learns whether the command was executed: see command.h. */
static void read_channel(struct supervisor *self) {
  while (self->channel >= 0) {
    struct report report;
    long length = RETRY(read(self->channel, &report, sizeof report));
    if (length < 0 && errno == EAGAIN) return;
    if (length == (long)sizeof report && report.kind == REPORT_READY) {
      self->ready = true;
      continue;
    }
    close_fd(&self->channel);
    if (length == (long)sizeof report)
      self->record.failure = report;
    else if (self->ready)
      note_start(self);
  }
}

static void take_output(struct supervisor *self, enum source source, size_t length) {
  /* A process that writes output has been executed, though the report of that may not have been read yet. */
  read_channel(self);
  enum log_stream stream = source == SOURCE_STDOUT ? LOG_STDOUT : LOG_STDERR;
  if (self->plan.has_terminal) stream = LOG_TERMINAL;
  uint64_t room = self->plan.output_bytes - self->plan.tail_bytes - self->log.kept;
  size_t fits = length < room ? length : (size_t)room;
  /* Written only before output, so that a log has no more sizes than output. */
  if (self->resized && fits > 0) log_resize(&self->log, self->rows, self->columns);
  if (fits > 0) self->resized = false;
  log_output(&self->log, stream, self->buffer, fits);
  if (fits == length) return;
  if (self->plan.tail_bytes != 0) {
    log_tail_output(&self->tail, &self->log, stream, self->buffer + fits, length - fits);
    return;
  }
  log_drop(&self->log, length - fits);
  end_cell(self, CAUSE_OUTPUT);
}

/* A copy of the master of a terminal is open for input: closing this descriptor alone would not end its events. */
static void close_output(const struct supervisor *self, int *fd) {
  epoll_ctl(self->events, EPOLL_CTL_DEL, *fd, NULL);
  close_fd(fd);
}

/*
 * Reads output into one frame of the log: a read returns no more than one write of a command that has set O_DIRECT
 * (pipe(2)). Returns false when there was nothing; closes the pipe at its end.
 */
static bool read_output(struct supervisor *self, enum source source, size_t *taken) {
  int *fd = &self->outputs[source == SOURCE_STDOUT ? 0 : 1];
  size_t length = 0;
  while (*fd >= 0 && length < LOG_PAYLOAD_MOST) {
    long count = RETRY(read(*fd, self->buffer + LOG_HEADER + length, LOG_PAYLOAD_MOST - length));
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) close_output(self, fd);
    if (count > 0) length += (size_t)count;
  }
  if (length > 0) take_output(self, source, length);
  *taken += length;
  return length > 0;
}

/* Arms one event for when the command has read more, or has closed its input. */
static void await_room(const struct supervisor *self) {
  struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data.u32 = SOURCE_STDIN};
  if (epoll_ctl(self->events, EPOLL_CTL_MOD, self->input.fd, &event) != 0) die("epoll_ctl: %s", strerror(errno));
}

static void feed_stdin(struct supervisor *self) {
  if (self->input.file >= 0 && input_feed(&self->input)) await_room(self);
  if (!input_pass(&self->input)) await_room(self);
  if (input_invites(&self->input)) control_broadcast(&self->control, "room\n");
}

static const char *write_input(struct supervisor *self, struct request *request) {
  const char *refusal = input_write(&self->input, &request->input);
  request->accepted = self->input.accepted;
  if (refusal == NULL && input_waits(&self->input)) await_room(self);
  return refusal;
}

/* The processes that a stop has signalled have until the end of the grace period, even when the command has ended. */
static bool leave(const struct supervisor *self) {
  enum scope scope = self->record.cause == CAUSE_STOP ? self->plan.stop_scope : SCOPE_COMMAND;
  return give_order(self, (struct order){.kind = ORDER_LEAVE, .scope = scope});
}

/*
 * Takes the master of the terminal that init has opened: output is read from it, and input is written to a copy of it.
 */
static bool take_terminal(struct supervisor *self, int *terminal) {
  self->outputs[0] = *terminal;
  *terminal = -1;
  if (self->outputs[0] >= 0) self->input.fd = fcntl(self->outputs[0], F_DUPFD_CLOEXEC, 3);
  if (self->input.fd < 0) return fail(self, "terminal", "descriptor");
  input_open(&self->input);
  self->input.is_terminal = self->resized = true;
  self->rows = self->plan.terminal_rows;
  self->columns = self->plan.terminal_columns;
  watch(self, self->outputs[0], EPOLLIN, SOURCE_STDOUT);
  watch(self, self->input.fd, EPOLLOUT | EPOLLONESHOT, SOURCE_STDIN);
  return true;
}

static const char *resize(struct supervisor *self, const struct request *request) {
  if (!self->plan.has_terminal) return "it has no terminal";
  if (self->outputs[0] < 0) return "it does not run";
  if (request->rows == self->rows && request->columns == self->columns) return NULL;
  if (!session_resize(self->outputs[0], request->rows, request->columns)) return "the kernel refuses it";
  self->resized = true;
  self->rows = request->rows;
  self->columns = request->columns;
  return NULL;
}

static void read_report(struct supervisor *self) {
  struct report report;
  AUTO_CLOSE int terminal = -1;
  if (!session_receive(self->socket, &report, &terminal)) {
    close_fd(&self->socket);
    return;
  }
  switch ((enum report_kind)report.kind) {
    case REPORT_FAILED:
      self->record.failure = report;
      kill_cell(self);
      break;
    case REPORT_FURNISHED:
      if (self->plan.has_terminal && !take_terminal(self, &terminal)) {
        kill_cell(self);
        break;
      }
      if (self->record.cause != CAUSE_NONE) break;
      if (!give_order(self, (struct order){.kind = ORDER_EXECUTE})) kill_cell(self);
      break;
    case REPORT_READY:
      break;
    case REPORT_ENDED:
      read_channel(self);
      /* A process that could not execute the command does not count as the command. */
      self->record.ended = self->record.executed;
      self->record.status = report.status;
      if (!leave(self)) kill_cell(self);
      break;
  }
}

/* The deadlines of a frozen cell do not advance. */
static void note_pause(struct supervisor *self) {
  self->paused = wall_clock();
  deadlines_pause(&self->deadlines, monotonic_clock());
  char line[CONTROL_LINE];
  snprintf(line, sizeof line, "paused %lld\n", (long long)self->paused);
  control_broadcast(&self->control, line);
}

static void note_resumption(struct supervisor *self) {
  self->paused = 0;
  deadlines_resume(&self->deadlines, monotonic_clock());
  control_broadcast(&self->control, "resumed\n");
}

static void read_cgroup_events(struct supervisor *self) {
  bool frozen = cgroup_is_frozen(&self->cgroup);
  if (frozen && self->paused == 0) note_pause(self);
  if (!frozen && self->paused != 0) note_resumption(self);
}

static const char *freeze(struct supervisor *self, bool pause) {
  if (self->cgroup.path == NULL) return "without a cgroup nothing can be paused";
  if (!self->record.executed || self->record.ended || self->record.cause != CAUSE_NONE) return "it does not run";
  if (!cgroup_freeze(&self->cgroup, pause)) return "the kernel refuses it";
  read_cgroup_events(self);
  return NULL;
}

static void stop(struct supervisor *self, int64_t grace_ms) {
  if (!self->record.executed || grace_ms == 0) {
    end_cell(self, CAUSE_STOP);
    return;
  }
  if (self->record.cause == CAUSE_NONE && !self->record.ended) self->record.cause = CAUSE_STOP;
  deadlines_stop(&self->deadlines, monotonic_clock(), grace_ms);
  /* A frozen command cannot handle a signal; if it cannot be thawed, the grace period ends it. */
  if (self->cgroup.path != NULL) cgroup_freeze(&self->cgroup, false);
  give_order(self, (struct order){ORDER_SIGNAL, self->plan.stop_signal, self->plan.stop_scope});
}

/* Copies what a paused cell has changed. Meanwhile deadlines do not advance, and no process of it can write. */
static const char *save(const struct supervisor *self) {
  if (self->upper < 0) return "it has no root of its own";
  if (self->paused == 0 || !cgroup_is_frozen(&self->cgroup)) return "it is not paused";
  return keep_layer(&self->plan, self->upper);
}

/* ---- requests for files ---- */

/*
 * Clones a process into the cgroup of the cell, which gets the connection. The process waits for a byte on a pipe until
 * it has been moved there.
 */
static const char *start_files(struct supervisor *self, struct files_process *process, const struct request *request) {
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) return "too many files are open";
  process->pid = clone_process(self, 0, &process->fd);
  if (process->pid == 0) {
    char byte;
    close(go[1]);
    if (RETRY(read(go[0], &byte, 1)) != 1) _exit(1);
    files_run(&self->plan, self->init_fd, request->fd, request->input.data, request->input.length);
  }
  bool placed = process->pid > 0 && set_oom_score(self, process->pid) && write_all(go[1], "", 1);
  bool crowded = process->pid < 0 && errno == EAGAIN;
  close(go[0]);
  close(go[1]);
  if (placed) return NULL;
  if (process->pid > 0) waitpid(process->pid, NULL, 0);
  close_fd(&process->fd);
  return crowded ? "it has as many processes as it may have" : "no process can be started in it";
}

/* Hands a connection over to a process in the cell: from then on it is that one's alone. */
static const char *serve_files(struct supervisor *self, const struct request *request) {
  if (!self->record.executed || self->record.ended || self->plan.joins != NULL) return "it does not run";
  if (self->paused != 0) return "it is paused";
  for (size_t i = 0; i < ARRAY_LENGTH(self->files); i++) {
    struct files_process *process = &self->files[i];
    if (process->fd >= 0) continue;
    const char *refusal = start_files(self, process, request);
    if (refusal != NULL) return refusal;
    epoll_ctl(self->events, EPOLL_CTL_DEL, request->fd, NULL);
    watch(self, process->fd, EPOLLIN, SOURCE_FILES + (uint32_t)i);
    return NULL;
  }
  return "too many requests at once";
}

static void reap_files(struct files_process *process) {
  if (process->fd < 0) return;
  waitpid(process->pid, NULL, 0);
  close_fd(&process->fd);
}

/* Kills these processes where no cgroup is killed. They are not waited for: one may hang in the kernel. */
static void kill_files(const struct supervisor *self) {
  for (size_t i = 0; i < ARRAY_LENGTH(self->files); i++)
    if (self->files[i].fd >= 0) kernel_pidfd_send_signal(self->files[i].fd, SIGKILL);
}

static const char *act(void *context, struct request *request) {
  struct supervisor *self = context;
  switch (request->kind) {
    case REQUEST_STOP:
      stop(self, request->number);
      return NULL;
    case REQUEST_SIGNAL:
      if (!self->record.executed || self->record.ended) return "it does not run";
      return give_order(self, (struct order){ORDER_SIGNAL, (int)request->number, SCOPE_COMMAND}) ? NULL
                                                                                                 : "it does not run";
    case REQUEST_PAUSE:
    case REQUEST_RESUME:
      return freeze(self, request->kind == REQUEST_PAUSE);
    case REQUEST_SAVE:
      return save(self);
    case REQUEST_RESIZE:
      return resize(self, request);
    case REQUEST_JOIN:
      if (!self->record.executed || self->record.ended || self->plan.joins != NULL) return "it does not run";
      request->fd = self->init_fd;
      return NULL;
    case REQUEST_FILES:
      return serve_files(self, request);
    case REQUEST_WRITE:
      return write_input(self, request);
  }
  return "not a request";
}

static void accept_control(struct supervisor *self) {
  char greeting[CONTROL_LINE];
  describe(self, greeting);
  struct control_connection *connection = control_accept(&self->control, greeting);
  if (connection == NULL) return;
  uint32_t index = (uint32_t)(connection - self->control.connections);
  watch(self, connection->fd, EPOLLIN, SOURCE_CONNECTION + index);
}

/* A connection is gone: a cell that is there for its client's sake ends when nobody is connected any more. */
static void leave_idle(struct supervisor *self) {
  if (self->plan.idle && !control_connected(&self->control)) end_cell(self, CAUSE_STOP);
}

static void handle(struct supervisor *self, uint32_t source, size_t *taken) {
  switch (source) {
    case SOURCE_STDOUT:
    case SOURCE_STDERR:
      read_output(self, source, taken);
      break;
    case SOURCE_STDIN:
      if (self->input.fd >= 0) feed_stdin(self);
      break;
    case SOURCE_INIT:
      self->gone = true;
      break;
    case SOURCE_SOCKET:
      if (self->socket >= 0) read_report(self);
      break;
    case SOURCE_CHANNEL:
      read_channel(self);
      break;
    case SOURCE_CONTROL:
      accept_control(self);
      break;
    case SOURCE_CGROUP:
      read_cgroup_events(self);
      break;
    case SOURCE_ARTIFACTS:
      break;
    default: {
      if (source >= SOURCE_FILES) {
        reap_files(&self->files[source - SOURCE_FILES]);
        break;
      }
      struct control_connection *connection = &self->control.connections[source - SOURCE_CONNECTION];
      if (connection->fd >= 0 && !control_read(connection, act, self)) leave_idle(self);
    }
  }
}

struct pace {
  int64_t last; /* monotonic ns of the last read */
  unsigned rounds[ARRAY_LENGTH(rhythms)];
};

/* Waits after a read of `taken` bytes for as long as the rhythm of reads requires. */
static void keep_pace(struct pace *pace, size_t taken) {
  int64_t since = monotonic_clock() - pace->last;
  struct timespec pause = {0};
  for (size_t i = 0; i < ARRAY_LENGTH(rhythms); i++) {
    bool busy = taken <= rhythms[i].most_bytes && since < rhythms[i].within_ns;
    pace->rounds[i] = busy ? pace->rounds[i] + 1 : 0;
    if (pace->rounds[i] < rhythms[i].rounds) continue;
    pace->rounds[i] = rhythms[i].rounds;
    pause.tv_nsec = rhythms[i].pause_ns;
  }
  if (pause.tv_nsec > 0) nanosleep(&pause, NULL);
  pace->last = monotonic_clock();
}

static void watch_all(struct supervisor *self) {
  if (self->outputs[0] >= 0) watch(self, self->outputs[0], EPOLLIN, SOURCE_STDOUT);
  if (self->outputs[1] >= 0) watch(self, self->outputs[1], EPOLLIN, SOURCE_STDERR);
  watch(self, self->init_fd, EPOLLIN, SOURCE_INIT);
  watch(self, self->socket, EPOLLIN, SOURCE_SOCKET);
  watch(self, self->channel, EPOLLIN, SOURCE_CHANNEL);
  watch(self, self->control.listener, EPOLLIN, SOURCE_CONTROL);
  if (self->input.fd >= 0) watch(self, self->input.fd, EPOLLOUT | EPOLLONESHOT, SOURCE_STDIN);
  /* A change wakes with EPOLLPRI; EPOLLIN would always be ready (cgroup-v2.rst). */
  if (self->cgroup.path != NULL) watch(self, self->cgroup.events, EPOLLPRI, SOURCE_CGROUP);
}

static void run(struct supervisor *self) {
  watch_all(self);
  struct pace pace = {0};
  while (!self->gone) {
    struct epoll_event events[16];
    int count =
        epoll_wait(self->events, events, ARRAY_LENGTH(events), deadlines_wait_ms(&self->deadlines, monotonic_clock()));
    if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
    size_t taken = 0;
    for (int i = 0; i < count; i++) handle(self, events[i].data.u32, &taken);
    enum cause cause = deadlines_check(&self->deadlines, monotonic_clock());
    if (cause != CAUSE_NONE) end_cell(self, cause);
    if (taken > 0) keep_pace(&pace, taken);
  }
}

/* ---- after the end ---- */

/* Init reports the wait status of the command before it exits; that report may still be unread. */
static void read_last_reports(struct supervisor *self) {
  read_channel(self);
  if (self->socket < 0) return;
  fcntl(self->socket, F_SETFL, O_NONBLOCK);
  while (self->socket >= 0) read_report(self);
}

static void reap_init(struct supervisor *self) {
  int status;
  if (self->init <= 0 || RETRY(waitpid(self->init, &status, 0)) != self->init) return;
  /* Without a report, the wait status of init stands for that of the command: the whole cell was killed. */
  if (self->record.executed && !self->record.ended) {
    self->record.ended = true;
    self->record.status = status;
  }
}

/* No writer is left: what is in the pipes is all there will be. */
static void drain(struct supervisor *self) {
  size_t taken = 0;
  for (enum source source = SOURCE_STDOUT; source <= SOURCE_STDERR; source++)
    while (read_output(self, source, &taken)) continue;
  if (self->log.unmarked > 0) record_yield(&self->record);
  log_tail_append(&self->tail, &self->log, self->buffer);
  log_mark(&self->log, (uint64_t)wall_clock());
}

/* Answers requests until the process that takes the artifacts has finished. Returns false if its time is over first. */
static bool await_artifacts(struct supervisor *self) {
  /* The event sources of the cell are left out: all of them have ended. */
  close_fd(&self->events);
  self->events = epoll_create1(EPOLL_CLOEXEC);
  if (self->events < 0) return false;
  watch(self, self->artifacts.over, EPOLLIN, SOURCE_ARTIFACTS);
  watch(self, self->control.listener, EPOLLIN, SOURCE_CONTROL);
  for (uint32_t i = 0; i < CONTROL_CONNECTIONS; i++)
    if (self->control.connections[i].fd >= 0)
      watch(self, self->control.connections[i].fd, EPOLLIN, SOURCE_CONNECTION + i);
  const int64_t end = monotonic_clock() + (int64_t)self->plan.artifact_time_ms * 1000000;
  for (int64_t now; (now = monotonic_clock()) < end;) {
    struct epoll_event event;
    int count = epoll_wait(self->events, &event, 1, (int)((end - now) / 1000000) + 1);
    if (count < 0 && errno != EINTR) return false;
    size_t taken = 0;
    if (count == 1 && event.data.u32 == SOURCE_ARTIFACTS) return true;
    if (count == 1) handle(self, event.data.u32, &taken);
  }
  return false;
}

/* No process of the cell may run any more: it could change the files meanwhile. */
static void keep_artifacts(struct supervisor *self) {
  struct artifacts *artifacts = &self->artifacts;
  if (self->plan.artifacts_count == 0 || !self->record.executed) return;
  bool in_time = !artifacts_begin(artifacts, &self->plan) || await_artifacts(self);
  artifacts_finish(artifacts, &self->plan, in_time);
  self->record.artifacts = artifacts->taken;
  self->record.artifacts_count = self->plan.artifacts_count;
}

/* Records why the changes of the root could not be kept, if so. */
static void note_layer(struct record *record, const char *error) {
  static char note[160];
  if (error == NULL) return;
  snprintf(note, sizeof note, "what it has changed of its root could not be kept: %s", error);
  record->note = note;
}

static void finish(struct supervisor *self) {
  struct record *record = &self->record;
  kill_cell(self);
  kill_files(self);
  if (self->init > 0) {
    read_last_reports(self);
    reap_init(self);
  }
  bool empty = cgroup_wait_empty(&self->cgroup, EMPTY_MOST_MS);
  /* The command of a cell that was joined: see make_init(). */
  while (self->plan.joins != NULL && waitpid(-1, NULL, WNOHANG) > 0) continue;
  if (self->plan.artifacts_count > 0 || self->plan.keeps_layer) release_namespaces(self);
  record->finished = wall_clock();
  if (record->executed) record->duration = monotonic_clock() - self->began;
  if (self->buffer != NULL) drain(self);
  record->kept = self->log.kept;
  record->dropped = self->log.dropped;
  record->input = &self->input;
  if (self->cgroup.path != NULL) record_collect(record, &self->plan, self->cgroup.fd);
  if (self->plan.keeps_layer && record->executed && empty) note_layer(record, keep_layer(&self->plan, self->upper));
  close_fd(&self->upper);
  if (empty) keep_artifacts(self);
  artifacts_close(&self->artifacts);
  if (!empty) record->note = "a process of the cell could not be killed within 30 seconds";
  if (!cgroup_remove(&self->cgroup) && record->note == NULL) record->note = "the cgroup could not be removed";
  control_close(&self->control);
}

static struct supervisor begin(void) {
  setsid();
  prctl(PR_SET_NAME, "cell-supervisor");
  signal(SIGCHLD, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  /*
   * Where the server has a hard limit on the size of files, a write fails with EFBIG instead of killing the process,
   * and is treated like a full disk.
   */
  signal(SIGXFSZ, SIG_IGN);
  take_own_streams();
  /* One keyring per job. If the quota of keys is used up, the job shares the spawner's, which is empty too. */
  (void)!join_new_keyring();
  struct supervisor self = {
      .events = epoll_create1(EPOLL_CLOEXEC),
      .null = -1,
      .outputs = {-1, -1},
      .input = {.fd = -1, .file = -1},
      .socket = -1,
      .channel = -1,
      .init_fd = -1,
      .namespaces = {-1, -1},
      .init = -1,
      .started = -1,
      .upper = -1,
      .artifacts = {.root = -1, .userns = -1, .mounts = -1, .over = -1},
      .cgroup = {.fd = -1, .events = -1},
      .log = {.fd = -1, .index = {.fd = -1}},
      .record = {.fd = -1},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(self.files); i++) self.files[i].fd = -1;
  return self;
}

static void answer(int socket, const char *word, const char *id, const char *text) {
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s%s%s\n", word, id, *text == '\0' ? "" : " ", text);
  (void)!RETRY(send(socket, line, (size_t)length, MSG_NOSIGNAL));
}

/* Ends a prepared cell that no job got. */
static void discard(struct supervisor *self) {
  kill_cell(self);
  reap_init(self);
  (void)!cgroup_wait_empty(&self->cgroup, EMPTY_MOST_MS);
  (void)!cgroup_remove(&self->cgroup);
}

/* Runs the job until it has ended. Closes `socket` and `jobs`. */
__attribute__((noreturn)) static void supervise(struct supervisor *self, int jobs, const char *id, int socket) {
  self->id = id;
  deadlines_init(&self->deadlines, &self->plan, &self->cgroup);
  bool claimed = self->events >= 0 && claim(self, jobs);
  answer(socket, claimed ? "ready" : "failed", id, claimed ? "" : strerror(errno));
  close(socket);
  close(jobs);
  if (!claimed) {
    /* "control" may be the socket of another supervisor by now: it is not removed. */
    if (self->prepared) discard(self);
    _exit(1);
  }
  if (self->prepared ? take_cell(self) : make_cell(self)) run(self);
  finish(self);
  _exit(record_write(&self->record, self->id) ? 0 : 1);
}

void supervisor_run(int jobs, const char *id, int socket) {
  struct supervisor self = begin();
  supervise(&self, jobs, id, socket);
}

/*
 * Waits for the id of a job. Returns false when none will come: the spawner does not need the cell or is gone, or init
 * is gone.
 */
static bool await_job(const struct supervisor *self, int orders, char *id, size_t room) {
  struct pollfd wait[] = {{.fd = orders, .events = POLLIN}, {.fd = self->init_fd, .events = POLLIN}};
  if (RETRY(poll(wait, ARRAY_LENGTH(wait), -1)) < 0) return false;
  if (wait[1].revents != 0) return false;
  long length = RETRY(recv(orders, id, room - 1, 0));
  if (length <= 0) return false;
  id[length] = '\0';
  return true;
}

void supervisor_prepare(int jobs, const char *name, int socket, int orders) {
  struct supervisor self = begin();
  char id[PREPARED_ID];
  bool prepared = self.events >= 0 && prepare_cell(&self, jobs, name);
  if (prepared) {
    answer(socket, "prepared", name, "");
    if (await_job(&self, orders, id, sizeof id)) {
      close(orders);
      supervise(&self, jobs, id, socket);
    }
  }
  char text[256] = "";
  const struct report *failure = &self.record.failure;
  if (!prepared)
    snprintf(text, sizeof text, "%s: %.128s: %s", failure->step, failure->subject, strerror(failure->error));
  /* The cgroup is removed first, so that nothing of the cell is left when the server learns of its end. */
  discard(&self);
  answer(socket, "unprepared", name, text);
  _exit(PREPARED_UNUSED);
}
