#define _GNU_SOURCE
#include "capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* The most capabilities: a set has a bit for each. */
#define CAPABILITIES_MOST 64

#define VERSION \
  { .version = _LINUX_CAPABILITY_VERSION_3 }

bool set_capabilities(uint64_t set) {
  struct __user_cap_header_struct header = VERSION;
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  for (unsigned i = 0; i < ARRAY_LENGTH(data); i++) data[i].effective = data[i].permitted = (uint32_t)(set >> (32 * i));
  return syscall(SYS_capset, &header, data) == 0;
}

bool bound_capabilities(uint64_t bounds) {
  for (int capability = 0; capability < CAPABILITIES_MOST; capability++) {
    if ((bounds >> capability & 1) != 0 || prctl(PR_CAPBSET_DROP, capability) == 0) continue;
    /* This kernel knows no more of them. */
    if (errno == EINVAL) break;
    return false;
  }
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

bool drop_capabilities(uint64_t keep) {
  return bound_capabilities(0) && set_capabilities(keep);
}

bool raise_capabilities(void) {
  struct __user_cap_header_struct header = VERSION;
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (unsigned i = 0; i < ARRAY_LENGTH(data); i++) data[i].effective = data[i].permitted;
  return syscall(SYS_capset, &header, data) == 0;
}
