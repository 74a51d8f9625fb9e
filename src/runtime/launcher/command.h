/* The command's own process, between fork and exec. */
#ifndef COMMAND_H
#define COMMAND_H

#include "plan.h"

/*
 * Takes every capability away but those in `keep`, and leaves those in `bounds` in the bounding set, which is what
 * an exec by root of the cell can have at most. Both are bit sets.
 */
bool drop_capabilities(uint64_t keep, uint64_t bounds);

/*
 * Becomes the command: a session of its own, its standard streams, limits, user, no capability, no_new_privs,
 * its folder, its filter of system calls, then exec. Writes a report to `channel` (close-on-exec):
 * REPORT_READY right before exec, and REPORT_FAILED if a step fails; so REPORT_READY and then end of file says
 * that the command was executed. The supervisor reads it itself: init, which the command could take along in
 * its death, has no part in it.
 */
__attribute__((noreturn)) void command_run(const struct plan *plan, const int streams[3], int channel);

#endif
