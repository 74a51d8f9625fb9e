/*
 * The spawner: lines of text over the socket at file descriptor 3.
 *
 *   start ID    forks a supervisor for the job whose folder is ID below JOBS
 *               answered by that supervisor, when its control socket listens: "ready ID"
 *               or, when it could not come so far: "failed ID TEXT"; the spawner answers for one that was killed,
 *               also when it had answered before
 *   probe ID    asks whether a supervisor holds the lock of that folder: "held ID" or "free ID"
 *
 * It ends when the other end of the socket is closed; the supervisors stay.
 */
#ifndef SPAWNER_H
#define SPAWNER_H

/* `jobs`: the folder of the jobs' folders. `cgroup`: where spawner and supervisors live, or "" for here. */
int spawner_main(const char *jobs, const char *cgroup);

#endif
