#define _GNU_SOURCE
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capabilities.h"
#include "clocks.h"
#include "command.h"
#include "handover.h"
#include "join.h"
#include "report.h"
#include "root.h"
#include "session.h"
#include "util.h"

/* Processes that others reap cause no signal, so they are polled. */
#define LEAVING_STEP_MS 20
/* The stack of the command's process until exec. */
#define COMMAND_STACK 65536

/* The command of a process that has joined a cell. The end of this process does not end the cell. */
static pid_t joined;

__attribute__((noreturn)) static void leave(int code) {
  /* It is not reaped, so that no other group can have its number. */
  if (joined > 0) kill(-joined, SIGKILL);
  _exit(code);
}

/* Without the supervisor nothing keeps the output, the limits or the exit record, so the cell ends. */
static void send_report(int socket, const struct report *report) {
  if (RETRY(send(socket, report, sizeof *report, MSG_NOSIGNAL)) != (long)sizeof *report) leave(1);
}

static struct order receive_order(int socket) {
  struct order order;
  if (RETRY(recv(socket, &order, sizeof order, 0)) != (long)sizeof order) leave(1);
  return order;
}

/* Closes the supervisor's descriptors: among them its lock, its sockets and its end of ours. */
static void close_supervisors(const struct plan *plan, const struct init_fds *fds) {
  size_t count = 0;
  int *keep = must_allocate(plan->steps_count + 7, sizeof *keep);
  keep[count++] = fds->cell;
  keep[count++] = fds->socket;
  keep[count++] = fds->root;
  keep[count++] = fds->channel;
  for (int i = 0; i < 3; i++) keep[count++] = fds->streams[i];
  for (size_t i = 0; i < plan->steps_count; i++)
    if (plan->steps[i].fd >= 0) keep[count++] = plan->steps[i].fd;
  close_others(keep, count);
  free(keep);
}

