/*
 * What takes artifacts out of a root that was somebody else's: its names and links lead anywhere, and it may hold
 * anything. Every path is resolved within that root (openat2(2)), only regular files are opened, and bytes, entries and
 * depth are bounded; time is, by who started it.
 *
 * A folder, and what matches a pattern, becomes a tar archive (the format of GNU tar, whose names may be any bytes)
 * with the name of the folder before each path, the names in the order of their bytes. It holds files, folders, and
 * symbolic links that lead to something in it.
 */
#ifndef TAKE_H
#define TAKE_H

#include "artifact.h"
#include "plan.h"

/*
 * Takes the artifacts of the plan, one after the other: each is written to its file of `files` and synced, and its
 * element of `results` filled in, the status last. `root` is the root of the cell.
 */
void take_artifacts(const struct plan *plan, int root, const int *files, struct artifact *results);

#endif
