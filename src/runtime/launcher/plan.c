#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "util.h"

#define MOST_TOKENS 6
/* A hundred years, which in nanoseconds still fit well into an int64_t. */
#define CPU_TIME_MOST_US 3155760000000000u
#define CLOCKS_MOST_S 3155760000u

struct reader {
  char *position, *end;
};

static char *next_token(struct reader *reader) {
  if (reader->position >= reader->end) return NULL;
  char *token = reader->position;
  char *nul = memchr(token, '\0', (size_t)(reader->end - token));
  if (nul == NULL) return NULL;
  reader->position = nul + 1;
  return token;
}

/* Parses decimal digits only: no sign, no space, no overflow. */
static bool parse_number(const char *token, uint64_t most, uint64_t *number) {
  if (*token == '\0' || strspn(token, "0123456789") != strlen(token)) return false;
  errno = 0;
  unsigned long long value = strtoull(token, NULL, 10);
  if (errno != 0 || value > most) return false;
  *number = value;
  return true;
}

static bool parse_u32(const char *token, uint32_t *number) {
  uint64_t value;
  if (!parse_number(token, UINT32_MAX, &value)) return false;
  *number = (uint32_t)value;
  return true;
}

/* Makes room for one more element after `count` of them: the array is doubled at powers of two. */
static void *grow(void *array, size_t count, size_t size) {
  if (count != 0 && (count & (count - 1)) != 0) return array;
  void *larger = reallocarray(array, count == 0 ? 1 : count * 2, size);
  if (larger == NULL) die("out of memory");
  memset((char *)larger + count * size, 0, (count == 0 ? 1 : count) * size);
  return larger;
}

#define APPEND(array, count)                           \
  (__extension__({                                     \
    (array) = grow((array), (count), sizeof *(array)); \
    &(array)[(count)++];                               \
  }))

static void append_string(char ***array, size_t *count, char *string) {
  *array = grow(*array, *count, sizeof **array);
  (*array)[(*count)++] = string;
  *array = grow(*array, *count, sizeof **array);
  (*array)[*count] = NULL;
}

static bool is_absolute(const char *path) {
  return path[0] == '/';
}

static bool set_cgroup(struct plan *plan, char **token) {
  plan->cgroup = token[0];
  return is_absolute(token[0]);
}

/* Whether a token is the name of an entry of a folder, and not a path. */
static bool is_file_name(const char *name) {
  return *name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool add_setting(struct plan *plan, char **token) {
  uint64_t optional;
  if (!is_file_name(token[0]) || !parse_number(token[2], 1, &optional)) return false;
  *APPEND(plan->settings, plan->settings_count) =
      (struct cgroup_setting){.file = token[0], .value = token[1], .optional = optional == 1};
  return true;
}

static bool add_collect(struct plan *plan, char **token) {
  *APPEND(plan->collect, plan->collect_count) = token[0];
  return is_file_name(token[0]);
}

static bool parse_range(char **token, struct id_range *range) {
  return parse_u32(token[0], &range->inside) && parse_u32(token[1], &range->outside) &&
         parse_u32(token[2], &range->count) && range->count > 0;
}

static bool add_uids(struct plan *plan, char **token) {
  return parse_range(token, APPEND(plan->uids, plan->uids_count));
}

static bool add_gids(struct plan *plan, char **token) {
  return parse_range(token, APPEND(plan->gids, plan->gids_count));
}

static bool set_root(struct plan *plan, char **token) {
  plan->image = token[0];
  plan->root_options = token[1];
  return is_absolute(token[0]);
}

static bool add_lower(struct plan *plan, char **token) {
  *APPEND(plan->lowers, plan->lowers_count) = token[0];
  return is_absolute(token[0]) && plan->lowers_count < LOWERS_MOST;
}

static bool set_owners(struct plan *plan, char **token) {
  plan->has_owners = true;
  return parse_u32(token[0], &plan->owner_uid) && parse_u32(token[1], &plan->owner_gid);
}

static bool set_overlay(struct plan *plan, char **token) {
  plan->overlay_options = token[0];
  return true;
}

static bool set_keepgroups(struct plan *plan, char **token) {
  (void)token;
  plan->keeps_groups = true;
  return true;
}

static struct step *append_step(struct plan *plan, enum step_kind kind, const char *path) {
  struct step *step = APPEND(plan->steps, plan->steps_count);
  *step = (struct step){.kind = kind, .path = path, .fd = -1};
  return step;
}

static bool add_mount(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_MOUNT, token[2]);
  step->type = token[0];
  step->source = token[1];
  step->options = token[4];
  return is_absolute(token[2]) && parse_number(token[3], UINT32_MAX, &step->attributes);
}