static bool raise_loopback(void) {
  AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool become_root_of_cell(const struct plan *plan) {
  return (plan->keeps_groups || setgroups(0, NULL) == 0) && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}

static bool hide(struct report *report) {
  return prctl(PR_SET_DUMPABLE, 0) == 0 || (report_failure(report, "dumpable", NULL), false);
}

static bool take_hostname(const struct plan *plan, struct report *report) {
  if (plan->hostname == NULL || sethostname(plan->hostname, strlen(plan->hostname)) == 0) return true;
  return report_failure(report, "hostname", plan->hostname), false;
}

static bool furnish(struct plan *plan, bool prepared, int root, struct report *report) {
  report->kind = REPORT_FURNISHED;
  /* Not part of clone: the root of a cgroup namespace is the cgroup of its creator, by now the job's. */
  if (unshare(CLONE_NEWCGROUP) != 0) return report_failure(report, "unshare", "cgroup namespace"), false;
  /*
   * Nobody else is in the cell yet, and nobody outside has our user, so nobody can use that we are dumpable until
   * hide().
   */
  if (!clocks_make(plan, report) || (!prepared && !clocks_enter(plan, report))) return false;
  if (!become_root_of_cell(plan)) return report_failure(report, "user", "0:0"), false;
  /*
   * From here on the files in /proc/1 belong to a user that the cell does not have: our descriptors, memory and
   * executable stay hidden.
   */
  if (!hide(report) || (!prepared && !take_hostname(plan, report))) return false;
  if (!raise_loopback()) return report_failure(report, "loopback", "lo"), false;
  umask(0);
  return root_prepare(plan, report) && root_enter(plan, root, report);
}

/* Reads the plan of the job that gets a prepared cell. The plan that the cell was made from must be a part of it. */
static bool read_plan(int fd, const struct plan *prepared, struct plan *plan, struct report *report) {
  size_t length;
  char *text = read_open_file(fd, PLAN_MOST, &length);
  if (text == NULL) return report_failure(report, "plan", "plan"), false;
  const char *wrong = plan_parse(plan, text, length);
  if (wrong == NULL && !plan_has_cell(plan, prepared)) wrong = "of another cell";
  if (wrong == NULL) return true;
  errno = EINVAL;
  return report_failure(report, "plan", wrong), false;
}

/*
 * Does what depends on the job that gets the cell. Nobody else has been in the cell so far, so init can be dumpable for
 * a moment, as in furnish().
 */
static bool take(const struct plan *prepared, struct plan *plan, struct init_fds *fds, struct report *report) {
  report->kind = REPORT_FURNISHED;
  struct handover handover;
  if (!handover_receive(fds->socket, &handover)) return report_failure(report, "handover", NULL), false;
  fds->channel = handover.channel;
  memcpy(fds->streams, handover.streams, sizeof fds->streams);
  bool read = read_plan(handover.plan, prepared, plan, report);
  close_fd(&handover.plan);
  return read && clocks_enter(plan, report) && hide(report) && take_hostname(plan, report) &&
         root_continue(plan, prepared->steps_count, report);
}

struct init {
  int socket, signals;
  pid_t command;
  bool ended;   /* the command; it is not reaped yet */
  bool leaving; /* it is, and init exits once the processes of `remaining` have ended */
  enum scope remaining;
};

/* The argument of kill(2) for the processes of a scope; -1 stands for every process but init itself. */
static pid_t members(const struct init *init, enum scope scope) {
  /* For a process outside the cell, -1 would mean every process of its users, wherever it is. */
  if (scope == SCOPE_CELL && joined == 0) return -1;
  if (scope == SCOPE_CELL) return -init->command;
  return scope == SCOPE_GROUP ? -init->command : init->command;
}

struct start {
  const struct plan *plan;
  const struct init_fds *fds;
};

static int run_command(void *context) {
  const struct start *start = context;
  command_run(start->plan, start->fds->streams, start->fds->channel);
}

/*
 * The command's process shares init's memory until exec, and init waits for that, as with vfork(2): copying the memory
 * would only delay both. One that executes nothing has memory of its own.
 */
static void start_command(const struct plan *plan, struct init_fds *fds, struct init *init) {
  static _Alignas(16) char stack[COMMAND_STACK];
  struct start start = {plan, fds};
  int flags = plan->idle ? SIGCHLD : CLONE_VM | CLONE_VFORK | SIGCHLD;
  init->command = clone(run_command, stack + sizeof stack, flags, &start);
  if (init->command < 0) {
    struct report report;
    /* A pid namespace whose init has ended takes no more processes, for which the error is ENOMEM (fork(2)). */
    bool ended = plan->joins != NULL && errno == ENOMEM;
    report_failure(&report, ended ? "join" : "fork", plan->arguments[0]);
    send_report(init->socket, &report);
    _exit(1);
  }
  if (plan->joins != NULL) joined = init->command;
  close_fd(&fds->channel);
  for (int i = 0; i < 3; i++) close_fd(&fds->streams[i]);
}

/* Joins a furnished cell, and opens there what has to be the cell's own. */
static bool join(const struct plan *plan, struct init_fds *fds, struct report *report) {
  report->kind = REPORT_FURNISHED;
  if (!join_enter(plan, fds->cell, report)) return false;
  close_fd(&fds->cell);
  if (fds->streams[0] < 0 && !plan->has_terminal) fds->streams[0] = join_open_null();
  if (fds->streams[0] < 0 && !plan->has_terminal) return report_failure(report, "open", "/dev/null"), false;
  return true;
}

/* As wait(2) encodes it. */
static int wait_status(const siginfo_t *end) {
  if (end->si_code == CLD_EXITED) return (end->si_status & 0xff) << 8;
  return end->si_status | (end->si_code == CLD_DUMPED ? 0x80 : 0);
}

/*
 * Reaps dead processes. When the command is among them, reports its wait status and stops reaping: the command stays a
 * zombie that the supervisor can still inspect, and the cell is about to end.
 */
static void reap(struct init *init) {
  struct signalfd_siginfo information;
  (void)!read(init->signals, &information, sizeof information);
  for (siginfo_t end = {0}; waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid != 0;
       end = (siginfo_t){0}) {
    if (end.si_pid == init->command) {
      struct report report = {.kind = REPORT_ENDED, .status = wait_status(&end)};
      send_report(init->socket, &report);
      init->ended = true;
      return;
    }
    waitpid(end.si_pid, NULL, 0);
  }
}

static void obey(struct init *init) {
  struct order order = receive_order(init->socket);
  if (order.kind == ORDER_SIGNAL) kill(members(init, order.scope), order.signal);
  if (order.kind != ORDER_LEAVE) return;
  if (order.scope == SCOPE_COMMAND) leave(0);
  init->leaving = true;
  init->remaining = order.scope;
}

/* Exits when the last process that is waited for has been reaped, by init or by its own parent. */
static void leave_when_alone(const struct init *init) {
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  if (kill(members(init, init->remaining), 0) != 0 && errno == ESRCH) leave(0);
}

/* Reaps processes, carries out orders and forwards signals until init has to exit. */
__attribute__((noreturn)) static void watch(struct init *init) {
  for (;;) {
    struct pollfd wait[] = {
        {.fd = init->ended ? -1 : init->signals, .events = POLLIN},
        {.fd = init->socket, .events = POLLIN},
    };
    if (RETRY(poll(wait, ARRAY_LENGTH(wait), init->leaving ? LEAVING_STEP_MS : -1)) < 0) _exit(1);
    if (wait[0].revents != 0) reap(init);
    if (wait[1].revents != 0) obey(init);
    if (init->leaving) leave_when_alone(init);
  }
}

/*
 * The standard streams are a terminal. Init keeps it open too: otherwise it would hang up when the command has closed
 * its streams for a moment, to open /dev/tty later.
 */
static bool open_terminal(const struct plan *plan, struct init_fds *fds, struct session *session,
                          struct report *report) {
  if (!session_open(plan, session, report)) return false;
  for (int i = 0; i < 3; i++) {
    fds->streams[i] = fcntl(session->slave, F_DUPFD_CLOEXEC, 3);
    if (fds->streams[i] < 0) return report_failure(report, "terminal", "descriptor"), false;
  }
  return true;
}

void init_run(struct plan *plan, struct init_fds *fds) {
  close_supervisors(plan, fds);
  prctl(PR_SET_NAME, "init");
  struct init init = {.socket = fds->socket, .signals = -1, .command = -1};
  uint32_t first = receive_order(init.socket).kind;
  if (first != ORDER_FURNISH && first != ORDER_PREPARE) _exit(1);

  bool prepared = first == ORDER_PREPARE;
  struct report report = {0};
  struct session session = {-1, -1};
  bool ready = plan->joins == NULL ? furnish(plan, prepared, fds->root, &report) : join(plan, fds, &report);
  close_fd(&fds->root);
  struct plan own;
  if (ready && prepared) {
    if (!session_send(init.socket, &report, -1)) _exit(1);
    if (receive_order(init.socket).kind != ORDER_TAKE) _exit(0);
    ready = take(plan, &own, fds, &report);
    plan = &own;
  }
  bool furnished = ready && (!plan->has_terminal || open_terminal(plan, fds, &session, &report));
  if (!session_send(init.socket, &report, session.master)) _exit(1);
  close_fd(&session.master);
  if (!furnished) _exit(1);
  if (receive_order(init.socket).kind != ORDER_EXECUTE) _exit(1);

  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  init.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (init.signals < 0) _exit(1);
  /* Loaded before the command is forked, which inherits it, so that the kernel checks and compiles the filter once. */
  if (!command_bound(plan, &report)) {
    send_report(init.socket, &report);
    _exit(1);
  }
  start_command(plan, fds, &init);
  /*
   * Init gives up the capabilities of the command's bounding set too: all that it needs is to signal processes of
   * another user.
   */
  if (!bound_capabilities(~plan->capabilities) || !set_capabilities(1ull << CAP_KILL)) _exit(1);

  watch(&init);
}
