/*
 * The exit record: a file of NUL-terminated tokens. "cell-exit", the version "1", then fields, each a name
 * and its values:
 *
 *   executed 0|1      started NS       finished NS      duration NS (monotonic)
 *   cause none|time|output|stop|cputime   termination none|exited|signaled NUMBER
 *   failure STEP ERRNO INDEX SUBJECT SECOND              (when the cell could not be made or the command executed)
 *   kept BYTES        dropped BYTES    file NAME CONTENT (of the cgroup, each that the plan names)
 *   note TEXT         end
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

#include "plan.h"
#include "report.h"

enum cause { CAUSE_NONE, CAUSE_TIME, CAUSE_OUTPUT, CAUSE_STOP, CAUSE_CPU_TIME };

struct record {
  int fd; /* the file "exit" of the job's folder, with room reserved on the disk */
  bool executed;
  int64_t started, finished, duration;
  enum cause cause;
  bool ended; /* `status` is the command's wait status */
  int status;
  struct report failure; /* kind REPORT_FAILED if there was one */
  uint64_t kept, dropped;
  char *files; /* what was read from the cgroup, as tokens */
  size_t files_length;
  const char *note;
};

/* Makes the file and reserves its blocks, so that a disk that fills up later cannot lose the end of the job. */
bool record_open(struct record *record);
/* Gives a part of that room back: the log may need it to tell what was lost. The record itself needs less. */
void record_yield(const struct record *record);
/* Reads the cgroup's files while they exist. */
void record_collect(struct record *record, const struct plan *plan, int cgroup);
/* Writes it, syncs it, and renames it to "../../exits/<id>". */
bool record_write(struct record *record, const char *id);

#endif
