/* The supervisor of one job. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

/*
 * Runs the job whose folder is `id` below the folder `jobs`, to its end; never returns. `socket` is the
 * server's, for one answer (see spawner.h).
 */
__attribute__((noreturn)) void supervisor_run(int jobs, const char *id, int socket);

#endif
