/* The cell's file systems: what the supervisor prepares with its privileges, and what init puts in place. */
#ifndef ROOT_H
#define ROOT_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

/*
 * The supervisor's part. Makes the root, an overlay of the image (read-only) and a tmpfs, as a detached mount, and
 * opens what the plan binds from the host, and device nodes, which it makes in that tmpfs: a user namespace may not
 * make any (user_namespaces(7)). The mounts are made in a mount namespace of the supervisor's own, and are detached
 * from it again.
 *
 * The overlay is mounted here and not inside the cell because before Linux 6.6 a tmpfs has no user.* extended
 * attributes, without which an overlay in a user namespace cannot replace a folder of the image (EIO). A
 * supervisor of a server that is not root lives in one itself (userns.h): there this limit remains.
 *
 * Returns the mount, or -1 with the failure reported; `*upper` becomes the folder of what the cell writes.
 */
int root_make(struct plan *plan, int *upper, struct report *report);

/*
 * Opens /dev/null for reading, after root_make(): the cell's own, where the plan gives it one. A command can lock and
 * watch what it has open. Returns a descriptor, or -1 with errno.
 */
int root_open_null(const struct plan *plan);

/*
 * Init's part: makes the file systems of the cell's own namespaces while those of the host are still visible. False
 * with the failure reported.
 */
bool root_prepare(struct plan *plan, struct report *report);
/*
 * Makes `root` the root, detaches that of the host, and carries out the steps of the plan. False with the failure
 * reported.
 */
bool root_enter(struct plan *plan, int root, struct report *report);
/*
 * Carries out the steps of the plan from that with this index on, in a cell that root_enter() has made. They must be
 * none that needs what the supervisor opens: no bind, no device. False with the failure reported.
 */
bool root_continue(struct plan *plan, size_t first, struct report *report);

#endif
