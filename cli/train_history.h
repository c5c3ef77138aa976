// SPDX-License-Identifier: Apache-2.0
/* The steps of `diptych train` so far, of this run and those that it goes on from, and the page that shows them. */
#ifndef DIPTYCH_CLI_TRAIN_HISTORY_H
#define DIPTYCH_CLI_TRAIN_HISTORY_H

#include "joint/train/train.h"

enum step_column { STEP_NUMBER, STEP_LOSS, STEP_ACCURACY, STEP_RATE, STEP_NORM, STEP_SCALE, STEP_COLUMNS };

/* R@1 of captions; NAN where pictures have classes. */
enum validation_column {
    VALIDATION_NUMBER, /* of the step */
    VALIDATION_SCORE,
    VALIDATION_IMAGE_TO_TEXT,
    VALIDATION_TEXT_TO_IMAGE,
    VALIDATION_COLUMNS
};

struct history_table {
    double *columns[STEP_COLUMNS]; // (count) each, by rising number of the step, which is the first
    size_t count, room;
};

/* Zero-initialise. */
struct train_history {
    struct history_table steps, validations;
};

/* What is added takes the place of all that has its number or a higher one: a run that was killed takes these steps again.
 * ERR_MEMORY. */
int train_history_add_step(struct train_history *history, const struct training_step *step, struct err *err);
int train_history_add_validation(
    struct train_history *history, const struct training_validation *validation, struct err *err);

/* Adds from a log what a run that begins after step `first` has behind it; a log that is not there has nothing, and lines that are
 * something else do not count. ERR_IO, ERR_LIMIT, ERR_MEMORY. */
int train_history_read(struct train_history *history, const char *log_path, size_t first, struct err *err);
void train_history_release(struct train_history *history);

/* What a page says of the run. */
struct train_page {
    const char *name; /* of the model that it makes */
    const struct training_plan *plan;
    const struct train_history *history;
    double pictures_per_second, seconds_left; /* 0: not known */
    bool over;                                /* else the page loads itself again */
    const char *forgotten;                    /* a sentence on what was; NULL: nobody asked */
};

/* Writes the page with the curves, in the place of the one before. ERR_IO, ERR_MEMORY. */
int train_page_write(const char *path, const struct train_page *page, struct err *err);

#endif
