/*
 * Changes an input of NUL-terminated tokens token by token, which changing its bytes hardly ever does: one is
 * replaced by another that means something, moved, doubled or taken away, or a number becomes the next one.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_INPUT 4096

static const char *const telling_tokens[] = {
    "",
    "0",
    "1",
    "4095",
    "4096",
    "4294967294",
    "4294967295",
    "4294967296",
    "9223372036854",
    "9223372036855",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "+1",
    " 1",
    "0x1",
    "1e3",
    "/",
    "/..",
    ".",
    "..",
    "a/b",
    "=",
    "=x",
    "x=",
    "x",
    "cell-plan",
    "end",
};

/* A piece of the input. */
struct piece {
  const uint8_t *at;
  size_t length;
};

/* Token number `index`, with its NUL. */
static struct piece token_at(const uint8_t *data, size_t size, size_t index) {
  const uint8_t *at = data;
  for (;;) {
    const uint8_t *nul = memchr(at, '\0', size - (size_t)(at - data));
    size_t length = nul == NULL ? size - (size_t)(at - data) : (size_t)(nul - at) + 1;
    if (index-- == 0 || nul == NULL) return (struct piece){at, length};
    at = nul + 1;
  }
}

static size_t count_tokens(const uint8_t *data, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += data[i] == '\0';
  return count;
}

static struct piece telling_token(uint32_t random) {
  const char *token = telling_tokens[random % (sizeof telling_tokens / sizeof telling_tokens[0])];
  return (struct piece){(const uint8_t *)token, strlen(token) + 1};
}

/* The number before or after the one that a token is; other tokens become 0 or 1. */
static struct piece neighbour(struct piece token, uint32_t random) {
  static char text[32];
  char digits[32] = {0};
  if (token.length > 0 && token.length < sizeof digits) memcpy(digits, token.at, token.length - 1);
  unsigned long long number = strtoull(digits, NULL, 10) + (random % 2 == 0 ? 1 : -1ull);
  return (struct piece){(uint8_t *)text, (size_t)snprintf(text, sizeof text, "%llu", number) + 1};
}

/* Changes `data` in place and returns its new size, `most` at most. */
static size_t mutate_tokens(uint8_t *data, size_t size, size_t most, uint32_t random) {
  static uint8_t changed[2 * TOKEN_INPUT];
  if (size == 0 || size > TOKEN_INPUT) return size;
  size_t count = count_tokens(data, size) + 1;
  struct piece token = token_at(data, size, random / 16 % count);
  struct piece other = token_at(data, size, random / 65536 % count);
  struct piece pieces[4] = {{data, (size_t)(token.at - data)}, token, {NULL, 0}, {token.at + token.length, 0}};
  pieces[3].length = size - (size_t)(pieces[3].at - data);
  switch (random % 8) {
    case 0:
    case 1:
      pieces[1] = telling_token(random / 65536);
      break;
    case 2:
    case 3:
      pieces[1] = neighbour(token, random / 65536);
      break;
    case 4:
      pieces[1].length = 0;
      break;
    case 5:
      pieces[2] = token;
      break;
    case 6:
      pieces[1] = other;
      break;
    default:
      pieces[2] = other;
      break;
  }
  size_t length = 0;
  for (size_t i = 0; i < 4; i++) {
    if (length + pieces[i].length > most || length + pieces[i].length > sizeof changed) return size;
    if (pieces[i].length > 0) memcpy(changed + length, pieces[i].at, pieces[i].length);
    length += pieces[i].length;
  }
  memcpy(data, changed, length);
  return length;
}

#endif
