/*
 * The files of a running cell, for its clients: a process of the supervisor enters the cell for one request, with the
 * namespaces, the cgroup, the user, the limits, the capabilities and the filter of the command, so that it can do
 * nothing that the command could not do. It is not in the pid namespace of the cell, which therefore cannot see it.
 *
 * It talks over a connection of the control socket that the supervisor has handed to it. It begins with "ok" and a
 * newline. Then comes the request: NUL-terminated tokens, the first of which is the number of those that follow.
 *
 *   list PATH MOST AFTER          what is at a path and, of a folder, at most MOST entries: in the order of their names
 *                                 as bytes, those after the name AFTER
 *   read PATH OFFSET LENGTH       bytes of a regular file
 *   write PATH MODE WHERE PARENTS LENGTH TO
 *                                 puts LENGTH bytes, which follow the request, into a regular file at the offset WHERE,
 *                                 or at its end if that is "end"; it then ends with them. MODE is octal, for a file
 *                                 that is made, or "-"; PARENTS is 1 to make the folders that are missing. Unless TO
 *                                 is empty, the file is then renamed to that
 *   folder PATH MODE PARENTS      makes a folder; one that exists is taken as it is
 *   link PATH TARGET PARENTS TO   makes a symbolic link to TARGET; it is then renamed as a file is
 *
 * The client then closes its direction of the connection, and the process the other one when it ends. Numbers are
 * decimal. The answer is a stream of tokens: "failed" STEP ERRNO DETAIL, or
 *
 *   "ok" KIND MODE SIZE MTIME-NS UID GID    what is at the path, after the request
 *   "entry" NAME KIND MODE SIZE MTIME-NS UID GID TARGET    each entry of a folder
 *   "more"                                  there are further entries
 *   "data" LENGTH                           and as many bytes, again and again
 *   "end"                                   the last token: an answer without it is not complete
 *
 * KIND is one letter, as of find(1) -type. Nothing waits for anybody: files are opened without blocking and only if
 * they are regular, links of /proc are not followed, and after FILES_MOST_S the process is killed by its own timer.
 */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>

#include "plan.h"

/* Requests of one job that are carried out at a time: more than a server sends, since one ends after its answer. */
#define FILES_AT_ONCE 16
#define FILES_MOST_S 10
/* Bytes of the tokens of a request. */
#define FILES_REQUEST_MOST 16384
/* Bytes of the tokens of an answer to "list", after which there is no further entry in it. */
#define FILES_PAGE_BYTES (1u << 20)

/*
 * Carries out one request of `connection` in the cell of `cell`, a pidfd of its init. The process has to be in the
 * cgroup of the cell. It closes every other descriptor. `length` bytes of the request have arrived already.
 */
__attribute__((noreturn)) void files_run(const struct plan *plan, int cell, int connection, const void *begun,
                                         size_t length);

#endif
