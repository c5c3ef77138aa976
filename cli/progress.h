// SPDX-License-Identifier: Apache-2.0
/*
 * A line on stderr, where that is a terminal, that says how far the work is:
 *
 *   [=======             ]  35 %  420/1200  85.1 pictures/s  0:09 left
 *
 * stdout may be the same terminal: clear the line before anything else is printed, draw it again after.
 */
#ifndef DIPTYCH_CLI_PROGRESS_H
#define DIPTYCH_CLI_PROGRESS_H

#include "base/base.h"

struct progress {
    bool shown; /* stderr is a terminal that can erase a line */
    bool unicode;
    const char *unit; /* "pictures" */
    size_t done, total;
    double start; /* on time_now's clock */
};

void progress_init(struct progress *progress, bool quiet);
void progress_note(const struct progress *progress, const char *text); /* before there is a number to show */
void progress_start(struct progress *progress, const char *unit, size_t total);
void progress_draw(const struct progress *progress, size_t done);
void progress_clear(const struct progress *progress);

/* The line, Ctrl-C and messages as the job of long work: the work is to end when the user interrupts it, which
 * is caught from here on, or when stdout fails. `progress` outlives the job. */
struct job progress_job(struct progress *progress, int threads);

#endif
