/* Session keyrings, session-keyring(7). */
#ifndef KEYRING_H
#define KEYRING_H

#include <stdbool.h>

/*
 * Joins a new, empty session keyring: with that of whoever started the server its keys would go to every job. A kernel
 * or container without keys answers ENOSYS or EPERM, and has none to give: that is no failure. False with errno
 * otherwise, such as EDQUOT for a user that has as many keys as it may.
 */
bool join_new_keyring(void);

#endif
