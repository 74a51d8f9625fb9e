/* The supervisor of one job. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

/*
 * Runs the job whose folder is `id` below the folder `jobs`, until it has ended. `socket` leads to the
 * server, for one answer (spawner.h).
 */
__attribute__((noreturn)) void supervisor_run(int jobs, const char *id, int socket);

/* Room for the id of a job, with a NUL. */
#define PREPARED_ID 256
/* Exit code of a supervisor whose cell no job has had, also if the id of one was on its way. */
#define PREPARED_UNUSED 3

/*
 * Makes the cell of the plan in the folder `.name` below `jobs`, except for what of it depends on a job, and waits: for
 * the id of a job as a message on `orders`, which it then runs in that cell as supervisor_run() does; or for the end of
 * `orders`, upon which it removes the cell. A cell is the cell of one job at most.
 */
__attribute__((noreturn)) void supervisor_prepare(int jobs, const char *name, int socket, int orders);

#endif
