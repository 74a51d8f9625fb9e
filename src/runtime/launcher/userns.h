/*
 * A program in user and mount namespaces of its own: for a server that is not root.
 *
 * The spawner of such a server, and every supervisor, is root there: it may mount, and give cells the ids that the
 * namespace has, as with a server that is root; outside it is still the server's user. So cells are made in the same
 * way for both.
 */
#ifndef USERNS_H
#define USERNS_H

#include <stdbool.h>

struct userns {
  bool groups;             /* setgroups(2) stays allowed; without privileges it must be denied (user_namespaces(7)) */
  const char *uids, *gids; /* lines "INSIDE OUTSIDE COUNT" of the maps */
  /* Paths of newuidmap(1) and newgidmap(1); "": the maps are written with the privileges of this process. */
  const char *uid_helper, *gid_helper;
};

/* Enters the namespaces as their root and executes argv[0], an absolute path. Exits with a message on failure. */
__attribute__((noreturn)) void userns_run(const struct userns *userns, char **argv);

#endif
