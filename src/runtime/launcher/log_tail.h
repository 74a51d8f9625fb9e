/*
 * The end of an output that is longer than its log may be: frames in two files of the job's folder, "tail.0" and
 * "tail.1". When the one that is written has its share, the other, older one is dropped and written anew, so that both
 * together hold the last bytes: at least one share, at most two. At the end they are appended to the log. Each
 * begins with a mark "dropped" of all that was dropped before it was begun and that no mark of the log tells of: the
 * later one has the higher mark, or is "tail.1" when both have the same. A server that finds them beside a log without
 * a supervisor appends them by it (`log/recover-tail.ts`). Before the first is appended, where the log ended is written to
 * "tail.end" as a decimal number; it is removed last, and a part that is not there tells that all is done.
 */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct log_tail {
  uint64_t share; /* bytes of output for each of the two, 0: there is no tail */
  struct log_part {
    int fd;
    uint64_t size;   /* of the file */
    uint64_t output; /* bytes of output in it */
  } parts[2];
  unsigned current; /* the part that is written */
};

/* Makes the files for `bytes` of output in all. */
bool log_tail_open(struct log_tail *tail, uint64_t bytes);
/* Keeps output of now. `buffer` has LOG_HEADER bytes of room in front of the payload. */
void log_tail_output(struct log_tail *tail, struct log *log, enum log_stream stream, unsigned char *buffer,
                     size_t length);
/* Appends what was kept to the log. `buffer` has room for a header and LOG_PAYLOAD_MOST bytes. */
void log_tail_append(struct log_tail *tail, struct log *log, unsigned char *buffer);

#endif
