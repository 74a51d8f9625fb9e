/*
 * Fuzzes the reader of launch plans, plan_parse() in src/runtime/launcher/plan.c, under AddressSanitizer and
 * UndefinedBehaviorSanitizer. Whatever comes, it must neither crash nor leak, and
 *
 *   - a plan that it takes keeps the promises of plan.h;
 *   - written again and read again, such a plan is the same; with CLOISTER_FUZZ_CANONICAL in the environment
 *     the input is what encodePlan() of src/runtime/protocol/plan.ts wrote, is taken, and comes back byte by byte;
 *   - no prefix of such a plan is taken, and nothing with more after its end;
 *   - when memory runs out in any one place it calls die(), and no other time.
 *
 * A statement that plan.c learns has to be written by encode() and checked by check_promises().
 */
#define _GNU_SOURCE
#include "../../src/runtime/launcher/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "check.h"
#include "tokens.h"

#define NOTHING_FAILS SIZE_MAX

/* Every beginning of a plan up to this length is tried, and of a longer one a few. */
#define SHORT_PLAN 256
#define FEW 8

/* ---- memory that runs out where the harness says ---- */

static size_t allocations, failing = NOTHING_FAILS;
static jmp_buf died;

void *__real_reallocarray(void *array, size_t count, size_t size);
void *__wrap_reallocarray(void *array, size_t count, size_t size);
void __wrap_die(const char *format, ...) __attribute__((noreturn));

void *__wrap_reallocarray(void *array, size_t count, size_t size) {
  return allocations++ == failing ? NULL : __real_reallocarray(array, count, size);
}

void __wrap_die(const char *format, ...) {
  (void)format;
  CHECK(allocations == failing + 1);
  longjmp(died, 1);
}

/* ---- reading ---- */

static uint32_t hash(const uint8_t *data, size_t size) {
  uint32_t value = 0x811c9dc5;
  for (size_t i = 0; i < size; i++) value = (value ^ data[i]) * 0x01000193;
  return value;
}

/* Reads a copy that is no longer than it has to be, so that a read past its end is noticed. */
static bool parse(struct plan *plan, const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  CHECK(text != NULL);
  memcpy(text, data, size);
  text[size] = '\0';
  allocations = 0;
  const char *wrong = plan_parse(plan, text, size);
  /* All of the message can be read. */
  CHECK(wrong == NULL || strlen(wrong) <= PLAN_MOST);
  return wrong == NULL;
}

static bool is_taken(const uint8_t *data, size_t size) {
  struct plan plan;
  bool taken = parse(&plan, data, size);
  plan_free(&plan);
  return taken;
}

/* ---- what plan.h promises ---- */

static const char *first, *last;

static void check_string(const char *string) {
  CHECK(string >= first && string < last);
  CHECK(memchr(string, '\0', (size_t)(last - string)) != NULL);
}

static void check_path(const char *path) {
  check_string(path);
  CHECK(path[0] == '/');
}

