/*
 * packets COUNT: writes as many single bytes to standard output, each of which a reader has to read by itself
 * (O_DIRECT of pipe(2)).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count != 2 || fcntl(1, F_SETFL, O_DIRECT) != 0) return 1;
  for (long left = atol(arguments[1]); left > 0; left--)
    if (write(1, "x", 1) != 1) return 2;
  return 0;
}
