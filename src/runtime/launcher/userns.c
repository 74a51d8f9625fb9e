#define _GNU_SOURCE
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define MOST_WORDS 1024

/* A map can be written only once (user_namespaces(7)). */
static void must_write(pid_t pid, const char *name, const char *text) {
  if (!write_process_file(pid, name, text)) die("%s of the user namespace: %s", name, strerror(errno));
}

static bool succeeded(pid_t pid) {
  int status;
  return pid > 0 && RETRY(waitpid(pid, &status, 0)) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Executes a helper, which takes the pid and then the numbers of all lines, and reports its own errors. */
static void run_helper(const char *helper, pid_t target, const char *map) {
  pid_t pid = fork();
  if (pid != 0) {
    if (!succeeded(pid)) die("%s failed", helper);
    return;
  }
  char number[16];
  snprintf(number, sizeof number, "%d", (int)target);
  AUTO_FREE char *words = strdup(map);
  if (words == NULL) die("out of memory");
  char *argv[MOST_WORDS] = {(char *)(uintptr_t)helper, number};
  size_t count = 2;
  for (char *word = strtok(words, " \n"); word != NULL; word = strtok(NULL, " \n")) {
    if (count == MOST_WORDS - 1) die("too long a map of ids");
    argv[count++] = word;
  }
  execv(helper, argv);
  die("%s: %s", helper, strerror(errno));
}

static void make_map(const char *name, pid_t target, const char *helper, const char *map) {
  if (*helper == '\0')
    must_write(target, name, map);
  else
    run_helper(helper, target, map);
}

/* Runs outside the namespaces, where it has the privileges: maps the ids of `target` once that has unshared. */
static void map_from_outside(const struct userns *userns, pid_t target, int gate) {
  char go;
  if (RETRY(read(gate, &go, 1)) != 1) _exit(1);
  if (!userns->groups) must_write(target, "setgroups", "deny");
  make_map("uid_map", target, userns->uid_helper, userns->uids);
  make_map("gid_map", target, userns->gid_helper, userns->gids);
  _exit(0);
}

void userns_run(const struct userns *userns, char **argv) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) die("pipe: %s", strerror(errno));
  pid_t self = getpid();
  pid_t mapper = fork();
  if (mapper < 0) die("fork: %s", strerror(errno));
  if (mapper == 0) {
    close(gate[1]);
    map_from_outside(userns, self, gate[0]);
  }
  close(gate[0]);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) die("user namespace: %s", strerror(errno));
  if (!write_all(gate[1], "", 1) || !succeeded(mapper)) die("the ids of the user namespace could not be mapped");
  close(gate[1]);
  if ((userns->groups && setgroups(0, NULL) != 0) || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
    die("root of the user namespace: %s", strerror(errno));
  execv(argv[0], argv);
  die("%s: %s", argv[0], strerror(errno));
}
