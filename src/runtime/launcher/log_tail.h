/*
 * The last bytes of an output that is longer than its log may be: frames in two files of the job's folder, "tail.0" and
 * "tail.1". When the current one is full, the other, older one is emptied and becomes the current one, so that both
 * together hold the last bytes: at least one share, at most two. The files are overwritten in place: a flood of output
 * dirties the same pages of memory again and again, and the disk gets what the kernel writes back meanwhile, at most
 * both files each time. So the frames of a file end at a header of zeros, which is not valid, and not with the file.
 * A frame is written before its own header, and its header last, so that whenever the supervisor is killed the file
 * ends at a whole frame. When the machine goes down, the kernel may have written a header back and not the payload it
 * is for, in whose place older output is: its checksum is wrong then, and the frames end there too. Earlier releases
 * wrote that checksum, another one, after the frame (`log/tail-frames.ts`). When the job ends the frames are appended
 * to the log. Each begins with a mark "dropped" that counts everything dropped before it that no mark of the log
 * counts: the later one has the higher mark, or is "tail.1" when both are equal. A server that finds them next to a log
 * without a supervisor appends them by these marks (`log/recover-tail.ts`). Before the first is appended, the length of
 * the log is written to "tail.end" as a decimal number; that file is removed last, and a part that is missing has been
 * appended already.
 */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct log_tail {
  uint64_t share; /* bytes of output for each of the two files, 0: no tail */
  struct log_part {
    int fd;
    uint64_t size;   /* of the file */
    uint64_t output; /* bytes of output in it */
  } parts[2];
  unsigned current; /* the part that is written */
};

/* Creates the files, for `bytes` of output in total. False with errno. */
bool log_tail_open(struct log_tail *tail, uint64_t bytes);
/* Keeps output with the current time. `buffer` has LOG_HEADER bytes of room before the payload. */
void log_tail_output(struct log_tail *tail, struct log *log, enum log_stream stream, unsigned char *buffer,
                     size_t length);
/* Appends what was kept to the log. `buffer` has room for LOG_HEADER + LOG_PAYLOAD_MOST bytes. */
void log_tail_append(struct log_tail *tail, struct log *log, unsigned char *buffer);

#endif
