/* The supervisor of one job. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

/*
 * Runs the job whose folder is `id` below the folder `jobs`, until it has ended. `socket` leads to the
 * server, for one answer (spawner.h).
 */
__attribute__((noreturn)) void supervisor_run(int jobs, const char *id, int socket);

#endif
