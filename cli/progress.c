// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 20 };

void progress_init(struct progress *progress, bool quiet)
{
    const char *terminal = getenv("TERM");
    *progress = (struct progress){
        .shown = !quiet && isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb"),
        .unicode = text_unicode(),
    };
}

void progress_clear(const struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void progress_note(const struct progress *progress, const char *text)
{
    progress_clear(progress);
    if (!progress->shown)
        return;
    fprintf(stderr, "%s ...", text);
    fflush(stderr);
}

static void begin(struct progress *progress, const char *unit, size_t total)
{
    progress->unit = unit;
    progress->total = total;
    progress->done = 0;
    progress->start = time_now();
    if (!progress->begun)
        progress->begun = progress->start;
}

static void put_duration(double seconds)
{
    const long whole = (long)(seconds + 0.5);
    if (whole >= 3600)
        fprintf(stderr, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        fprintf(stderr, "%ld:%02ld", whole / 60, whole % 60);
}

static void draw(const struct progress *progress, size_t done)
{
    if (!progress->shown || !progress->total)
        return;
    const double fraction = (double)done / (double)progress->total;
    const double elapsed = time_now() - progress->start;
    progress_clear(progress);
    fputc('[', stderr);
    text_bar(stderr, fraction, BAR_WIDTH, progress->unicode);
    fprintf(stderr, "] %3.0f %%  %zu/%zu", 100 * fraction, done, progress->total);
    if (done && elapsed > 0) {
        fprintf(stderr, "  %.1f %s/s  ", (double)done / elapsed, progress->unit);
        put_duration(elapsed / fraction - elapsed);
        fputs(" left", stderr);
    }
    fflush(stderr);
}

/* ---- as a job ------------------------------------------------------------------------------------------ */

static int step(void *context, const char *unit, size_t done, size_t total)
{
    struct progress *progress = context;
    const bool begins = !progress->unit || strcmp(progress->unit, unit) || progress->total != total;
    output_flush(); /* what has been printed is to be seen, and to fail, now */
    if (begins && total) {
        begin(progress, unit, total);
        interrupt_catch();
    } else if (begins && progress->done == progress->total) { /* work inside a phase has no line of its own */
        progress->unit = unit;
        progress->total = progress->done = 0;
        progress_note(progress, unit);
    }
    if (total) {
        progress->done = done;
        draw(progress, done);
    }
    return interrupt_seen() || ferror(stdout);
}

static void report(void *context, const struct err *problem)
{
    progress_clear(context);
    message("%s", problem->msg);
}

struct job progress_job(struct progress *progress, int threads)
{
    interrupt_catch();
    return progress_job_later(progress, threads);
}

struct job progress_job_later(struct progress *progress, int threads)
{
    return (struct job){.step = step, .report = report, .context = progress, .threads = threads};
}