static bool add_bind(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_BIND, token[1]);
  step->source = token[0];
  return is_absolute(token[0]) && is_absolute(token[1]) && parse_number(token[2], UINT32_MAX, &step->attributes);
}

static bool parse_mode(const char *token, mode_t *mode) {
  uint64_t value;
  if (!parse_number(token, 07777, &value)) return false;
  *mode = (mode_t)value;
  return true;
}

static bool add_device(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_DEVICE, token[0]);
  uint32_t major, minor;
  if (!is_absolute(token[0]) || !parse_mode(token[1], &step->mode)) return false;
  if (!parse_u32(token[2], &major) || !parse_u32(token[3], &minor)) return false;
  step->device = makedev(major, minor);
  return parse_number(token[4], UINT32_MAX, &step->attributes);
}

static bool add_mkdir(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_MKDIR, token[0]);
  return is_absolute(token[0]) && parse_mode(token[1], &step->mode);
}

static bool add_file(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_FILE, token[0]);
  step->text = token[2];
  return is_absolute(token[0]) && parse_mode(token[1], &step->mode);
}

static bool add_symlink(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_SYMLINK, token[1]);
  step->text = token[0];
  return is_absolute(token[1]);
}

static bool add_write(struct plan *plan, char **token) {
  append_step(plan, STEP_WRITE, token[0])->text = token[1];
  return is_absolute(token[0]);
}

static bool add_mask(struct plan *plan, char **token) {
  uint64_t folder;
  struct step *step = append_step(plan, STEP_MASK, token[0]);
  if (!parse_number(token[1], 1, &folder)) return false;
  step->folder = folder != 0;
  return strncmp(token[0], "/proc/", 6) == 0;
}

static bool add_seal(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_SEAL, token[0]);
  return is_absolute(token[0]) && parse_number(token[1], UINT32_MAX, &step->attributes);
}

static bool add_rebind(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_REBIND, token[0]);
  return is_absolute(token[0]) && parse_number(token[1], UINT32_MAX, &step->attributes);
}

static bool set_files(struct plan *plan, char **token) {
  plan->files = token[0];
  return is_absolute(token[0]) && parse_u32(token[1], &plan->files_uid) && parse_u32(token[2], &plan->files_gid);
}

static bool add_given(struct plan *plan, char **token) {
  struct step *step = append_step(plan, STEP_GIVEN, token[1]);
  step->source = token[0];
  return is_file_name(token[0]) && is_absolute(token[1]) && parse_number(token[2], UINT32_MAX, &step->attributes);
}

static bool set_oom(struct plan *plan, char **token) {
  uint64_t value;
  plan->oom_score = token[0];
  return parse_number(token[0], 1000, &value);
}

static bool set_capabilities(struct plan *plan, char **token) {
  return parse_number(token[0], UINT64_MAX, &plan->capabilities);
}

static bool set_clocks(struct plan *plan, char **token) {
  plan->has_clocks = true;
  return parse_number(token[0], CLOCKS_MOST_S, &plan->clocks_start_s);
}

static bool set_hostname(struct plan *plan, char **token) {
  plan->hostname = token[0];
  return *token[0] != '\0';
}

static bool add_argument(struct plan *plan, char **token) {
  append_string(&plan->arguments, &plan->arguments_count, token[0]);
  return true;
}

static bool add_variable(struct plan *plan, char **token) {
  append_string(&plan->environment, &plan->environment_count, token[0]);
  return strchr(token[0], '=') != NULL && token[0][0] != '=';
}

