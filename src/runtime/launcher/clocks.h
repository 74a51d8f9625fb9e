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
 * Puts the next child of this process into a time namespace whose monotonic and boottime clocks are now at what the
 * plan says, if it says so (time_namespaces(7)). This process stays in its own: its deadlines are those of the machine.
 * False with the failure reported.
 */
bool clocks_unshare(const struct plan *plan, struct report *report);

#endif
