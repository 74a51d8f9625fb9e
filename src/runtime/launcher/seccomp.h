/* The filter of system calls that a plan brings. */
#ifndef SECCOMP_H
#define SECCOMP_H

#include <stdbool.h>

#include "plan.h"

/*
 * Puts the calling process, for good, under the filter of the plan, if it has one: seccomp(2), which takes
 * no_new_privs. What the process does from here on has to be something that the filter allows.
 */
bool seccomp_load(const struct plan *plan);

#endif
