/*
 * Takes the artifacts of a cell whose processes are gone, from its root, which is still mounted: the supervisor's part.
 * A process that has only the rights of the cell copies them (take.h) into "artifacts/0", "artifacts/1", ... of the
 * job's folder.
 */
#ifndef ARTIFACTS_H
#define ARTIFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "artifact.h"
#include "plan.h"

struct artifacts {
  int root, userns, mounts; /* of the cell: kept from its start on */
  int over;                 /* reads as ended when the process that takes them has */
  pid_t taker;
  int *files;              /* what they are written to */
  struct artifact *shared; /* with the process that takes them */
  struct artifact *taken;  /* of each in the plan, in the end */
};

/* Keeps the root of the cell. False with errno. */
bool artifacts_keep_root(struct artifacts *artifacts, int root);
/* Keeps the namespaces of the cell: of its users, and of its mounts, so that they stay in place. False with errno. */
bool artifacts_keep_namespaces(struct artifacts *artifacts, pid_t init);
/*
 * Starts the process that takes them; no process of the cell may be left. artifacts->over reads as ended when it is
 * through. False when it could not be started: artifacts_finish() is called in any case.
 */
bool artifacts_begin(struct artifacts *artifacts, const struct plan *plan);
/* Ends that process if it is not through, fills in artifacts->taken, and removes the files of those that were not. */
void artifacts_finish(struct artifacts *artifacts, const struct plan *plan, bool in_time);
/* Gives up the root, so that the file system is freed. */
void artifacts_close(struct artifacts *artifacts);

#endif
