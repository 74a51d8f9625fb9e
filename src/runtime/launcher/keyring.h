/* Session keyrings, session-keyring(7). */
#ifndef KEYRING_H
#define KEYRING_H

#include <stdbool.h>

/*
 * Joins a new, empty session keyring: the keys in that of the user who started the server would reach every job. A
 * kernel or container without keyrings answers ENOSYS or EPERM, which is no failure. False with errno otherwise, such
 * as EDQUOT for a user whose quota of keys is used up.
 */
bool join_new_keyring(void);

#endif
