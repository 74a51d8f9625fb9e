/*
 * The launch plan: a file of NUL-terminated tokens. The first two are "cell-plan" and the version "1"; then
 * come statements, each a name and as many tokens as the table in plan.c says; "end" is the last.
 */
#ifndef PLAN_H
#define PLAN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/* Longest plan that is read, in bytes. */
#define PLAN_MOST (16u << 20)
/* Lower layers that an overlay of the kernel can have (OVL_MAX_STACK), with the uppermost one. */
#define LOWERS_MOST 500
/* Artifacts that a job can have: each is written in the exit record, which has a size. */
#define ARTIFACTS_MOST 32

/* One line of a user namespace's uid_map or gid_map (user_namespaces(7)). */
struct id_range {
  uint32_t inside, outside, count;
};

/* A value to be written into a file of the job's cgroup, and read back. */
struct cgroup_setting {
  const char *file, *value;
  bool optional; /* a kernel without this file is acceptable */
};

struct resource_limit {
  uint32_t resource;
  uint64_t soft, hard;
};

/* What is kept of the cell when it has ended. */
struct artifact_plan {
  const char *path;    /* absolute, of a file or folder */
  const char *pattern; /* glob(7) for paths below that folder; "": the file or folder itself */
};

enum step_kind {
  STEP_MOUNT,   /* a new file system: type, source, options, attributes -> path */
  STEP_BIND,    /* something of the host: source, attributes -> path */
  STEP_DEVICE,  /* a character device of the cell's own: mode, device, attributes -> path */
  STEP_MKDIR,   /* path, mode */
  STEP_FILE,    /* path, mode, text */
  STEP_SYMLINK, /* text -> path */
  STEP_WRITE,   /* text -> path, an existing file */
  STEP_MASK,    /* path in /proc, if it exists: covered by /dev/null, or if it is a folder by an empty one */
  STEP_SEAL,    /* attributes -> path, a mount of an earlier step */
  STEP_REBIND,  /* attributes -> path, which becomes a mount of its own: bound onto itself */
  STEP_GIVEN,   /* source, a file of the folder of files, attributes -> path, which is made if it is not there */
};

/* One step of setting up the file systems of the cell, in the order of the plan. Paths are those inside the cell. */
struct step {
  enum step_kind kind;
  const char *path;
  const char *type, *source, *options, *text;
  uint64_t attributes; /* MOUNT_ATTR_*, linux/mount.h */
  mode_t mode;
  dev_t device;
  bool folder;
  int fd; /* of a mount that is prepared but not attached yet, else -1 */
};

struct plan {
  char *text; /* which all strings here point into */

  const char *cgroup; /* absolute path of the cgroup to make, or NULL */
  struct cgroup_setting *settings;
  size_t settings_count;
  const char **collect; /* files of the cgroup that the exit record quotes */
  size_t collect_count;

  struct id_range *uids, *gids;
  size_t uids_count, gids_count;
  const char *image;   /* absolute path of the read-only lower layer, the uppermost if there are several */
  const char **lowers; /* absolute paths of those below it, from the upper ones to the lowest */
  size_t lowers_count;
  bool has_owners; /* its files belong to ids from these on, which are mapped to the cell's; else to the cell's own */
  uint32_t owner_uid, owner_gid;
  const char *files;             /* absolute path of the folder with the files that the job was given, or NULL */
  uint32_t files_uid, files_gid; /* whom they belong to on disk: in the cell, to the user of the command */
  const char *root_options;      /* of the tmpfs that is the writable layer */
  const char *overlay_options;   /* of the overlay, in addition to its folders */
  struct step *steps;
  size_t steps_count;
  const char *joins; /* the job whose cell the command runs in, the name of a folder next to ours; NULL: its own */
  const char *hostname;
  bool has_clocks;         /* a time namespace: monotonic and boottime clocks start with the cell, */
  uint64_t clocks_start_s; /* at this many seconds */

  bool idle; /* nothing is executed: the process of the command waits, while somebody is connected to "control" */
  char **arguments, **environment; /* NULL-terminated */
  size_t arguments_count, environment_count;
  const char *workdir;
  uid_t uid;
  gid_t gid;
  gid_t *groups;
  size_t groups_count;
  uint64_t capabilities; /* kept by a command that is root of its cell: a bit set (capabilities(7)) */
  const char *oom_score; /* for oom_score_adj of the cell, or NULL: that of the server */
  bool keeps_groups;     /* setgroups(2) is denied in the server's user namespace: groups cannot be changed */
  struct resource_limit *limits;
  size_t limits_count;
  mode_t umask;
  struct sock_filter *filter; /* of seccomp(2), for the command and init; NULL: none */
  size_t filter_length;       /* in instructions, at most BPF_MAXINSNS */
  bool keeps_layer;           /* what the cell has changed of its image stays in the job's folder (keep.h) */
  struct artifact_plan *artifacts;
  size_t artifacts_count;
  uint64_t artifact_bytes;       /* most that all of them may have together, */
  uint64_t artifact_entries;     /* and most names in their folders */
  uint64_t artifact_time_ms;     /* most that it may take to copy them */
  uint64_t artifact_spare_bytes; /* left free on the disk */
  bool has_stdin;                /* the file "stdin" of the job's folder is fed to the command */
  bool has_terminal;             /* the command's standard streams are a terminal, of this size */
  unsigned terminal_rows, terminal_columns;
  bool opens_stdin; /* clients may write to its standard input, after that file */

  int stop_signal;       /* asks the processes of stop_scope to end, before the cell is killed */
  enum scope stop_scope; /* those have ended before the cell does */
  uint64_t timeout_ms;   /* wall time, pauses not counted; 0: none */
  uint64_t cpu_time_us;  /* CPU time of all processes in the cgroup, 0: no limit */
  uint64_t output_bytes; /* most that are kept */
  uint64_t tail_bytes;   /* of those, for the end of the output: the middle is dropped. 0: more output ends the job */
};

/*
 * Parses `text` (`length` bytes and a NUL; the plan takes ownership). Returns NULL, or what is wrong: the name of the
 * faulty statement or a message, valid as long as the plan.
 */
const char *plan_parse(struct plan *plan, char *text, size_t length);
/*
 * Whether a cell that was made from `prepared` is that of `plan`: all of it that is made before the command is known is
 * the same, and its steps are the first steps of `plan`.
 */
bool plan_has_cell(const struct plan *plan, const struct plan *prepared);
/* Frees what plan_parse() allocated. */
void plan_free(struct plan *plan);

#endif