static bool set_workdir(struct plan *plan, char **token) {
  plan->workdir = token[0];
  return is_absolute(token[0]);
}

static bool set_user(struct plan *plan, char **token) {
  return parse_u32(token[0], &plan->uid) && parse_u32(token[1], &plan->gid) && plan->uid != UINT32_MAX &&
         plan->gid != UINT32_MAX;
}

static bool add_group(struct plan *plan, char **token) {
  return parse_u32(token[0], APPEND(plan->groups, plan->groups_count));
}

static bool add_limit(struct plan *plan, char **token) {
  struct resource_limit *limit = APPEND(plan->limits, plan->limits_count);
  return parse_u32(token[0], &limit->resource) && parse_number(token[1], UINT64_MAX, &limit->soft) &&
         parse_number(token[2], UINT64_MAX, &limit->hard) && limit->soft <= limit->hard;
}

/* Value of a digit as encodeProgram() writes it, or -1. */
static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Parses the bytes of the instructions as they are in memory. The kernel checks that they are a filter. */
static bool set_seccomp(struct plan *plan, char **token) {
  size_t digits = strlen(token[0]), width = 2 * sizeof *plan->filter;
  if (plan->filter != NULL || digits == 0 || digits % width != 0 || digits / width > BPF_MAXINSNS) return false;
  plan->filter_length = digits / width;
  plan->filter = reallocarray(NULL, plan->filter_length, sizeof *plan->filter);
  if (plan->filter == NULL) die("out of memory");
  unsigned char *bytes = (unsigned char *)plan->filter;
  for (size_t i = 0; i < digits / 2; i++) {
    int high = hex_digit(token[0][2 * i]), low = hex_digit(token[0][2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static bool set_umask(struct plan *plan, char **token) {
  return parse_mode(token[0], &plan->umask);
}

static bool set_stdin(struct plan *plan, char **token) {
  (void)token;
  plan->has_stdin = true;
  return true;
}

static bool set_terminal(struct plan *plan, char **token) {
  uint64_t rows, columns;
  if (!parse_number(token[0], UINT16_MAX, &rows) || !parse_number(token[1], UINT16_MAX, &columns)) return false;
  plan->has_terminal = true;
  plan->terminal_rows = (unsigned)rows;
  plan->terminal_columns = (unsigned)columns;
  return rows > 0 && columns > 0;
}

/* Parses the name of a job's folder, which must not lead elsewhere. */
static bool set_join(struct plan *plan, char **token) {
  plan->joins = token[0];
  return *token[0] != '\0' && *token[0] != '.' && strchr(token[0], '/') == NULL && strlen(token[0]) <= 64;
}

static bool set_input(struct plan *plan, char **token) {
  (void)token;
  plan->opens_stdin = true;
  return true;
}

static bool set_keep(struct plan *plan, char **token) {
  (void)token;
  plan->keeps_layer = true;
  return true;
}

static bool set_idle(struct plan *plan, char **token) {
  (void)token;
  plan->idle = true;
  return true;
}

static bool set_artifacts(struct plan *plan, char **token) {
  return parse_number(token[0], INT64_MAX, &plan->artifact_bytes) &&
         parse_number(token[1], UINT32_MAX, &plan->artifact_entries) &&
         parse_number(token[2], UINT32_MAX, &plan->artifact_time_ms) &&
         parse_number(token[3], INT64_MAX, &plan->artifact_spare_bytes);
}

static bool add_artifact(struct plan *plan, char **token) {
  *APPEND(plan->artifacts, plan->artifacts_count) = (struct artifact_plan){.path = token[0], .pattern = token[1]};
  return is_absolute(token[0]) && plan->artifacts_count <= ARTIFACTS_MOST;
}

static bool set_timeout(struct plan *plan, char **token) {
  return parse_number(token[0], INT64_MAX / 1000000, &plan->timeout_ms);
}

static bool set_output(struct plan *plan, char **token) {
  return parse_number(token[0], INT64_MAX, &plan->output_bytes);
}

static bool set_cpu_time(struct plan *plan, char **token) {
  return parse_number(token[0], CPU_TIME_MOST_US, &plan->cpu_time_us);
}

static bool set_tail(struct plan *plan, char **token) {
  return parse_number(token[0], INT64_MAX, &plan->tail_bytes);
}

static bool set_stop(struct plan *plan, char **token) {
  static const char *const scopes[] = {[SCOPE_COMMAND] = "command", [SCOPE_GROUP] = "group", [SCOPE_CELL] = "cell"};
  uint64_t number;
  if (!parse_number(token[0], KERNEL_SIGNALS, &number) || number == 0) return false;
  plan->stop_signal = (int)number;
  for (size_t i = 0; i < ARRAY_LENGTH(scopes); i++) {
    plan->stop_scope = (enum scope)i;
    if (strcmp(token[1], scopes[i]) == 0) return true;
  }
  return false;
}

static const struct statement {
  const char *name;
  size_t tokens;
  bool (*apply)(struct plan *plan, char **token);
} statements[] = {
    {"cgroup", 1, set_cgroup},
    {"set", 3, add_setting},
    {"collect", 1, add_collect},
    {"uids", 3, add_uids},
    {"gids", 3, add_gids},
    {"root", 2, set_root},
    {"mount", 5, add_mount},
    {"bind", 3, add_bind},
    {"device", 5, add_device},
    {"mkdir", 2, add_mkdir},
    {"file", 3, add_file},
    {"symlink", 2, add_symlink},
    {"hostname", 1, set_hostname},
    {"argument", 1, add_argument},
    {"variable", 1, add_variable},
    {"workdir", 1, set_workdir},
    {"user", 2, set_user},
    {"group", 1, add_group},
    {"limit", 3, add_limit},
    {"umask", 1, set_umask},
    {"stdin", 0, set_stdin},
    {"input", 0, set_input},
    {"terminal", 2, set_terminal},
    {"join", 1, set_join},
    {"timeout", 1, set_timeout},
    {"output", 1, set_output},
    {"owners", 2, set_owners},
    {"overlay", 1, set_overlay},
    {"keepgroups", 0, set_keepgroups},
    {"write", 2, add_write},
    {"mask", 2, add_mask},
    {"seal", 2, add_seal},
    {"rebind", 2, add_rebind},
    {"files", 3, set_files},
    {"given", 3, add_given},
    {"capabilities", 1, set_capabilities},
    {"oom", 1, set_oom},
    {"seccomp", 1, set_seccomp},
    {"clocks", 1, set_clocks},
    {"cputime", 1, set_cpu_time},
    {"tail", 1, set_tail},
    {"stop", 2, set_stop},
    {"lower", 1, add_lower},
    {"keep", 0, set_keep},
    {"idle", 0, set_idle},
    {"artifacts", 4, set_artifacts},
    {"artifact", 2, add_artifact},
};

static const struct statement *find_statement(const char *name) {
  for (size_t i = 0; i < ARRAY_LENGTH(statements); i++)
    if (strcmp(name, statements[i].name) == 0) return &statements[i];
  return NULL;
}

static const char *missing_part(const struct plan *plan) {
  if (plan->uids_count == 0) return "statement missing: uids";
  if (plan->gids_count == 0) return "statement missing: gids";
  if (plan->image == NULL) return "statement missing: root";
  if (plan->arguments_count == 0) return "statement missing: argument";
  if (plan->workdir == NULL) return "statement missing: workdir";
  if (plan->has_terminal && plan->has_stdin) return "statement wrong: stdin";
  if (plan->tail_bytes > plan->output_bytes) return "statement wrong: tail";
  if (plan->cpu_time_us != 0 && plan->cgroup == NULL) return "statement missing: cgroup";
  return NULL;
}

const char *plan_parse(struct plan *plan, char *text, size_t length) {
  *plan = (struct plan){.text = text, .umask = 022, .overlay_options = "", .stop_signal = SIGTERM};
  append_string(&plan->environment, &plan->environment_count, NULL);
  plan->environment_count = 0;

  struct reader reader = {text, text + length};
  char *magic = next_token(&reader);
  char *version = next_token(&reader);
  if (magic == NULL || strcmp(magic, "cell-plan") != 0) return "not a launch plan";
  if (version == NULL || strcmp(version, "1") != 0) return "a launch plan of another version";

  for (;;) {
    char *name = next_token(&reader);
    if (name == NULL) return "plan without end";
    if (strcmp(name, "end") == 0) return reader.position == reader.end ? missing_part(plan) : "text after the end";
    const struct statement *statement = find_statement(name);
    if (statement == NULL) return name;
    char *token[MOST_TOKENS] = {NULL};
    for (size_t i = 0; i < statement->tokens; i++)
      if ((token[i] = next_token(&reader)) == NULL) return name;
    if (!statement->apply(plan, token)) return name;
  }
}

static bool same_text(const char *one, const char *other) {
  return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool same_ranges(const struct id_range *one, size_t count, const struct id_range *other, size_t other_count) {
  if (count != other_count) return false;
  for (size_t i = 0; i < count; i++)
    if (one[i].inside != other[i].inside || one[i].outside != other[i].outside || one[i].count != other[i].count)
      return false;
  return true;
}

static bool same_settings(const struct plan *one, const struct plan *other) {
  if (one->settings_count != other->settings_count) return false;
  for (size_t i = 0; i < one->settings_count; i++) {
    const struct cgroup_setting *left = &one->settings[i], *right = &other->settings[i];
    if (!same_text(left->file, right->file) || !same_text(left->value, right->value)) return false;
    if (left->optional != right->optional) return false;
  }
  return true;
}

static bool same_layers(const struct plan *one, const struct plan *other) {
  if (!same_text(one->image, other->image) || one->lowers_count != other->lowers_count) return false;
  for (size_t i = 0; i < one->lowers_count; i++)
    if (!same_text(one->lowers[i], other->lowers[i])) return false;
  return one->has_owners == other->has_owners && one->owner_uid == other->owner_uid &&
         one->owner_gid == other->owner_gid && same_text(one->root_options, other->root_options) &&
         same_text(one->overlay_options, other->overlay_options);
}

static bool same_limits(const struct plan *one, const struct plan *other) {
  if (one->limits_count != other->limits_count) return false;
  for (size_t i = 0; i < one->limits_count; i++) {
    const struct resource_limit *left = &one->limits[i], *right = &other->limits[i];
    if (left->resource != right->resource || left->soft != right->soft || left->hard != right->hard) return false;
  }
  return true;
}

static bool same_step(const struct step *one, const struct step *other) {
  return one->kind == other->kind && same_text(one->path, other->path) && same_text(one->type, other->type) &&
         same_text(one->source, other->source) && same_text(one->options, other->options) &&
         same_text(one->text, other->text) && one->attributes == other->attributes && one->mode == other->mode &&
         one->device == other->device && one->folder == other->folder;
}

bool plan_has_cell(const struct plan *plan, const struct plan *prepared) {
  if (plan->joins != NULL || prepared->joins != NULL || plan->steps_count < prepared->steps_count) return false;
  for (size_t i = 0; i < prepared->steps_count; i++)
    if (!same_step(&plan->steps[i], &prepared->steps[i])) return false;
  return same_text(plan->cgroup, prepared->cgroup) && same_settings(plan, prepared) &&
         same_ranges(plan->uids, plan->uids_count, prepared->uids, prepared->uids_count) &&
         same_ranges(plan->gids, plan->gids_count, prepared->gids, prepared->gids_count) &&
         same_layers(plan, prepared) && same_limits(plan, prepared) && plan->keeps_groups == prepared->keeps_groups &&
         same_text(plan->oom_score, prepared->oom_score) && plan->has_clocks == prepared->has_clocks &&
         plan->clocks_start_s == prepared->clocks_start_s;
}

void plan_free(struct plan *plan) {
  free(plan->settings);
  free(plan->collect);
  free(plan->lowers);
  free(plan->artifacts);
  free(plan->uids);
  free(plan->gids);
  free(plan->steps);
  free(plan->arguments);
  free(plan->environment);
  free(plan->groups);
  free(plan->limits);
  free(plan->filter);
  free(plan->text);
  *plan = (struct plan){0};
}
