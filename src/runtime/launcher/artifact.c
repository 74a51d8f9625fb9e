#include "artifact.h"

const char *artifact_word(enum artifact_status status) {
  static const char *const words[] = {
      [ARTIFACT_UNFINISHED] = "unfinished",
      [ARTIFACT_TAKEN] = "taken",
      [ARTIFACT_MISSING] = "missing",
      [ARTIFACT_KIND] = "kind",
      [ARTIFACT_SIZE] = "size",
      [ARTIFACT_ENTRIES] = "entries",
      [ARTIFACT_DEPTH] = "depth",
      [ARTIFACT_TIME] = "time",
      [ARTIFACT_DISK] = "disk",
      [ARTIFACT_UNREADABLE] = "unreadable",
  };
  return words[status];
}