static void check_name(const char *name) {
  check_string(name);
  CHECK(*name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

static void check_ranges(const struct id_range *ranges, size_t count) {
  CHECK(count > 0);
  for (size_t i = 0; i < count; i++) CHECK(ranges[i].count > 0);
}

static void check_step(const struct step *step) {
  CHECK(step->fd == -1);
  check_path(step->path);
  switch (step->kind) {
    case STEP_MOUNT:
      check_string(step->type);
      check_string(step->source);
      check_string(step->options);
      break;
    case STEP_BIND:
      check_path(step->source);
      break;
    case STEP_GIVEN:
      check_name(step->source);
      break;
    case STEP_FILE:
    case STEP_SYMLINK:
    case STEP_WRITE:
      check_string(step->text);
      break;
    case STEP_DEVICE:
    case STEP_MKDIR:
    case STEP_MASK:
    case STEP_SEAL:
    case STEP_REBIND:
      break;
  }
  CHECK(step->mode <= 07777);
}

static void check_list(char **list, size_t count) {
  for (size_t i = 0; i < count; i++) check_string(list[i]);
  CHECK(list[count] == NULL);
}

static void check_promises(const struct plan *plan, size_t size) {
  first = plan->text;
  last = plan->text + size;
  if (plan->cgroup != NULL) check_path(plan->cgroup);
  if (plan->oom_score != NULL) check_string(plan->oom_score);
  for (size_t i = 0; i < plan->settings_count; i++) {
    check_name(plan->settings[i].file);
    check_string(plan->settings[i].value);
  }
  for (size_t i = 0; i < plan->collect_count; i++) check_name(plan->collect[i]);
  check_ranges(plan->uids, plan->uids_count);
  check_ranges(plan->gids, plan->gids_count);
  check_path(plan->image);
  check_string(plan->root_options);
  CHECK(plan->lowers_count < LOWERS_MOST);
  for (size_t i = 0; i < plan->lowers_count; i++) check_path(plan->lowers[i]);
  if (*plan->overlay_options != '\0') check_string(plan->overlay_options);
  for (size_t i = 0; i < plan->steps_count; i++) check_step(&plan->steps[i]);
  if (plan->hostname != NULL) CHECK(*plan->hostname != '\0');
  CHECK(plan->arguments_count > 0);
  check_list(plan->arguments, plan->arguments_count);
  check_list(plan->environment, plan->environment_count);
  for (size_t i = 0; i < plan->environment_count; i++) CHECK(strchr(plan->environment[i], '=') > plan->environment[i]);
  check_path(plan->workdir);
  if (plan->files != NULL) check_path(plan->files);
  for (size_t i = 0; i < plan->artifacts_count; i++) {
    check_path(plan->artifacts[i].path);
    check_string(plan->artifacts[i].pattern);
  }
  CHECK(plan->uid != UINT32_MAX && plan->gid != UINT32_MAX);
  for (size_t i = 0; i < plan->limits_count; i++) CHECK(plan->limits[i].soft <= plan->limits[i].hard);
  CHECK((plan->filter == NULL) == (plan->filter_length == 0) && plan->filter_length <= BPF_MAXINSNS);
  CHECK(plan->umask <= 07777);
  CHECK(plan->stop_signal >= 1 && plan->stop_signal <= 64);
  /* Neither is beyond what signed arithmetic in nanoseconds and file offsets can take. */
  CHECK(plan->timeout_ms <= INT64_MAX / 1000000);
  CHECK(plan->cpu_time_us <= (uint64_t)INT64_MAX / 1000);
  CHECK(plan->cpu_time_us == 0 || plan->cgroup != NULL);
  CHECK(plan->output_bytes <= INT64_MAX);
  CHECK(plan->tail_bytes <= plan->output_bytes);
}

/* ---- writing a plan again, in the order of encodePlan() ---- */

struct text {
  char *bytes;
  size_t length;
};

static void put(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(FILE *stream, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stream, format, arguments);
  va_end(arguments);
  fputc('\0', stream);
}

static void put_number(FILE *stream, uint64_t number) {
  put(stream, "%llu", (unsigned long long)number);
}

static void put_ranges(FILE *stream, const char *name, const struct id_range *ranges, size_t count) {
  for (size_t i = 0; i < count; i++) {
    put(stream, "%s", name);
    put_number(stream, ranges[i].inside);
    put_number(stream, ranges[i].outside);
    put_number(stream, ranges[i].count);
  }
}

static void put_step(FILE *stream, const struct step *step) {
  switch (step->kind) {
    case STEP_MOUNT:
      put(stream, "mount");
      put(stream, "%s", step->type);
      put(stream, "%s", step->source);
      put(stream, "%s", step->path);
      put_number(stream, step->attributes);
      put(stream, "%s", step->options);
      break;
    case STEP_BIND:
      put(stream, "bind");
      put(stream, "%s", step->source);
      put(stream, "%s", step->path);
      put_number(stream, step->attributes);
      break;
    case STEP_GIVEN:
      put(stream, "given%c%s%c%s", 0, step->source, 0, step->path);
      put_number(stream, step->attributes);
      break;
    case STEP_DEVICE:
      put(stream, "device");
      put(stream, "%s", step->path);
      put_number(stream, step->mode);
      put_number(stream, major(step->device));
      put_number(stream, minor(step->device));
      put_number(stream, step->attributes);
      break;
    case STEP_MKDIR:
      put(stream, "mkdir");
      put(stream, "%s", step->path);
      put_number(stream, step->mode);
      break;
    case STEP_FILE:
      put(stream, "file");
      put(stream, "%s", step->path);
      put_number(stream, step->mode);
      put(stream, "%s", step->text);
      break;
    case STEP_SYMLINK:
      put(stream, "symlink");
      put(stream, "%s", step->text);
      put(stream, "%s", step->path);
      break;
    case STEP_WRITE:
      put(stream, "write%c%s%c%s", 0, step->path, 0, step->text);
      break;
    case STEP_MASK:
      put(stream, "mask%c%s", 0, step->path);
      put_number(stream, step->folder);
      break;
    case STEP_SEAL:
      put(stream, "seal%c%s", 0, step->path);
      put_number(stream, step->attributes);
      break;
    case STEP_REBIND:
      put(stream, "rebind%c%s", 0, step->path);
      put_number(stream, step->attributes);
      break;
  }
}

static void put_artifacts(FILE *stream, const struct plan *plan) {
  const uint64_t bounds[] = {plan->artifact_bytes, plan->artifact_entries, plan->artifact_time_ms,
                             plan->artifact_spare_bytes};
  uint64_t any = plan->artifacts_count;
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) any |= bounds[i];
  if (any == 0) return;
  put(stream, "artifacts");
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) put_number(stream, bounds[i]);
  for (size_t i = 0; i < plan->artifacts_count; i++)
    put(stream, "artifact%c%s%c%s", 0, plan->artifacts[i].path, 0, plan->artifacts[i].pattern);
}

