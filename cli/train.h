// SPDX-License-Identifier: Apache-2.0
/* What `diptych train` says while it goes on: a line a step for people, and a log for programs. */
#ifndef DIPTYCH_CLI_TRAIN_H
#define DIPTYCH_CLI_TRAIN_H

#include "cli/progress.h"
#include "joint/train/train.h"

struct train_watch {
    struct progress *progress;
    bool quiet;
    const struct training_plan *plan;
    FILE *log; /* NULL: none */
    const char *log_path;

    double begun;      /* after the first step of this run, which compiles kernels */
    size_t begun_step; /* that was */
    size_t pictures;   /* since then */
    double said;       /* when the last line was printed */
    struct training_step last;
};

/* Opens the log, to which this run's lines are added. ERR_IO. */
int train_watch_open(struct train_watch *watch, const char *log_path, struct err *err);

/* A training_visit: on a terminal a line that is drawn over, elsewhere a line a second at most, the first and the last; and
 * {"schema": "train-step/1", ...} as a line of the log. ERR_IO for the log, ERR_CANCELLED when the user interrupts. */
int train_watch_step(void *context, const struct training_step *step, struct err *err);

/* ERR_IO where not all of the log could be written. */
int train_watch_close(struct train_watch *watch, struct err *err);

/* Pictures a second since the first step; 0 before the second. */
double train_watch_rate(const struct train_watch *watch);

#endif
