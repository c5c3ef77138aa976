// SPDX-License-Identifier: Apache-2.0
/*
 * A line on stderr, where that is a terminal, that says how far the work is:
 *
 *   [=======             ]  35 %  420/1200  85.1 pictures/s  0:09 left
 *
 * and as much of that as the terminal is wide. stdout may be the same terminal: clear the line before anything else is
 * printed; it is drawn again after.
 */
#ifndef DIPTYCH_CLI_PROGRESS_H
#define DIPTYCH_CLI_PROGRESS_H

#include "base/base.h"

struct progress {
    bool shown; /* stderr is a terminal that can erase a line */
    bool unicode;
    bool output_shown; /* stdout is a terminal */
    double drawn;      /* when the line that is there was; 0: there is none */
    const char *unit;  /* "pictures" */
    size_t done, total;
    double start; /* of this unit's, on time_now's clock */
    double begun; /* of the first that was counted; 0: none was */
};

void progress_init(struct progress *progress, bool quiet);
void progress_note(struct progress *progress, const char *text); /* before there is a number to show */
void progress_line(struct progress *progress, const char *text); /* in the place of the bar, ASCII alone */
void progress_clear(struct progress *progress);
void progress_clear_for_output(
    struct progress *progress); /* the same, where it would be in the way of stdout */

/* 0:09, 12:30 or 1:02:03. */
void progress_put_duration(FILE *out, double seconds);

/* The line, Ctrl-C and messages as the job of long work: the work is to end when the user interrupts it, which
 * is caught from here on, or when stdout fails. `progress` outlives the job. */
struct job progress_job(struct progress *progress, int threads);

/* The same, with Ctrl-C caught from the first step on that counts something: what only looks and waits before that,
 * on a slow folder or a list on stdin, may as well end at once. */
struct job progress_job_later(struct progress *progress, int threads);

#endif
