/* What init of a prepared cell gets when a job takes the cell: the job's plan, and what the supervisor has opened. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>

#define HANDOVER_FDS 5

struct handover {
  int plan;       /* the job's launch plan, a file that is open for reading */
  int channel;    /* see init.h */
  int streams[3]; /* -1: init opens them */
};

/* Sends copies of the descriptors. False with errno. */
bool handover_send(int socket, const struct handover *handover);
/* Receives them. False with errno, and without any of them open. */
bool handover_receive(int socket, struct handover *handover);

#endif
