#include "kernel.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "command.h"
#include "join.h"
#include "util.h"

#define PIECE (64u << 10)
#define TOKENS_MOST 8
#define NAME_ROOM 256
#define PATH_ROOM 4096
/* More than any page has: names are kept until the folder has been read. */
#define ENTRIES_MOST 1000

struct request {
  char text[FILES_REQUEST_MOST];
  size_t length; /* received */
  size_t used;   /* of these, tokens */
  const char *tokens[TOKENS_MOST];
  size_t count;
};

static int peer = -1;
static char answer[PIECE];
static size_t answered;

/* The connection has been closed: nobody is left to answer to. */
static void send_bytes(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    long count = RETRY(send(peer, at, length, MSG_NOSIGNAL));
    if (count <= 0) _exit(1);
    at += count;
    length -= (size_t)count;
  }
}

static void flush(void) {
  send_bytes(answer, answered);
  answered = 0;
}

static void put(const void *bytes, size_t length) {
  if (length > sizeof answer - answered) flush();
  if (length > sizeof answer) return send_bytes(bytes, length);
  memcpy(answer + answered, bytes, length);
  answered += length;
}

static void put_token(const char *token) {
  put(token, strlen(token) + 1);
}

__attribute__((format(printf, 1, 2))) static void put_number(const char *format, ...) {
  char text[64];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_token(text);
}

/*
 * Reads what the peer still sends, up to its end: closing the connection before that would reset it, and the answer
 * could be lost.
 */
__attribute__((noreturn)) static void finish(void) {
  flush();
  while (RETRY(recv(peer, answer, sizeof answer, 0)) > 0) continue;
  _exit(0);
}

/*
 * Answers with the current errno and ends the process. An answer that has begun is recognised as incomplete by its
 * missing "end".
 */
__attribute__((noreturn)) static void refuse(const char *step, const char *detail) {
  int error = errno;
  put_token("failed");
  put_token(step);
  put_number("%d", error);
  put_token(detail == NULL ? "" : detail);
  finish();
}

__attribute__((noreturn)) static void refuse_with(int error, const char *step) {
  errno = error;
  refuse(step, NULL);
}

static void put_status(const struct stat *status) {
  static const struct {
    mode_t type;
    char kind[2];
  } kinds[] = {{S_IFREG, "f"},  {S_IFDIR, "d"}, {S_IFLNK, "l"}, {S_IFIFO, "p"},
               {S_IFSOCK, "s"}, {S_IFCHR, "c"}, {S_IFBLK, "b"}};
  const char *kind = "?";
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
    if (kinds[i].type == (status->st_mode & S_IFMT)) kind = kinds[i].kind;
  put_token(kind);
  put_number("%o", status->st_mode & 07777);
  put_number("%lld", (long long)status->st_size);
  put_number("%lld%09ld", (long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
  put_number("%u", status->st_uid);
  put_number("%u", status->st_gid);
}

static uint64_t number_of(const char *text, int base, uint64_t most) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, base);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number > most) refuse_with(EINVAL, "request");
  return number;
}

/* ---- the request ---- */

/* Counts the tokens that are complete, and compares their number with the one that the first token gives. */
static bool is_complete(struct request *request) {
  request->count = 0;
  size_t at = 0;
  while (request->count < TOKENS_MOST) {
    const char *end = memchr(request->text + at, '\0', request->length - at);
    if (end == NULL) return false;
    request->tokens[request->count++] = request->text + at;
    at = (size_t)(end - request->text) + 1;
    if (request->count == number_of(request->tokens[0], 10, TOKENS_MOST - 1) + 1) {
      request->used = at;
      return true;
    }
  }
  return false;
}

static void receive_request(struct request *request) {
  while (!is_complete(request)) {
    if (request->length == sizeof request->text) refuse_with(E2BIG, "request");
    long count = RETRY(recv(peer, request->text + request->length, sizeof request->text - request->length, 0));
    if (count <= 0) _exit(1);
    request->length += (size_t)count;
  }
}

/* ---- opening ---- */

/*
 * Resolves a path as the command would, except links of /proc to what processes have open. Never blocks: not for the
 * other end of a fifo, and not for the holder of a lease.
 */
static int open_path(const char *path, int flags, mode_t mode) {
  const struct open_how how = {
      .flags = (unsigned)(flags | O_CLOEXEC),
      .mode = (flags & O_CREAT) != 0 ? mode : 0,
      .resolve = RESOLVE_NO_MAGICLINKS,
  };
  return kernel_openat2(AT_FDCWD, path, &how);
}

/* Finds out what is at a path without opening it, since opening a device may have effects. Returns -1 with errno. */
static int look(const char *path, struct stat *status) {
  int fd = open_path(path, O_PATH, 0);
  if (fd >= 0 && fstat(fd, status) == 0) return fd;
  close_fd(&fd);
  return -1;
}

static int open_regular(const char *path, int flags, mode_t mode, struct stat *status) {
  int fd = open_path(path, flags | O_NONBLOCK | O_NOCTTY, mode);
  if (fd < 0 || fstat(fd, status) != 0) refuse("open", NULL);
  /* Something else may have replaced it since then. */
  if (!S_ISREG(status->st_mode)) refuse_with(EINVAL, "regular");
  return fd;
}

