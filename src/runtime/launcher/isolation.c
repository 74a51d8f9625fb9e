#define _GNU_SOURCE
#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define FILE_MOST 65536

static int open_process(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", (int)pid);
  return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static pid_t parent_of(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  AUTO_FREE char *text = read_file_at(AT_FDCWD, path, FILE_MOST, NULL);
  const char *line = text == NULL ? NULL : strstr(text, "\nPPid:");
  return line == NULL ? -1 : (pid_t)strtol(line + strlen("\nPPid:"), NULL, 10);
}

/*
 * The first child of init: the command, which precedes every orphan. Kernels without CONFIG_PROC_CHILDREN do not list
 * children; there it is found through the cgroup.
 */
static pid_t find_command(pid_t init, int cgroup) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)init, (int)init);
  AUTO_FREE char *children = read_file_at(AT_FDCWD, path, FILE_MOST, NULL);
  if (children != NULL) return (pid_t)strtol(children, NULL, 10);
  AUTO_FREE char *processes = cgroup < 0 ? NULL : read_file_at(cgroup, "cgroup.procs", FILE_MOST, NULL);
  char *rest = NULL;
  for (char *line = processes == NULL ? NULL : strtok_r(processes, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest)) {
    pid_t pid = (pid_t)strtol(line, NULL, 10);
    if (pid != init && parent_of(pid) == init) return pid;
  }
  return 0;
}

static void put_file(FILE *stream, const char *name, int folder, const char *path) {
  AUTO_FREE char *text = read_file_at(folder, path, FILE_MOST, NULL);
  if (text != NULL) fprintf(stream, "%s%c%s%c", name, 0, text, 0);
}

/*
 * The link reads "pid:[4026531836]". A zombie has no namespaces: then those of init are recorded, which are the same.
 */
static void put_namespace(FILE *stream, int command, int init, const char *kind) {
  char path[32], target[64];
  snprintf(path, sizeof path, "ns/%s", kind);
  ssize_t length = readlinkat(command, path, target, sizeof target - 1);
  if (length < 0 && init >= 0) length = readlinkat(init, path, target, sizeof target - 1);
  if (length < 0) return;
  target[length] = '\0';
  const char *inode = strchr(target, '[');
  if (inode != NULL) fprintf(stream, "namespace%c%s%c%llu%c", 0, kind, 0, strtoull(inode + 1, NULL, 10), 0);
}

static void put_fields(FILE *stream, const struct plan *plan, int command, int init, int cgroup) {
  static const char *const kinds[] = {"user", "pid", "mnt", "uts", "ipc", "net", "cgroup", "time"};
  fprintf(stream, "cell-isolation%c1%c", 0, 0);
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) put_namespace(stream, command, init, kinds[i]);
  put_file(stream, "status", command, "status");
  put_file(stream, "uid_map", command, "uid_map");
  put_file(stream, "gid_map", command, "gid_map");
  if (cgroup >= 0) put_file(stream, "cgroup", command, "cgroup");
  for (size_t i = 0; cgroup >= 0 && i < plan->settings_count; i++) {
    AUTO_FREE char *text = read_file_at(cgroup, plan->settings[i].file, FILE_MOST, NULL);
    if (text != NULL) fprintf(stream, "file%c%s%c%s%c", 0, plan->settings[i].file, 0, text, 0);
  }
  fprintf(stream, "end%c", 0);
}

void isolation_write(const struct plan *plan, pid_t init, int cgroup) {
  pid_t pid = find_command(init, cgroup);
  AUTO_CLOSE int command = pid > 0 ? open_process(pid) : -1;
  AUTO_CLOSE int own = open_process(init);
  if (command < 0) return;
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  if (stream == NULL) die("out of memory");
  put_fields(stream, plan, command, own, cgroup);
  fclose(stream);
  AUTO_CLOSE int fd = open("isolation", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  /* On a full disk the file is cut off, which readers recognise by the missing "end". */
  if (fd >= 0) (void)!write_all(fd, text, length);
  free(text);
}
