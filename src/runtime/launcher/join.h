/* The cell of another job, in which a command is executed. */
#ifndef JOIN_H
#define JOIN_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

/*
 * Asks the supervisor of the job `id`, whose folder is next to the current one, for its cell: a pidfd of init, which no
 * other process can take the place of. -1 with errno: ESRCH when that job does not run.
 */
int join_find(const char *id);
/*
 * Moves this process into every namespace of a cell and makes it root there; its children are in the pid namespace too.
 * It has to be in its cgroup already, and has to have closed what does not belong into a cell. From then on nothing is
 * opened by a path except what is checked to be what it is meant to be. False with the failure reported.
 */
bool join_enter(const struct plan *plan, int cell, struct report *report);
/* Opens the null device of the cell, checked to be that. -1 with errno. */
int join_open_null(void);

#endif
