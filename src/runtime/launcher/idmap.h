/* ID maps: those of the cell's user namespace, and that of the mount through which it sees its image. */
#ifndef IDMAP_H
#define IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"

/* Writes uid_map and gid_map of a process that was cloned into a user namespace of its own. False with errno. */
bool idmap_write(pid_t pid, const struct plan *plan);

/*
 * Maps the owners of detached mounts: what belongs to id `owner_uid` + N on disk belongs to id N of the cell
 * (mount_setattr(2), MOUNT_ATTR_IDMAP). False with errno.
 */
bool idmap_mounts(const int *mounts, size_t count, const struct plan *plan);

/*
 * The same for the files that a job was given: what belongs to `files_uid` on disk belongs to the user of the command,
 * and nothing else to anybody. False with errno.
 */
bool idmap_files(int mount, const struct plan *plan);

#endif
