/*
 * Takes more and more of one thing, up to a number that is given, prints why it got no more or "all", and how much it
 * had: hoard WHAT MOST [keep]. It releases everything when it exits; with `keep` it exits only when it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1 << 20)

static bool open_file(int i) {
  (void)i;
  return open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool queue_signal(int i) {
  return sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) == 0;
}

static bool make_queue(int i) {
  char name[32];
  snprintf(name, sizeof name, "/hoard-%d", i);
  struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 8192};
  mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  int error = errno;
  if (queue >= 0) mq_unlink(name);
  errno = error;
  return queue >= 0;
}

static bool open_terminal(int i) {
  (void)i;
  return posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0;
}

static bool make_instance(int i) {
  (void)i;
  return inotify_init1(IN_CLOEXEC) >= 0;
}

/* A lock on one byte of a file: with gaps, so that the kernel cannot join them. */
static bool lock_byte(int i) {
  static int file = -1;
  if (file < 0) file = open("/tmp/hoard-locks", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2L * i, .l_len = 1};
  return file >= 0 && fcntl(file, F_OFD_SETLK, &lock) == 0;
}

/* A connection over loopback that one end has left, with something that the other has not read. */
static bool leave_connection(int i, size_t length_of_data) {
  static int listener = -1;
  static struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  if (i == 0) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
      return false;
  }
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0 || connect(client, (struct sockaddr *)&address, length) != 0) return false;
  int server = accept(listener, NULL, NULL);
  if (server < 0) return false;
  static char data[MIB];
  (void)!send(client, data, length_of_data, MSG_DONTWAIT);
  close(client);
  /* The other end stays open: to close it would be a reset. */
  return true;
}

static bool leave_full(int i) {
  return leave_connection(i, MIB);
}

static bool leave_small(int i) {
  return leave_connection(i, 1);
}

static bool lock_page(int i) {
  (void)i;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && mlock(page, 4096) == 0;
}

static bool touch_memory(int i) {
  (void)i;
  char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  memset(memory, 1, MIB);
  return true;
}

/* A child that ends with its parent, which holds the other end of the pipe. */
static bool fork_child(int i) {
  static int ends[2];
  if (i == 0 && pipe(ends) != 0) return false;
  pid_t pid = fork();
  if (pid != 0) return pid > 0;
  char byte;
  close(ends[1]);
  _exit((int)read(ends[0], &byte, 1));
}

static void *wait_for_ever(void *nothing) {
  pause();
  return nothing;
}

static bool start_thread(int i) {
  (void)i;
  pthread_t thread;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 1 << 16);
  errno = pthread_create(&thread, &small, wait_for_ever, NULL);
  return errno == 0;
}

int main(int count, char **words) {
  static const struct {
    const char *name;
    bool (*take)(int i);
  } things[] = {
      {"files", open_file},         {"signals", queue_signal}, {"queues", make_queue},    {"locks", lock_page},
      {"memory", touch_memory},     {"children", fork_child},  {"threads", start_thread}, {"terminals", open_terminal},
      {"instances", make_instance}, {"records", lock_byte},    {"orphans", leave_full},   {"farewells", leave_small},
  };
  if (count != 3 && count != 4) return 2;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  for (size_t t = 0; t < sizeof things / sizeof *things; t++) {
    if (strcmp(words[1], things[t].name) != 0) continue;
    int taken = 0, most = atoi(words[2]);
    while (taken < most && things[t].take(taken)) taken++;
    printf("%s %d\n", taken == most ? "all" : strerrorname_np(errno), taken);
    fflush(stdout);
    while (count == 4) pause();
    return 0;
  }
  return 2;
}
