/* The seccomp filter of a plan. */
#ifndef SECCOMP_H
#define SECCOMP_H

#include <stdbool.h>

#include "plan.h"

/*
 * Puts the calling process under the filter of the plan, if there is one, for good (seccomp(2); needs no_new_privs).
 * The rest of what the process does has to be allowed by the filter. False with errno.
 */
bool seccomp_load(const struct plan *plan);

#endif
