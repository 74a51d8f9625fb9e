/*
 * The floor of the benchmark: the least that a cell of its own costs. The same namespaces and mounts as a job gets,
 * made with the fewest calls, and no supervision, limits, log, record or filter. Runs one program:
 *
 *   floor ROOT PROGRAM [ARGUMENT...]     the root is mounted read-only under a writable layer in memory
 *   floor --serve ROOT PROGRAM ...       one run for each byte on standard input, answered with a byte
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
#define FIRST_ID 1879048192u

static void need(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  _exit(1);
}

static void write_map(const char *name, pid_t pid) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int length = snprintf(text, sizeof text, "0 %u 65536\n", FIRST_ID);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  need(fd, path);
  need((int)write(fd, text, (size_t)length), path);
  close(fd);
}

/* PID 1 of the cell, which becomes the program itself. */
static void inside(int root, int gate, char **argv) {
  char go;
  need((int)read(gate, &go, 1) - 1, "gate");
  need(setresgid(0, 0, 0), "setresgid");
  need(setresuid(0, 0, 0), "setresuid");
  need(sethostname("cell", 4), "sethostname");
  need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  need((int)syscall(SYS_move_mount, root, "", AT_FDCWD, "/mnt", 4 /* MOVE_MOUNT_F_EMPTY_PATH */), "root");
  need(chdir("/mnt"), "chdir");
  need(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
  need(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536"), "dev");
  need(mount("tmpfs", "sys", "tmpfs", MS_NOSUID, "mode=755,size=65536"), "sys");
  need((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  need(umount2(".", MNT_DETACH), "umount");
  need(chdir("/"), "chdir");
  execv(argv[0], argv);
  need(-1, argv[0]);
}

/* The overlay as a detached mount, made in a mount namespace of its own. */
static int make_root(const char *image) {
  char options[4096];
  need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  need(mount("cell", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"), "layer");
  need(mkdir("/mnt/upper", 0755), "upper");
  need(mkdir("/mnt/work", 0700), "work");
  need(mkdir("/mnt/root", 0700), "root");
  need(chown("/mnt/upper", FIRST_ID, FIRST_ID), "chown");
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=/mnt/upper,workdir=/mnt/work", image);
  need(mount("overlay", "/mnt/root", "overlay", MS_NOSUID | MS_NODEV, options), "overlay");
  int root = (int)syscall(SYS_open_tree, AT_FDCWD, "/mnt/root", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
  need(root, "open_tree");
  need(umount2("/mnt/root", MNT_DETACH), "umount");
  need(umount2("/mnt", MNT_DETACH), "umount");
  return root;
}

/* The process that makes the cell, with its privileges; gives the exit code of the program. */
static void run(const char *image, char **argv) {
  need(unshare(CLONE_NEWNS), "unshare");
  int root = make_root(image), gate[2];
  need(pipe2(gate, O_CLOEXEC), "pipe");
  pid_t pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
  need(pid, "clone");
  if (pid == 0) inside(root, gate[0], argv);
  write_map("uid_map", pid);
  write_map("gid_map", pid);
  need((int)write(gate[1], "", 1), "gate");
  int status;
  need(waitpid(pid, &status, 0), "waitpid");
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int start(const char *image, char **argv) {
  pid_t pid = fork();
  need(pid, "fork");
  if (pid == 0) run(image, argv);
  int status;
  need(waitpid(pid, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
  bool serve = argc > 1 && strcmp(argv[1], "--serve") == 0;
  if (serve) argv++, argc--;
  if (argc < 3) return 64;
  if (!serve) return start(argv[1], argv + 2);
  for (char byte; read(0, &byte, 1) == 1;) {
    byte = (char)start(argv[1], argv + 2);
    if (byte != 0 || write(1, &byte, 1) != 1) return 1;
  }
  return 0;
}
