/*
 * Makes system calls and prints the errno of each, or 0: probe NUMBER[:ARGUMENT]... ...
 * Numbers as in C. "int80" makes one by the entry that is meant for 32-bit programs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long call(char *text) {
  long value[7] = {0};
  for (int i = 0; i < 7; i++) {
    char *word = strsep(&text, ":");
    if (word == NULL) break;
    value[i] = (long)strtoull(word, NULL, 0);
  }
  return syscall(value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
}

static long call_as_32_bit(void) {
#ifdef __x86_64__
  long result;
  /* 20 is getpid there. */
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
  return result;
#else
  return -1;
#endif
}

int main(int count, char **words) {
  for (int i = 1; i < count; i++) {
    errno = 0;
    long result = strcmp(words[i], "int80") == 0 ? call_as_32_bit() : call(words[i]);
    printf("%d\n", result < 0 ? errno : 0);
    fflush(stdout);
  }
  return 0;
}