static void put_all(FILE *stream, const struct plan *plan) {
  static const char *const scopes[] = {"command", "group", "cell"};
  put(stream, "cell-plan");
  put(stream, "1");
  if (plan->joins != NULL) put(stream, "join%c%s", 0, plan->joins);
  if (plan->cgroup != NULL) put(stream, "cgroup%c%s", 0, plan->cgroup);
  for (size_t i = 0; i < plan->settings_count; i++) {
    put(stream, "set%c%s%c%s", 0, plan->settings[i].file, 0, plan->settings[i].value);
    put_number(stream, plan->settings[i].optional);
  }
  for (size_t i = 0; i < plan->collect_count; i++) put(stream, "collect%c%s", 0, plan->collect[i]);
  put_ranges(stream, "uids", plan->uids, plan->uids_count);
  put_ranges(stream, "gids", plan->gids, plan->gids_count);
  put(stream, "root%c%s%c%s", 0, plan->image, 0, plan->root_options);
  for (size_t i = 0; i < plan->lowers_count; i++) put(stream, "lower%c%s", 0, plan->lowers[i]);
  if (plan->has_owners) {
    put(stream, "owners");
    put_number(stream, plan->owner_uid);
    put_number(stream, plan->owner_gid);
  }
  put(stream, "overlay%c%s", 0, plan->overlay_options);
  if (plan->files != NULL) put(stream, "files%c%s%c%u%c%u", 0, plan->files, 0, plan->files_uid, 0, plan->files_gid);
  for (size_t i = 0; i < plan->steps_count; i++) put_step(stream, &plan->steps[i]);
  if (plan->hostname != NULL) put(stream, "hostname%c%s", 0, plan->hostname);
  if (plan->has_clocks) {
    put(stream, "clocks");
    put_number(stream, plan->clocks_start_s);
  }
  for (size_t i = 0; i < plan->arguments_count; i++) put(stream, "argument%c%s", 0, plan->arguments[i]);
  for (size_t i = 0; i < plan->environment_count; i++) put(stream, "variable%c%s", 0, plan->environment[i]);
  put(stream, "workdir%c%s", 0, plan->workdir);
  put(stream, "user%c%u%c%u", 0, plan->uid, 0, plan->gid);
  for (size_t i = 0; i < plan->groups_count; i++) put(stream, "group%c%u", 0, plan->groups[i]);
  if (plan->capabilities != 0) {
    put(stream, "capabilities");
    put_number(stream, plan->capabilities);
  }
  if (plan->oom_score != NULL) put(stream, "oom%c%s", 0, plan->oom_score);
  if (plan->keeps_groups) put(stream, "keepgroups");
  for (size_t i = 0; i < plan->limits_count; i++) {
    put(stream, "limit%c%u", 0, plan->limits[i].resource);
    put_number(stream, plan->limits[i].soft);
    put_number(stream, plan->limits[i].hard);
  }
  if (plan->filter != NULL) {
    put(stream, "seccomp");
    const unsigned char *bytes = (const unsigned char *)plan->filter;
    for (size_t i = 0; i < plan->filter_length * sizeof *plan->filter; i++) fprintf(stream, "%02x", bytes[i]);
    fputc('\0', stream);
  }
  put(stream, "umask%c%u", 0, plan->umask);
  if (plan->keeps_layer) put(stream, "keep");
  if (plan->idle) put(stream, "idle");
  put_artifacts(stream, plan);
  if (plan->has_stdin) put(stream, "stdin");
  if (plan->opens_stdin) put(stream, "input");
  if (plan->has_terminal) {
    put(stream, "terminal");
    put_number(stream, plan->terminal_rows);
    put_number(stream, plan->terminal_columns);
  }
  put(stream, "stop");
  put_number(stream, (uint64_t)plan->stop_signal);
  put(stream, "%s", scopes[plan->stop_scope]);
  put(stream, "timeout");
  put_number(stream, plan->timeout_ms);
  if (plan->cpu_time_us != 0) {
    put(stream, "cputime");
    put_number(stream, plan->cpu_time_us);
  }
  put(stream, "output");
  put_number(stream, plan->output_bytes);
  if (plan->tail_bytes != 0) {
    put(stream, "tail");
    put_number(stream, plan->tail_bytes);
  }
  put(stream, "end");
}

