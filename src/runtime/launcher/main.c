/*
 * cell: the launcher. Theory of operation.
 *
 *   server ==socket==> spawner --fork--> supervisor --clone3--> init (PID 1) --fork--> command
 *
 * The spawner (spawner.c) is a small process that the server starts once; it executes a copy of itself in memory
 * first (self_copy.c), and forks a supervisor for each request, so that the server itself never forks. A supervisor
 * (supervisor.c) reads the launch plan from the job's folder (plan.c), makes the cgroup (cgroup.c) and the root file
 * system (root.c), clones init into all the new namespaces, and from then on reads the output into the log (log.c),
 * answers on the control socket (control.c), enforces the deadlines (deadlines.c) and the output limit, and last writes
 * the exit record (record.c). It depends on neither server nor spawner. Init (init.c) finishes the cell from within,
 * starts the command (command.c), reaps, forwards signals, and passes the command's wait status on; when it exits, the
 * kernel kills whatever is left in its pid namespace.
 *
 * Most of a cell can be made before its job is known: a prepared cell is one whose supervisor and init wait for a job
 * once it is furnished (handover.c).
 *
 * What the server was started with ends at the spawner (inherited.c): a job has what its plan says, and else the
 * kernel's defaults.
 *
 * Where the server is not root, the spawner and all its descendants live in a user namespace (userns.c), as its
 * root: everything else is the same there.
 *
 * The plan says what to do; the launcher decides nothing. Every step that can fail names itself in the report, and
 * the first failure is the one that is reported.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "inherited.h"
#include "self_copy.h"
#include "spawner.h"
#include "unpack.h"
#include "userns.h"
#include "util.h"

/*
 * Locks the open file description that the caller passed as fd 3 and leaves it locked: flock(2) belongs to
 * the description, which the caller shares and keeps. Node has no call for it.
 */
static int lock_main(void) {
  if (RETRY(flock(3, LOCK_EX | LOCK_NB)) == 0) return 0;
  if (errno == EWOULDBLOCK) return 2;
  die("flock: %s", strerror(errno));
}

/* A cell can read the arguments of its PID 1 in /proc/1/cmdline: no path of the host may remain there. */
static char *take_argument(char *argument) {
  char *copy = strdup(argument);
  if (copy == NULL) die("out of memory");
  memset(argument, 0, strlen(argument));
  return copy;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "spawner") == 0) {
    /* Before the copy is executed, which is when a personality takes effect. */
    inherited_reset();
    ensure_self_copy(argv);
    AUTO_FREE char *jobs = take_argument(argv[2]);
    AUTO_FREE char *cgroup = take_argument(argv[3]);
    memset(argv[0], 0, strlen(argv[0]));
    memset(argv[1], 0, strlen(argv[1]));
    return spawner_main(jobs, cgroup);
  }
  if (argc == 2 && strcmp(argv[1], "lock") == 0) return lock_main();
  if (argc >= 8 && strcmp(argv[1], "userns") == 0) {
    struct userns userns = {
        .groups = strcmp(argv[2], "groups") == 0,
        .uids = argv[3],
        .gids = argv[4],
        .uid_helper = argv[5],
        .gid_helper = argv[6],
    };
    userns_run(&userns, argv + 7);
  }
  if (argc == 6 && strcmp(argv[1], "unpack") == 0) {
    struct unpack_limits limits = {
        .bytes = strtoull(argv[2], NULL, 10),
        .files = strtoull(argv[3], NULL, 10),
        .depth = strtoull(argv[4], NULL, 10),
        .ids = strtoull(argv[5], NULL, 10),
    };
    return unpack_main(&limits);
  }
  fputs("This is the launcher of Cloister, started by its server:\n"
        "  cell spawner JOBS CGROUP   serve start requests on file descriptor 3\n"
        "  cell lock                  take the lock on file descriptor 3\n"
        "  cell userns groups|nogroups UIDS GIDS UIDHELPER GIDHELPER PROGRAM [ARGUMENT...]\n"
        "                             execute a program as root of a user namespace\n"
        "  cell unpack BYTES FILES DEPTH IDS   within a cell: unpack the archive /in into /out\n",
        stderr);
  return 64;
}
