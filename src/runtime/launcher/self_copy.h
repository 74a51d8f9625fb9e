/* A copy of this program in memory that cannot be changed. */
#ifndef SELF_COPY_H
#define SELF_COPY_H

/*
 * Executes a sealed copy of this program in memory (memfd_create(2), fcntl(2) F_ADD_SEALS) with the same arguments,
 * unless this already is one. What a cell finds of its launcher, in /proc/1/exe or by executing /proc/self/exe
 * (CVE-2019-5736), is then neither the file on disk nor writable, no matter who owns that file; and its name reveals
 * nothing of the host.
 *
 * Returns in the sealed copy; exits with a message when none can be made.
 */
void ensure_self_copy(char **arguments);

#endif