static struct text encode(const struct plan *plan) {
  struct text text = {0};
  FILE *stream = open_memstream(&text.bytes, &text.length);
  CHECK(stream != NULL);
  put_all(stream, plan);
  CHECK(fclose(stream) == 0);
  return text;
}

static void check_written_again(const struct plan *plan, const uint8_t *data, size_t size) {
  struct text once = encode(plan);
  if (getenv("CLOISTER_FUZZ_CANONICAL") != NULL) CHECK(once.length == size && memcmp(once.bytes, data, size) == 0);
  struct plan again;
  CHECK(parse(&again, (const uint8_t *)once.bytes, once.length));
  struct text twice = encode(&again);
  CHECK(once.length == twice.length && memcmp(once.bytes, twice.bytes, once.length) == 0);
  plan_free(&again);
  free(once.bytes);
  free(twice.bytes);
}

/* ---- the properties ---- */

static void check_cut(const uint8_t *data, size_t size) {
  uint32_t seed = hash(data, size);
  size_t count = size <= SHORT_PLAN ? size : FEW;
  for (size_t i = 0; i < count; i++) {
    size_t length = size <= SHORT_PLAN ? i : i == 0 ? size - 1 : (seed = seed * 48271 + 1) % size;
    CHECK(!is_taken(data, length));
  }
}

static void check_longer(const uint8_t *data, size_t size) {
  uint8_t *longer = malloc(size + 1);
  CHECK(longer != NULL);
  memcpy(longer, data, size);
  longer[size] = (uint8_t)hash(data, size);
  CHECK(!is_taken(longer, size + 1));
  free(longer);
}

/* Static: what setjmp() returns to may not lie in registers. */
static struct plan starved;

static void check_out_of_memory(const uint8_t *data, size_t size, size_t needed) {
  failing = hash(data, size) % needed;
  if (setjmp(died) == 0) {
    parse(&starved, data, size);
    CHECK(!"the memory ran out, and die() was not called");
  }
  failing = NOTHING_FAILS;
  plan_free(&starved);
}

/* libFuzzer asks this for a new input, and offers its own way to make one. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  uint32_t random = seed * 2654435761u;
  if (random >> 31 == 0) return LLVMFuzzerMutate(data, size, most);
  return mutate_tokens(data, size, most, random);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct plan plan;
  bool taken = parse(&plan, data, size);
  size_t needed = allocations;
  CHECK(taken || getenv("CLOISTER_FUZZ_CANONICAL") == NULL);
  if (taken) {
    check_promises(&plan, size);
    check_written_again(&plan, data, size);
    check_cut(data, size);
    check_longer(data, size);
  }
  plan_free(&plan);
  if (needed > 0) check_out_of_memory(data, size, needed);
  return 0;
}
