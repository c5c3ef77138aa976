// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_WIDTH = 20, COLUMNS_UNKNOWN = 80 };
#define REDRAW_SECONDS 0.05 /* the eye sees no more, and a slow terminal need not write it */

void progress_init(struct progress *progress, bool quiet)
{
    const char *terminal = getenv("TERM");
    *progress = (struct progress){
        .shown = !quiet && isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb"),
        .unicode = text_unicode(),
        .output_shown = isatty(STDOUT_FILENO),
    };
}

/* Of the terminal as it is now. A line that fills the last one may wrap, so one stays free. */
static int columns_free(void)
{
    struct winsize size;
    const bool known = !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col;
    return (known ? size.ws_col : COLUMNS_UNKNOWN) - 1;
}

void progress_clear(struct progress *progress)
{
    if (!progress->drawn)
        return;
    progress->drawn = 0;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void progress_clear_for_output(struct progress *progress)
{
    if (progress->output_shown)
        progress_clear(progress);
}

/* Over what the line was, and in one write, so that it is never seen empty. */
static void put_line(struct progress *progress, const char *text)
{
    progress->drawn = time_now();
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
}

/* As much of it as the terminal has columns for. */
void progress_line(struct progress *progress, const char *text)
{
    char line[256];
    if (!progress->shown)
        return;
    const int columns = columns_free();
    snprintf(line, sizeof line, "%s", text);
    if (columns < (int)sizeof line)
        line[columns > 0 ? columns : 0] = '\0';
    put_line(progress, line);
}

void progress_note(struct progress *progress, const char *text)
{
    char line[256];
    snprintf(line, sizeof line, "%s ...", text);
    progress_line(progress, line);
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

/* ---- the line ------------------------------------------------------------------------------------------ */

void progress_put_duration(FILE *out, double seconds)
{
    const long whole = (long)(seconds + 0.5);
    if (whole >= 3600)
        fprintf(out, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        fprintf(out, "%ld:%02ld", whole / 60, whole % 60);
}

/* From what everybody wants to know to what is left out first where there is no room. */
enum parts { PERCENT, COUNT, LEFT, BAR, RATE };

static void put_parts(FILE *out, const struct progress *progress, enum parts last)
{
    const double fraction = (double)progress->done / (double)progress->total;
    const double elapsed = time_now() - progress->start;
    const bool timed = progress->done && elapsed > 0;
    if (last >= BAR) {
        fputc('[', out);
        text_bar(out, fraction, BAR_WIDTH, progress->unicode);
        fputs("] ", out);
    }
    fprintf(out, "%3.0f %%", 100 * fraction);
    if (last >= COUNT)
        fprintf(out, "  %zu/%zu", progress->done, progress->total);
    if (last >= RATE && timed)
        fprintf(out, "  %.1f %s/s", (double)progress->done / elapsed, progress->unit);
    if (last >= LEFT && timed) {
        fputs("  ", out);
        progress_put_duration(out, elapsed / fraction - elapsed);
        fputs(" left", out);
    }
}

/* As much of it as the terminal has room for. */
static void draw(struct progress *progress)
{
    const int columns = columns_free();
    bool fits = false;
    for (int last = RATE; last >= PERCENT && !fits; last--) {
        char *line = NULL;
        size_t size;
        FILE *out = open_memstream(&line, &size);
        if (out)
            put_parts(out, progress, (enum parts)last);
        fits = out && !fclose(out) && text_width(line) <= columns;
        if (fits)
            put_line(progress, line);
        free(line);
    }
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
        if (progress->shown && (begins || done == total || time_now() - progress->drawn >= REDRAW_SECONDS))
            draw(progress);
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
