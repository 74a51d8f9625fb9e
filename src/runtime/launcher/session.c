#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "util.h"

/* asm-generic/ioctls.h, since Linux 4.13. */
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static const char multiplexer[] = "/dev/pts/ptmx";

static int open_master(void) {
  AUTO_CLOSE int place = open(multiplexer, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct statfs system;
  if (place < 0 || fstatfs(place, &system) != 0) return -1;
  if (system.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENODEV;
    return -1;
  }
  /* A descriptor of O_PATH cannot be opened again without /proc: what is opened has to be the same file. */
  errno = 0;
  int master = open(multiplexer, O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat first, second;
  if (master >= 0 && fstat(place, &first) == 0 && fstat(master, &second) == 0 && first.st_dev == second.st_dev &&
      first.st_ino == second.st_ino)
    return master;
  close_fd(&master);
  if (errno == 0) errno = ENODEV;
  return -1;
}

static bool set_size(int fd, unsigned rows, unsigned columns) {
  const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(fd, TIOCSWINSZ, &size) == 0;
}

/* Erases whole characters, as a terminal in UTF-8 does (termios(3), IUTF8). */
static bool prepare(const struct plan *plan, const struct session *session) {
  struct termios modes;
  if (tcgetattr(session->slave, &modes) != 0) return false;
  modes.c_iflag |= IUTF8;
  return tcsetattr(session->slave, TCSANOW, &modes) == 0 &&
         set_size(session->master, plan->terminal_rows, plan->terminal_columns) &&
         fchown(session->slave, plan->uid, (gid_t)-1) == 0;
}

bool session_open(const struct plan *plan, struct session *session, struct report *report) {
  const int unlocked = 0;
  session->slave = -1;
  session->master = open_master();
  if (session->master >= 0 && ioctl(session->master, TIOCSPTLCK, &unlocked) == 0)
    session->slave = ioctl(session->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (session->slave >= 0 && prepare(plan, session)) return true;
  report_failure(report, "terminal", multiplexer);
  close_fd(&session->master);
  close_fd(&session->slave);
  return false;
}

bool session_control(int slave) {
  return ioctl(slave, TIOCSCTTY, 0) == 0;
}

bool session_resize(int master, unsigned rows, unsigned columns) {
  return set_size(master, rows, columns);
}

unsigned char session_end_of_input(int master) {
  struct termios modes;
  return tcgetattr(master, &modes) == 0 && modes.c_cc[VEOF] != 0 ? modes.c_cc[VEOF] : 4;
}

union room {
  char bytes[CMSG_SPACE(sizeof(int))];
  struct cmsghdr aligned;
};

bool session_send_bytes(int socket, const void *bytes, size_t length, int fd) {
  struct iovec part = {(void *)(uintptr_t)bytes, length};
  union room room = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  return RETRY(sendmsg(socket, &message, MSG_NOSIGNAL)) == (long)length;
}

long session_receive_bytes(int socket, void *bytes, size_t most, int *fd) {
  struct iovec part = {bytes, most};
  union room room = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
  *fd = -1;
  long length = RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
  struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    memcpy(fd, CMSG_DATA(header), sizeof *fd);
  return length;
}

bool session_send(int socket, const struct report *report, int fd) {
  return session_send_bytes(socket, report, sizeof *report, fd);
}

bool session_receive(int socket, struct report *report, int *fd) {
  if (session_receive_bytes(socket, report, sizeof *report, fd) == (long)sizeof *report) return true;
  close_fd(fd);
  return false;
}
