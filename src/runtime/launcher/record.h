/*
 * The exit record: a file of NUL-terminated tokens. "cell-exit", the version "1", then fields, each a name
 * and its values:
 *
 *   executed 0|1      started NS       finished NS      duration NS (monotonic)
 *   cause none|time|output|stop|cputime   termination none|exited|signaled NUMBER
 *   failure STEP ERRNO INDEX SUBJECT SECOND              (the cell could not be made, or the command not executed)
 *   kept BYTES        dropped BYTES    file NAME CONTENT (of the cgroup, each that the plan collects)
 *   input BYTES SHA256   (what clients have written to an open standard input that is no terminal)
 *   artifact STATUS file|folder MODE SIZE ENTRIES SKIPPED SHA256   (each of the plan, in its order; see artifact.h)
 *   note TEXT         end
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

#include "artifact.h"
#include "input.h"
#include "plan.h"
#include "report.h"

enum cause { CAUSE_NONE, CAUSE_TIME, CAUSE_OUTPUT, CAUSE_STOP, CAUSE_CPU_TIME };

struct record {
  int fd; /* the file "exit" of the job's folder, with reserved blocks */
  bool executed;
  int64_t started, finished, duration;
  enum cause cause;
  bool ended; /* `status` is the command's wait status */
  int status;
  struct report failure; /* kind REPORT_FAILED if there was one */
  uint64_t kept, dropped;
  const struct input *input; /* what clients have written */
  char *files;               /* what was read from the cgroup, as tokens */
  size_t files_length;
  const struct artifact *artifacts; /* of each in the plan, if they were looked for */
  size_t artifacts_count;
  const char *note;
};

/* Creates the file and reserves its blocks: a disk that fills up later cannot lose the record. False with errno. */
bool record_open(struct record *record);
/* Releases some of these blocks: the log may need them for its last mark. The record needs fewer. */
void record_yield(const struct record *record);
/* Reads the files of the cgroup that the plan collects, before it is removed. */
void record_collect(struct record *record, const struct plan *plan, int cgroup);
/*
 * Writes the record and renames it to "../../exits/<id>". False with errno. It is not synced: nobody learns of the end
 * before the server has stored it, which is synced, and a record that a power loss has left in part is not taken for
 * one (docs/durability.md).
 */
bool record_write(struct record *record, const char *id);

#endif
