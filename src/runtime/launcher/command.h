/* The command's own process, between fork and exec. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

/*
 * Sets what a command and all that it executes cannot get beyond: the bounding set of capabilities, no_new_privs and
 * the seccomp filter, which have to allow all that this process does from then on. Processes inherit it: init does this
 * for itself and for the command at once. False with the failure reported.
 */
bool command_bound(const struct plan *plan, struct report *report);
/*
 * Becomes the command, in a process that has inherited its bounds: a session of its own, its standard streams, limits,
 * user, no capability, its folder, then exec. Writes a report to `channel` (close-on-exec):
 * REPORT_READY right before exec, and REPORT_FAILED if a step fails; so REPORT_READY and then end of file says
 * that the command was executed. The supervisor reads the channel itself and not through init, which the
 * command could take down with it.
 */
__attribute__((noreturn)) void command_run(const struct plan *plan, const int streams[3], int channel);
/*
 * Confines this process, which is root of the cell, as the command is: its bounds, limits, user and capabilities. False
 * with the failure reported.
 */
bool command_confine(const struct plan *plan, struct report *report);

#endif
