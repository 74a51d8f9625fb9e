/*
 * What confines a command, as the kernel shows it once the command has been executed: the file "isolation" of the job's
 * folder. NUL-terminated tokens: "cell-isolation", the version "1", then fields, each a name and its values:
 *
 *   namespace KIND INODE      status TEXT (/proc/PID/status)      uid_map TEXT      gid_map TEXT
 *   cgroup TEXT (/proc/PID/cgroup)      file NAME CONTENT (of the cgroup, each that the plan has written)
 *   end
 *
 * What could not be read is left out.
 */
#ifndef ISOLATION_H
#define ISOLATION_H

#include <sys/types.h>

#include "plan.h"

/* Writes the file. `init` is the cell's PID 1, and `cgroup` the folder of its cgroup, or -1. */
void isolation_write(const struct plan *plan, pid_t init, int cgroup);

#endif
