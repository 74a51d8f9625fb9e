/*
 * What a program finds of itself and of its surroundings, for what a shell cannot ask. It is static: it runs in any
 * cell, and outside.
 *
 *   attributes                                  what fork and exec hand on, a line each: NAME VALUE
 *   careless NICE FSIZE PROGRAM [ARGUMENT]...   executes a program with other values of as many of these as possible
 *   entries FOLDER                              whether getdents(2) and stat(2) agree, and the devices of the entries
 *   names                                       what the C library makes of the host's own name
 *   threads                                     names another thread, and prints the name
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of kernels that are newer than the headers of a supported distribution. */
#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

#define CAP_SYS_RESOURCE 24
#define IOPRIO_IDLE (3 << 13)
#define MPOL_PREFERRED 1

static const char *const limits[] = {"CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
                                     "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
#define LIMITS (sizeof limits / sizeof *limits)

static void show(const char *name, long value) {
  if (value < 0)
    printf("%s %s\n", name, strerrorname_np(errno));
  else
    printf("%s %ld\n", name, value);
}

static void show_file(const char *name, const char *path) {
  char text[256] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length < 0)
    show(name, -1);
  else
    printf("%s %s%s", name, text, length > 0 && text[length - 1] == '\n' ? "" : "\n");
}

static void show_limits(void) {
  for (unsigned i = 0; i < LIMITS; i++) {
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)i, &limit);
    printf("limit.%s.soft %llu\nlimit.%s.hard %llu\n", limits[i], (unsigned long long)limit.rlim_cur, limits[i],
           (unsigned long long)limit.rlim_max);
  }
}

static int attributes(void) {
  cpu_set_t cpus;
  show("cpus", sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : -1);
  errno = 0;
  printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
  show("policy", sched_getscheduler(0));
  show("ioprio", syscall(SYS_ioprio_get, 1, 0));
  show("personality", personality(0xffffffff));
  show("timerslack", prctl(PR_GET_TIMERSLACK));
  show("securebits", prctl(PR_GET_SECUREBITS));
  show("keepcaps", prctl(PR_GET_KEEPCAPS));
  show("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  show("dumpable", prctl(PR_GET_DUMPABLE));
  show("thp_disable", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  show("memory_merge", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
  show("io_flusher", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
  show("mce_kill", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  int subreaper = 0, death = 0, policy = 0;
  show("subreaper", prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 ? subreaper : -1);
  show("death_signal", prctl(PR_GET_PDEATHSIG, &death) == 0 ? death : -1);
  show("mempolicy", syscall(SYS_get_mempolicy, &policy, NULL, 0, NULL, 0) == 0 ? policy : -1);
  show_file("coredump_filter", "/proc/self/coredump_filter");
  show_file("oom_score_adj", "/proc/self/oom_score_adj");
  mode_t mask = umask(0);
  printf("umask %03o\n", mask);
  show_limits();
  return 0;
}

static int is_capable(void) {
  FILE *status = fopen("/proc/self/status", "re");
  unsigned long long effective = 0;
  char line[256];
  while (status != NULL && fgets(line, sizeof line, status) != NULL) sscanf(line, "CapEff: %llx", &effective);
  if (status != NULL) fclose(status);
  return (effective >> CAP_SYS_RESOURCE & 1) != 0;
}

/* Low for a job and high enough for a server. */
static void take_limits(rlim_t file_size) {
  const struct {
    unsigned resource;
    rlim_t value;
  } values[] = {
      {RLIMIT_CPU, 100000},     {RLIMIT_FSIZE, file_size}, {RLIMIT_DATA, 1ull << 40},    {RLIMIT_STACK, 16 << 20},
      {RLIMIT_RSS, 1ull << 40}, {RLIMIT_NOFILE, 900},      {RLIMIT_MEMLOCK, 32 << 10},   {RLIMIT_AS, 1ull << 46},
      {RLIMIT_LOCKS, 100},      {RLIMIT_SIGPENDING, 3000}, {RLIMIT_MSGQUEUE, 400 << 10}, {RLIMIT_RTTIME, 1000000000},
  };
  int capable = is_capable();
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)values[i].resource, &limit);
    limit.rlim_cur = values[i].value;
    /* Without the capability nobody could raise it again. */
    if (capable) limit.rlim_max = limit.rlim_cur;
    setrlimit((__rlimit_resource_t)values[i].resource, &limit);
  }
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) (void)!write(fd, text, strlen(text));
  close(fd);
}

static int careless(char **words) {
  cpu_set_t cpus, one;
  sched_getaffinity(0, sizeof cpus, &cpus);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
    if (CPU_ISSET(cpu, &cpus)) CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, 0, atoi(words[0]));
  syscall(SYS_ioprio_set, 1, 0, IOPRIO_IDLE);
  personality(ADDR_NO_RANDOMIZE);
  prctl(PR_SET_TIMERSLACK, 1000000);
  prctl(PR_SET_SECUREBITS, 1 << 2 /* SECBIT_NO_SETUID_FIXUP */);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  unsigned long nodes = 1;
  syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, 8 * sizeof nodes);
  write_file("/proc/self/coredump_filter", "0x7f");
  write_file("/proc/self/oom_score_adj", "300");
  umask(027);
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  take_limits(strtoull(words[1], NULL, 10));
  execv(words[2], words + 2);
  perror(words[2]);
  return 127;
}

static int entries(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return perror(path), 1;
  struct stat own, status;
  fstat(dirfd(folder), &own);
  unsigned differ = 0, devices = 0, count = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return perror(entry->d_name), 1;
    count++;
    differ += status.st_ino != entry->d_ino;
    devices += status.st_dev != own.st_dev;
  }
  closedir(folder);
  return printf("%s with other inode %u, on other device %u\n", count > 0 ? "entries" : "none", differ, devices) < 0;
}

static void reverse(const struct addrinfo *address) {
  char name[NI_MAXHOST];
  int error = getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD);
  printf("reverse %s\n", error == 0 ? name : gai_strerror(error));
}

static int names(void) {
  char own[256];
  gethostname(own, sizeof own);
  printf("hostname %s\n", own);
  struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  int error = getaddrinfo(own, NULL, &hints, &found);
  if (error != 0) return printf("canonical %s\n", gai_strerror(error)) < 0;
  printf("canonical %s\n", found->ai_canonname);
  reverse(found);
  freeaddrinfo(found);
  own[strcspn(own, ".")] = '\0';
  error = getaddrinfo(own, NULL, &hints, &found);
  printf("short %s\n", error == 0 ? found->ai_canonname : gai_strerror(error));
  return 0;
}

static void *wait_forever(void *unused) {
  for (;;) pause();
  return unused;
}

static int threads(void) {
  pthread_t other;
  char name[16] = "";
  int error = pthread_create(&other, NULL, wait_forever, NULL);
  if (error == 0) error = pthread_setname_np(other, "worker");
  if (error == 0) error = pthread_getname_np(other, name, sizeof name);
  return puts(error == 0 ? name : strerrorname_np(error)) < 0;
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "attributes") == 0) return attributes();
  if (count >= 5 && strcmp(words[1], "careless") == 0) return careless(words + 2);
  if (count == 3 && strcmp(words[1], "entries") == 0) return entries(words[2]);
  if (count == 2 && strcmp(words[1], "names") == 0) return names();
  if (count == 2 && strcmp(words[1], "threads") == 0) return threads();
  fprintf(stderr, "inspect: no such act\n");
  return 2;
}
