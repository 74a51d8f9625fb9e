/* The clocks of the machine, and those of a cell. */
#ifndef CLOCKS_H
#define CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"
#include "report.h"

/* Nanoseconds since 1970 (CLOCK_REALTIME). */
int64_t wall_clock(void);
/* Nanoseconds of CLOCK_MONOTONIC, as this process sees it. */
int64_t monotonic_clock(void);

/*
 * Makes a time namespace for clocks_enter(), if the plan asks for one: a cell may make none any more once its sysctls
 * are set. False with the failure reported.
 */
bool clocks_make(const struct plan *plan, struct report *report);
/*
 * Enters that time namespace, whose monotonic and boottime clocks are now at what the plan says
 * (time_namespaces(7)). It belongs to the user namespace of this process, whose capabilities are all it takes: those of
 * a container need not include CAP_SYS_TIME. Leaves this process dumpable: only then its files in /proc are its own
 * (proc(5)).
 * False with the failure reported.
 */
bool clocks_enter(const struct plan *plan, struct report *report);

#endif
