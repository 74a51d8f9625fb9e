/* Child processes that have not been reaped yet, each with a name. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

struct child {
  pid_t pid;
  char *name;
};

struct children {
  struct child *list;
  size_t count, room;
};

/* Exits when there is no memory for it. */
void children_add(struct children *children, pid_t pid, const char *name);

/* Gives the child another name. */
void children_rename(struct children *children, pid_t pid, const char *name);

/* Reaps all that have ended, and calls `report` with the name and wait status (waitpid(2)) of each. */
void children_reap(struct children *children, void (*report)(const char *name, int status));

#endif
