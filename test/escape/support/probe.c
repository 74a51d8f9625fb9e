/*
 * Asks one thing of the kernel and prints "ok" or the name of the error, for what a shell cannot ask. Nothing here
 * changes anything outside of the process where it is let through.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static int said(long result) {
  puts(result < 0 ? strerrorname_np(errno) : "ok");
  return 0;
}

static long number(const char *text) {
  return (long)strtoull(text, NULL, 0);
}

/* call NUMBER [ARGUMENT]... */
static long call(char **words) {
  long value[7] = {0};
  for (int i = 0; i < 7 && words[i] != NULL; i++) value[i] = number(words[i]);
  return syscall(value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
}

/* open r|w PATH: nothing is read or written. */
static long open_file(char **words) {
  return open(words[1], (*words[0] == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* write PATH TEXT: for files of the process itself, which ends with it. */
static long write_file(char **words) {
  int fd = open(words[0], O_WRONLY | O_CLOEXEC);
  return fd < 0 ? fd : write(fd, words[1], strlen(words[1]));
}

/* connect tcp|udp ADDRESS PORT: of the latter no packet is sent. */
static long connect_to(char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(words[2]))};
  inet_pton(AF_INET, words[1], &address.sin_addr);
  int fd = socket(AF_INET, strcmp(words[0], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
  return fd < 0 ? fd : connect(fd, (struct sockaddr *)&address, sizeof address);
}

/* bind PORT, of all addresses. */
static long bind_port(char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(words[0]))};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? fd : bind(fd, (struct sockaddr *)&address, sizeof address);
}

/* abstract NAME: a Unix socket that has a name but no file. */
static long connect_abstract(char **words) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(words[0]);
  memcpy(address.sun_path + 1, words[0], length);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
  return fd < 0 ? fd : connect(fd, (struct sockaddr *)&address, size);
}

/* type: puts a byte into the input of a new terminal of its own, as if typed. */
static long type(char **words) {
  (void)words;
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || setsid() < 0) return -1;
  int slave = open(ptsname(master), O_RDWR);
  return slave < 0 ? slave : ioctl(slave, TIOCSTI, "x");
}

/* owner PATH: the id that made a user namespace (ioctl_ns(2)). */
static int owner(char **words) {
  uid_t uid;
  int fd = open(words[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ioctl(fd, NS_GET_OWNER_UID, &uid) < 0) return said(-1);
  return printf("%u\n", uid) < 0;
}

/* share PATH: a lock that others can share, until the end of the standard input. */
static long share(char **words) {
  int fd = open(words[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_SH) != 0) return -1;
  puts("shared");
  fflush(stdout);
  char byte;
  return read(STDIN_FILENO, &byte, 1);
}

static long find_key(char **words) {
  return syscall(SYS_request_key, "user", words[0], NULL, 0);
}

static long find_memory(char **words) {
  return shmget((key_t)number(words[0]), 0, 0);
}

/* user: the effective one. */
static int user(void) {
  return printf("%d\n", (int)geteuid()) < 0;
}

/* capable PATH: gives a file all capabilities, in the form of which the root user is that of the machine. */
static long make_capable(char **words) {
  static const uint32_t all[] = {0x02000001, ~0u, 0, 0x1ff, 0};
  return setxattr(words[0], "security.capability", all, sizeof all, 0);
}

/* remember KEY: makes System V memory and prints its number. forget NUMBER: removes it. */
static int make_memory(char **words) {
  return printf("%d\n", shmget((key_t)number(words[0]), 4096, IPC_CREAT | 0666)) < 0;
}

static long forget_memory(char **words) {
  return shmctl((int)number(words[0]), IPC_RMID, NULL);
}

/*
 * careless FOLDER KEY PROGRAM [ARGUMENT]...: executes a program as a careless parent would, with a folder that is open
 * as descriptor 7, a key in its session, a secret in its environment, and SIGUSR1 ignored.
 */
static long careless(char **words) {
  int folder = open(words[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || dup2(folder, 7) < 0) return -1;
  if (syscall(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, NULL) < 0) return -1;
  if (syscall(SYS_add_key, "user", words[1], "x", 1, -3 /* SESSION_KEYRING */) < 0) return -1;
  setenv("CLOISTER_SECRET", words[1], 1);
  signal(SIGUSR1, SIG_IGN);
  return execv(words[2], words + 2);
}

int main(int count, char **words) {
  static const struct {
    const char *name;
    long (*act)(char **words);
  } acts[] = {
      {"call", call},
      {"open", open_file},
      {"write", write_file},
      {"connect", connect_to},
      {"bind", bind_port},
      {"abstract", connect_abstract},
      {"type", type},
      {"key", find_key},
      {"memory", find_memory},
      {"capable", make_capable},
      {"forget", forget_memory},
      {"share", share},
      {"careless", careless},
  };
  if (count == 2 && strcmp(words[1], "user") == 0) return user();
  if (count == 3 && strcmp(words[1], "owner") == 0) return owner(words + 2);
  if (count == 3 && strcmp(words[1], "remember") == 0) return make_memory(words + 2);
  for (size_t i = 0; count > 1 && i < sizeof acts / sizeof *acts; i++)
    if (strcmp(words[1], acts[i].name) == 0) return said(acts[i].act(words + 2));
  fprintf(stderr, "probe: no such act\n");
  return 2;
}
