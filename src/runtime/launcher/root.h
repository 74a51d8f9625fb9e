/* The cell's file systems: what the supervisor prepares with its privileges, and what init puts in place. */
#ifndef ROOT_H
#define ROOT_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

/*
 * The supervisor's part. Makes the root: an overlay of the image (read-only) and a tmpfs, as a mount that
 * is attached nowhere; and opens what the plan binds from the host. The mounts are made in a mount namespace
 * that the supervisor takes for itself, and leave it again.
 *
 * The overlay is mounted here and not inside the cell because before Linux 6.6 a tmpfs has no user.* extended
 * attributes, without which an overlay in a user namespace cannot replace a folder of the image (EIO). A
 * supervisor of a server that is not root lives in one itself, see userns.h: there it cannot be helped.
 *
 * Returns the mount, or -1 with the failure reported.
 */
int root_make(struct plan *plan, struct report *report);

/* Init's part: makes the file systems of the cell's own namespaces while the host's are still visible. */
bool root_prepare(struct plan *plan, struct report *report);
/* Makes `root` the root and lets go of the host's; then carries out the plan's steps in it. */
bool root_enter(struct plan *plan, int root, struct report *report);

#endif
