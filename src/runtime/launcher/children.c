#define _GNU_SOURCE
#include "children.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util.h"

void children_add(struct children *children, pid_t pid, const char *name) {
  if (children->count == children->room) {
    children->room = children->room * 2 + 16;
    children->list = reallocarray(children->list, children->room, sizeof *children->list);
    if (children->list == NULL) die("out of memory");
  }
  char *copy = strdup(name);
  if (copy == NULL) die("out of memory");
  children->list[children->count++] = (struct child){pid, copy};
}

void children_rename(struct children *children, pid_t pid, const char *name) {
  char *copy = strdup(name);
  if (copy == NULL) die("out of memory");
  for (size_t i = 0; i < children->count; i++) {
    if (children->list[i].pid != pid) continue;
    free(children->list[i].name);
    children->list[i].name = copy;
    return;
  }
  free(copy);
}

void children_reap(struct children *children, void (*report)(const char *name, int status)) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (size_t i = 0; i < children->count; i++) {
      if (children->list[i].pid != pid) continue;
      AUTO_FREE char *name = children->list[i].name;
      children->list[i] = children->list[--children->count];
      report(name, status);
      break;
    }
  }
}