/* ---- list ---- */

struct names {
  char (*sorted)[NAME_ROOM];
  size_t count, most;
};

/* Keeps the first names in the order of their bytes. */
static void keep_name(struct names *names, const char *name) {
  size_t length = strlen(name);
  if (length >= NAME_ROOM) return;
  if (names->count == names->most && strcmp(name, names->sorted[names->count - 1]) >= 0) return;
  size_t low = 0, high = names->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (strcmp(names->sorted[middle], name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (names->count < names->most) names->count++;
  memmove(names->sorted[low + 1], names->sorted[low], (names->count - 1 - low) * NAME_ROOM);
  memcpy(names->sorted[low], name, length + 1);
}

/* Writes an entry of a folder. Returns how many bytes it takes. */
static size_t put_entry(int folder, const char *name) {
  struct stat status;
  char target[PATH_ROOM] = "";
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    /* It was removed since then, or the folder may be read but not searched. */
    if (errno == ENOENT) return 0;
    refuse("entry", name);
  }
  if (S_ISLNK(status.st_mode) && readlinkat(folder, name, target, sizeof target - 1) < 0) target[0] = '\0';
  put_token("entry");
  put_token(name);
  put_status(&status);
  put_token(target);
  return strlen(name) + strlen(target) + NAME_ROOM;
}

static void list_folder(const char *path, size_t most, const char *after) {
  int fd = open_path(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (folder == NULL) refuse("open", NULL);
  /* One name more than was asked for shows whether there are more. */
  struct names names = {.sorted = must_allocate(most + 1, NAME_ROOM), .most = most + 1};
  for (struct dirent *entry; errno = 0, (entry = readdir(folder)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, after) > 0)
      keep_name(&names, entry->d_name);
  if (errno != 0) refuse("read", NULL);
  size_t bytes = 0, given = 0;
  for (; given < names.count && given < most && bytes < FILES_PAGE_BYTES; given++)
    bytes += put_entry(fd, names.sorted[given]);
  if (given < names.count) put_token("more");
}

static void list(const struct request *request) {
  size_t most = (size_t)number_of(request->tokens[3], 10, ENTRIES_MOST);
  struct stat status;
  int fd = look(request->tokens[2], &status);
  if (fd < 0) refuse("open", NULL);
  put_token("ok");
  put_status(&status);
  if (S_ISDIR(status.st_mode) && most > 0) list_folder(request->tokens[2], most, request->tokens[4]);
  put_token("end");
}

/* ---- read ---- */

static void read_file(const struct request *request) {
  uint64_t offset = number_of(request->tokens[3], 10, INT64_MAX), left = number_of(request->tokens[4], 10, INT64_MAX);
  static char piece[PIECE];
  struct stat status;
  if (look(request->tokens[2], &status) < 0) refuse("open", NULL);
  if (!S_ISREG(status.st_mode)) refuse_with(EINVAL, "regular");
  int fd = open_regular(request->tokens[2], O_RDONLY, 0, &status);
  put_token("ok");
  put_status(&status);
  while (left > 0) {
    long count = RETRY(pread(fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)offset));
    if (count < 0) refuse("read", NULL);
    if (count == 0) break;
    put_token("data");
    put_number("%ld", count);
    put(piece, (size_t)count);
    offset += (uint64_t)count;
    left -= (uint64_t)count;
  }
  put_token("end");
}

/* ---- write ---- */

/* Makes the folders of a path that are missing, but not its last component. */
static void make_parents(const char *path) {
  char parent[PATH_ROOM];
  for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    size_t length = (size_t)(slash - path);
    if (slash[1] == '\0' || length >= sizeof parent) return;
    memcpy(parent, path, length);
    parent[length] = '\0';
    if (mkdir(parent, 0755) != 0 && errno != EEXIST) refuse("folder", parent);
  }
}

static void write_all_at(int fd, const char *bytes, size_t length, off_t offset) {
  while (length > 0) {
    long written = RETRY(pwrite(fd, bytes, length, offset));
    if (written < 0) refuse("write", NULL);
    bytes += written;
    length -= (size_t)written;
    offset += written;
  }
}

static void receive_into(int fd, const struct request *request, off_t offset, uint64_t length) {
  static char piece[PIECE];
  /* The bytes of the content that arrived with the request. */
  size_t ready = request->length - request->used;
  memcpy(piece, request->text + request->used, ready);
  while (length > 0) {
    long count = ready > 0 ? (long)ready : RETRY(recv(peer, piece, length < PIECE ? (size_t)length : PIECE, 0));
    if (count <= 0) _exit(1);
    ready = 0;
    if ((uint64_t)count > length) refuse_with(EINVAL, "request");
    length -= (uint64_t)count;
    write_all_at(fd, piece, (size_t)count, offset);
    offset += count;
  }
}

