// SPDX-License-Identifier: Apache-2.0
/* The steps of `diptych train` so far, of this run and those that it goes on from, and the page that shows them. */
#ifndef DIPTYCH_CLI_TRAIN_HISTORY_H
#define DIPTYCH_CLI_TRAIN_HISTORY_H

#include "joint/train/train.h"

enum history_column {
    HISTORY_STEP,
    HISTORY_LOSS,
    HISTORY_ACCURACY,
    HISTORY_RATE,
    HISTORY_NORM,
    HISTORY_SCALE,
    HISTORY_COLUMNS
};

/* Zero-initialise. */
struct train_history {
    double *columns[HISTORY_COLUMNS]; // (count) each, with steps in rising order
    size_t count, room;
};

/* A step takes the place of all that were added with its number or a higher one: a run that was killed takes them again.
 * ERR_MEMORY. */
int train_history_add(struct train_history *history, const struct training_step *step, struct err *err);

/* Adds those of a log's steps that a run which begins after step `first` has behind it; a log that is not there has none, and
 * lines that are no steps do not count. ERR_IO, ERR_LIMIT, ERR_MEMORY. */
int train_history_read(struct train_history *history, const char *log_path, size_t first, struct err *err);
void train_history_release(struct train_history *history);

/* What a page says of the run. */
struct train_page {
    const char *name; /* of the model that it makes */
    const struct training_plan *plan;
    const struct train_history *history;
    double pictures_per_second, seconds_left; /* 0: not known */
    bool over;                                /* else the page loads itself again */
};

/* Writes the page with the curves, in the place of the one before. ERR_IO, ERR_MEMORY. */
int train_page_write(const char *path, const struct train_page *page, struct err *err);

#endif
