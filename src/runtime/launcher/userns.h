/*
 * A program in user and mount namespaces of its own: for a server that is not root.
 *
 * The spawner of such a server, and with it every supervisor, lives there as root: it may mount, and give
 * cells the ids that the namespace has, as that of a server that is root may; outside it is still the server's
 * user. So all that makes a cell is the same for both.
 */
#ifndef USERNS_H
#define USERNS_H

#include <stdbool.h>

struct userns {
  bool groups;            /* setgroups(2) stays allowed; without privileges it has to go (user_namespaces(7)) */
  const char *uids, *gids; /* lines "INSIDE OUTSIDE COUNT" of the maps */
  /* newuidmap(1) and newgidmap(1); "": the maps are written with the privileges that this process has. */
  const char *uid_helper, *gid_helper;
};

/* Enters the namespaces as their root and executes argv[0], an absolute path. Comes back never. */
__attribute__((noreturn)) void userns_run(const struct userns *userns, char **argv);

#endif