/* Gives what is complete its name. What cannot have it is not needed by anybody. */
static void move(const char *path, const char *to) {
  if (*to == '\0' || rename(path, to) == 0) return;
  int error = errno;
  unlink(path);
  refuse_with(error, "rename");
}

static void write_file(const struct request *request) {
  const char *path = request->tokens[2], *mode = request->tokens[3], *where = request->tokens[4];
  bool at_end = strcmp(where, "end") == 0;
  uint64_t offset = at_end ? 0 : number_of(where, 10, INT64_MAX), length = number_of(request->tokens[6], 10, INT64_MAX);
  mode_t bits = strcmp(mode, "-") == 0 ? 0644 : (mode_t)number_of(mode, 8, 07777);
  struct stat status;
  int place = look(path, &status);
  if (place < 0 && errno != ENOENT) refuse("open", NULL);
  bool exists = place >= 0;
  if (exists && !S_ISREG(status.st_mode)) refuse_with(EINVAL, "regular");
  char size[32];
  snprintf(size, sizeof size, "%lld", exists ? (long long)status.st_size : 0LL);
  /* Checked before the file is created. */
  if (!at_end && offset > (exists ? (uint64_t)status.st_size : 0)) errno = ERANGE, refuse("offset", size);
  if (!exists && strcmp(request->tokens[5], "1") == 0) make_parents(path);
  int fd = open_regular(path, O_WRONLY | O_CREAT, bits, &status);
  if (strcmp(mode, "-") != 0 && (status.st_mode & 07777) != bits && fchmod(fd, bits) != 0) refuse("mode", NULL);
  off_t at = at_end ? status.st_size : (off_t)offset;
  if (at != status.st_size && ftruncate(fd, at) != 0) refuse("write", NULL);
  receive_into(fd, request, at, length);
  if (fstat(fd, &status) != 0) refuse("write", NULL);
  move(path, request->tokens[7]);
  put_token("ok");
  put_status(&status);
  put_token("end");
}

static void make_folder(const struct request *request) {
  const char *path = request->tokens[2], *mode = request->tokens[3];
  mode_t bits = strcmp(mode, "-") == 0 ? 0755 : (mode_t)number_of(mode, 8, 07777);
  struct stat status;
  if (strcmp(request->tokens[4], "1") == 0) make_parents(path);
  bool made = mkdir(path, bits) == 0;
  if (!made && errno != EEXIST) refuse("folder", NULL);
  if (look(path, &status) < 0) refuse("open", NULL);
  if (!S_ISDIR(status.st_mode)) refuse_with(ENOTDIR, "folder");
  put_token("ok");
  put_status(&status);
  put_token("end");
}

static void make_link(const struct request *request) {
  const char *path = request->tokens[2], *to = request->tokens[5];
  struct stat status;
  if (strcmp(request->tokens[4], "1") == 0) make_parents(path);
  if (symlink(request->tokens[3], path) != 0 || lstat(path, &status) != 0) refuse("link", NULL);
  move(path, to);
  put_token("ok");
  put_status(&status);
  put_token("end");
}

/* ---- the process ---- */

static void act(const struct request *request) {
  static const struct {
    const char *name;
    size_t tokens;
    void (*run)(const struct request *request);
  } operations[] = {{"list", 5, list},
                    {"read", 5, read_file},
                    {"write", 8, write_file},
                    {"folder", 5, make_folder},
                    {"link", 6, make_link}};
  for (size_t i = 0; i < ARRAY_LENGTH(operations); i++) {
    if (request->count != operations[i].tokens || strcmp(request->tokens[1], operations[i].name) != 0) continue;
    operations[i].run(request);
    finish();
  }
  refuse_with(EINVAL, "request");
}

/* Leaves only these descriptors open: the connection as 3, the pidfd as 4, and the null device as 0 to 2. */
static void keep_only(int *connection, int *cell) {
  int first = fcntl(*connection, F_DUPFD, 5), second = fcntl(*cell, F_DUPFD, 5);
  if (first < 0 || second < 0 || dup2(first, 3) < 0 || dup2(second, 4) < 0) _exit(1);
  close_range(5, ~0u, 0);
  *connection = 3;
  *cell = 4;
}

void files_run(const struct plan *plan, int cell, int connection, const void *begun, size_t length) {
  keep_only(&connection, &cell);
  peer = connection;
  prctl(PR_SET_NAME, "cell-files");
  signal(SIGALRM, SIG_DFL);
  const struct itimerval most = {.it_value.tv_sec = FILES_MOST_S};
  if (setitimer(ITIMER_REAL, &most, NULL) != 0) _exit(1);
  /* The supervisor has its sockets non-blocking; this process has nothing else to do and may block. */
  if (fcntl(peer, F_SETFL, 0) != 0) _exit(1);
  send_bytes("ok\n", 3);
  struct report report;
  if (!join_enter(plan, cell, &report) || !command_confine(plan, &report)) {
    errno = report.error;
    refuse(report.step, NULL);
  }
  umask(0);
  static struct request request;
  memcpy(request.text, begun, length);
  request.length = length;
  receive_request(&request);
  act(&request);
  _exit(1);
}
