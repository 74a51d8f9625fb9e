#include "report.h"

#include <errno.h>
#include <stdio.h>

void report_failure(struct report *report, const char *step, const char *subject) {
  int error = errno;
  *report = (struct report){.kind = REPORT_FAILED, .error = error};
  snprintf(report->step, sizeof report->step, "%s", step);
  if (subject != NULL) snprintf(report->subject, sizeof report->subject, "%s", subject);
}
