// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/html_chart.h"
#include "cli/progress.h"
#include "cli/train_history.h"

/* ---- numbers to see first ------------------------------------------------------------------------------ */

static double mean_of(const struct train_history *history, enum history_column column)
{
    return chart_smooth(NULL, history->columns[column], history->count);
}

static void put_figures(FILE *file, const struct train_page *page)
{
    const struct train_history *history = page->history;
    const size_t step = (size_t)history->columns[HISTORY_STEP][history->count - 1];
    fprintf(file,
        "<dl class=\"figures\">\n<div><dt>step</dt><dd>%zu <small>of %zu</small></dd></div>\n"
        "<div><dt>epoch</dt><dd>%.2f</dd></div>\n",
        step, page->plan->steps, (double)step / (double)page->plan->epoch_steps);
    fprintf(file,
        "<div><dt>loss</dt><dd>%.4g</dd></div>\n"
        "<div><dt>accuracy in the batch</dt><dd>%.1f <small>%%</small></dd></div>\n",
        mean_of(history, HISTORY_LOSS), 100 * mean_of(history, HISTORY_ACCURACY));
    if (page->pictures_per_second > 0)
        fprintf(file, "<div><dt>pictures a second</dt><dd>%.1f</dd></div>\n", page->pictures_per_second);
    if (page->seconds_left > 0 && !page->over) {
        fputs("<div><dt>time left</dt><dd>", file);
        progress_put_duration(file, page->seconds_left);
        fputs("</dd></div>\n", file);
    }
    fputs("</dl>\n", file);
}

/* ---- curves -------------------------------------------------------------------------------------------- */

static const struct curve {
    enum history_column column;
    const char *title;
    bool noisy, powers, percent;
} curves[] = {
    {.column = HISTORY_LOSS, .title = "Loss", .noisy = true},
    {.column = HISTORY_ACCURACY, .title = "Accuracy in the batch", .noisy = true, .percent = true},
    {.column = HISTORY_NORM, .title = "Length of the gradients", .noisy = true, .powers = true},
    {.column = HISTORY_RATE, .title = "Learning rate"},
    {.column = HISTORY_SCALE, .title = "Scale of logits"},
};

static void put_curves(FILE *file, const struct train_history *history)
{
    fputs("<div class=\"curves\">\n", file);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        const struct chart_line line = {curves[i].title, history->columns[HISTORY_STEP],
            history->columns[curves[i].column], history->count};
        html_chart(file, &(struct chart){.title = curves[i].title,
                             .x_name = "step",
                             .lines = {line},
                             .noisy = curves[i].noisy,
                             .powers = curves[i].powers,
                             .percent = curves[i].percent});
    }
    fputs("</div>\n", file);
}

static void put_page(FILE *file, const struct train_page *page)
{
    html_begin(file, page->name);
    fputs("<h1>", file);
    html_path_text(file, page->name);
    fprintf(file,
        "</h1>\n<p>%zu parameters learn from %zu pictures with %zu captions. What is faint are the steps, "
        "and over "
        "them lie means of about twenty, which the numbers above the curves are, too.%s</p>\n",
        page->plan->parameters, page->plan->pictures, page->plan->texts,
        page->over ? "" : " The page loads itself again while training goes on.");
    if (page->history->count) {
        put_figures(file, page);
        put_curves(file, page->history);
    }
    if (!page->over)
        html_script(file, "reload.js");
    html_end(file);
}

int train_page_write(const char *path, const struct train_page *page, struct err *err)
{
    struct new_file file;
    const int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    put_page(file.stream, page);
    return new_file_close(&file, true, err);
}
