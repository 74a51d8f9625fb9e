/*
 * The spawner: lines of text over the socket at file descriptor 3.
 *
 *   start ID    forks a supervisor for the job whose folder is ID below JOBS
 *               that supervisor answers "ready ID" once its control socket listens, or "failed ID TEXT" when it
 *               does not get that far; for one that was killed the spawner sends the latter, even after an answer
 *   probe ID    whether a supervisor holds the lock of that folder: "held ID" or "free ID"
 *
 *   prepare NAME   forks a supervisor that makes the cell of the plan in the folder .NAME, for a job that is not known
 *               yet: it answers "prepared NAME", or "unprepared NAME TEXT" when that fails; the latter also when the
 *               cell ends before a job has it. Nothing of it is left then, unless its supervisor was killed
 *   start ID NAME  has the job run in that cell, as "start" does; "gone ID" when there is no such cell
 *   dismiss NAME   ends such a cell, which answers "unprepared NAME"
 *
 * It exits when the other end of the socket is closed, after the prepared cells; supervisors of jobs continue.
 */
#ifndef SPAWNER_H
#define SPAWNER_H

/* `jobs`: the folder of the job folders. `cgroup`: that of spawner and supervisors, or "" for the current one. */
int spawner_main(const char *jobs, const char *cgroup);

#endif
