#define _GNU_SOURCE
#include "self_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* linux/memfd.h, since Linux 6.3; earlier kernels refuse the flag and do not need it. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define AT_ONCE (1 << 20)

static int make_memory(void) {
  int fd = memfd_create("cell", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  return fd >= 0 || errno != EINVAL ? fd : memfd_create("cell", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static bool copy_all(int to, int from) {
  long count;
  while ((count = RETRY(sendfile(to, from, NULL, AT_ONCE))) > 0) continue;
  return count == 0;
}

void ensure_self_copy(char **arguments) {
  AUTO_CLOSE int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (self < 0) die("/proc/self/exe: %s", strerror(errno));
  /* F_GET_SEALS fails for a file that is not a memfd. */
  if (fcntl(self, F_GET_SEALS) == SEALS) return;
  AUTO_CLOSE int copy = make_memory();
  if (copy < 0) die("a copy of the launcher in memory: %s", strerror(errno));
  /*
   * By default everyone may execute a memfd. Only its owner may execute this one, and in a cell of a root server the
   * owner has no id.
   */
  if (fchmod(copy, 0700) != 0 || !copy_all(copy, self) || fcntl(copy, F_ADD_SEALS, SEALS) != 0)
    die("a sealed copy of the launcher: %s", strerror(errno));
  char *none[] = {NULL};
  fexecve(copy, arguments, none);
  die("executing a sealed copy of the launcher (is vm.memfd_noexec 2?): %s", strerror(errno));
}
