/* The command's own process, between fork and exec. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

/*
 * Becomes the command: a session of its own, its standard streams, limits, user, no capability, no_new_privs,
 * its folder, its seccomp filter, then exec. Writes a report to `channel` (close-on-exec):
 * REPORT_READY right before exec, and REPORT_FAILED if a step fails; so REPORT_READY and then end of file says
 * that the command was executed. The supervisor reads the channel itself and not through init, which the
 * command could take down with it.
 */
__attribute__((noreturn)) void command_run(const struct plan *plan, const int streams[3], int channel);
/*
 * Confines this process, which is root of the cell, as the command is: its limits, user, capabilities, no_new_privs and
 * seccomp filter. False with the failure reported.
 */
bool command_confine(const struct plan *plan, struct report *report);

#endif
