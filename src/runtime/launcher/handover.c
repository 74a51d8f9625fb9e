#define _GNU_SOURCE
#include "handover.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

union room {
  char bytes[CMSG_SPACE(HANDOVER_FDS * sizeof(int))];
  struct cmsghdr aligned;
};

static void list(struct handover *handover, int *fds[HANDOVER_FDS]) {
  fds[0] = &handover->plan;
  fds[1] = &handover->channel;
  for (int i = 0; i < 3; i++) fds[2 + i] = &handover->streams[i];
}

/* The message has a bit for each descriptor, which says whether it is passed. */
bool handover_send(int socket, const struct handover *handover) {
  struct handover copy = *handover;
  int *all[HANDOVER_FDS], fds[HANDOVER_FDS];
  list(&copy, all);
  uint32_t present = 0;
  size_t count = 0;
  for (size_t i = 0; i < HANDOVER_FDS; i++) {
    if (*all[i] < 0) continue;
    present |= 1u << i;
    fds[count++] = *all[i];
  }
  struct iovec part = {&present, sizeof present};
  union room room = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  return RETRY(sendmsg(socket, &message, MSG_NOSIGNAL)) == (long)sizeof present;
}

bool handover_receive(int socket, struct handover *handover) {
  uint32_t present = 0;
  struct iovec part = {&present, sizeof present};
  union room room = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
  *handover = (struct handover){-1, -1, {-1, -1, -1}};
  long length = RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
  struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);
  size_t count = 0;
  int fds[HANDOVER_FDS] = {0};
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  if (count > 0) memcpy(fds, CMSG_DATA(header), count * sizeof(int));
  bool whole = length == (long)sizeof present && (size_t)__builtin_popcount(present) == count;
  int *all[HANDOVER_FDS];
  list(handover, all);
  for (size_t i = 0, next = 0; whole && i < HANDOVER_FDS; i++)
    if ((present & 1u << i) != 0) *all[i] = fds[next++];
  if (whole) return true;
  for (size_t i = 0; i < count; i++) close_fd(&fds[i]);
  errno = EPROTO;
  return false;
}
