/* What a process hands on to those that it forks and to what it executes. */
#ifndef INHERITED_H
#define INHERITED_H

#include "plan.h"

/*
 * Sets what this process inherited to the kernel's defaults, so that a job does not depend on how the server was
 * started: CPU affinity, scheduling policy, nice value, I/O priority, personality, timer slack, memory policy, and what
 * else is handed on by fork(2) and execve(2) and is not part of a plan. Resource limits that could end a supervisor are
 * raised as far as possible.
 *
 * What the kernel refuses stays as it is: without privileges the nice value cannot be lowered, nor a hard limit raised
 * (setpriority(2), getrlimit(2)). What only confines is left alone: seccomp filters, PR_SET_MDWE,
 * PR_SET_SPECULATION_CTRL.
 */
void inherited_reset(void);

/*
 * Raises the hard limits of this process to those of the plan, as far as the kernel permits: a cell cannot, its command
 * only lowers them.
 */
void inherited_raise_limits(const struct plan *plan);

#endif
