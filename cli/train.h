// SPDX-License-Identifier: Apache-2.0
/* `diptych train`: what it is asked for, and what it says while it goes on: a line a step for people, a page with curves, and a log
 * for programs. */
#ifndef DIPTYCH_CLI_TRAIN_H
#define DIPTYCH_CLI_TRAIN_H

#include "cli/labels.h"
#include "cli/pictures.h"
#include "cli/session.h"
#include "cli/train_history.h"

/* What the command line asks for. */
struct train_request {
    struct session session;
    struct training_source source;
    struct label_options labels;
    struct exclude_options exclude;
    struct training_options options;
    struct strings open_kinds;
    const char *log, *page;
    enum dtype dtype;
    const char *lora_option; /* one that says what a new adapter is like; NULL: none does */
    bool dry_run;
    const char *validation;        /* where held-out pictures are; NULL: nowhere else */
    const char *validation_images; /* where those are that captions name; NULL: where all are */
    double hold_out;               /* or which share of all is; 0: none */
    int format;
    const char *forgetting; /* where pictures are of what the model knew before; NULL: nobody asks */
};

extern const struct argp augment_argp; /* input: a struct augmentation */

/* What was forgotten: zero-initialise. Without a request's `forgetting` nothing is done. */
struct train_forgotten {
    const char *path; /* of the pictures that are asked about; NULL: none are */
    struct labelled_pictures pictures;
    struct zero_shot before, after;
};

/* Lists the pictures; then, with the session's device, asks the model about them before and what was written of it after. Errors are
 * labelled_pictures_read's and zero_shot_measure's. */
int train_forgotten_read(struct train_forgotten *forgotten, const struct train_request *request,
    const struct job *job, struct err *err);
int train_forgotten_before(struct train_forgotten *forgotten, const struct train_request *request,
    const struct job *job, struct err *err);
int train_forgotten_after(struct train_forgotten *forgotten, const struct train_request *request,
    const struct job *job, struct err *err);
void train_forgotten_release(struct train_forgotten *forgotten);

struct train_watch {
    struct progress *progress;
    bool quiet;
    const struct training_plan *plan;
    FILE *log; /* NULL: none */
    const char *log_path;
    const char *page_path; /* NULL: none */
    const char *name;      /* of the model, on the page */
    struct train_history history;
    const struct train_forgotten *forgotten; /* NULL: not known */
    double drawn;                            /* when the page was written last */

    double begun;      /* after the first step of this run, which compiles kernels */
    size_t begun_step; /* that was */
    size_t pictures;   /* since then */
    double seen;       /* when the last step was over */
    double said;       /* when the last line was printed */
    struct training_step last;
};

/* Opens the log, to which this run's lines are added; a page begins with what is in it already. ERR_IO, ERR_LIMIT,
 * ERR_MEMORY. Close it also after an error. */
int train_watch_open(struct train_watch *watch, struct err *err);

/* A training_visit: on a terminal a line that is drawn over, elsewhere a line a second at most, the first and the last; and
 * {"schema": "train-step/1", ...} as a line of the log. The page is written from time to time; whether it can be counts in closing.
 * ERR_IO for the log, ERR_MEMORY, ERR_CANCELLED when the user interrupts. */
int train_watch_step(void *context, const struct training_step *step, struct err *err);

/* A line for each validation, and {"schema": "train-validation/1", ...} in the log. */
int train_watch_validation(void *context, const struct training_validation *validation, struct err *err);

/* A line, one of the log, {"schema": "train-forgetting/1", ...}, and a sentence of the page. ERR_IO for the log, ERR_MEMORY. */
int train_watch_forgotten(
    struct train_watch *watch, const struct train_forgotten *forgotten, struct err *err);

/* Writes the page for the last time. ERR_IO where not all of log or page could be written. */
int train_watch_close(struct train_watch *watch, struct err *err);

/* Pictures a second since the first step; 0 before the second. */
double train_watch_rate(const struct train_watch *watch);

#endif
