// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/html_chart.h"
#include "cli/progress.h"
#include "cli/train_history.h"

#include <math.h>

/* ---- numbers to see first ------------------------------------------------------------------------------ */

static double mean_of(const struct history_table *steps, enum step_column column)
{
    return chart_smooth(NULL, steps->columns[column], steps->count);
}

static void put_figures(FILE *file, const struct train_page *page)
{
    const struct history_table *steps = &page->history->steps;
    const size_t step = (size_t)steps->columns[STEP_NUMBER][steps->count - 1];
    fprintf(file,
        "<dl class=\"figures\">\n<div><dt>step</dt><dd>%zu <small>of %zu</small></dd></div>\n"
        "<div><dt>epoch</dt><dd>%.2f</dd></div>\n",
        step, page->plan->steps, (double)step / (double)page->plan->epoch_steps);
    fprintf(file,
        "<div><dt>loss</dt><dd>%.4g</dd></div>\n"
        "<div><dt>accuracy in the batch</dt><dd>%.1f <small>%%</small></dd></div>\n",
        mean_of(steps, STEP_LOSS), 100 * mean_of(steps, STEP_ACCURACY));
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
    enum step_column column;
    const char *title;
    bool noisy, powers, percent;
} curves[] = {
    {.column = STEP_LOSS, .title = "Loss", .noisy = true},
    {.column = STEP_ACCURACY, .title = "Accuracy in the batch", .noisy = true, .percent = true},
    {.column = STEP_NORM, .title = "Length of the gradients", .noisy = true, .powers = true},
    {.column = STEP_RATE, .title = "Learning rate"},
    {.column = STEP_SCALE, .title = "Scale of logits"},
};

static struct chart_line line_of(const struct history_table *table, size_t column, const char *name)
{
    return (struct chart_line){name, table->columns[0], table->columns[column], table->count};
}

/* How well the model does on held-out pictures. */
static void put_validations(FILE *file, const struct history_table *table)
{
    struct chart chart = {.title = "Held-out pictures", .x_name = "step", .percent = true};
    if (!table->count)
        return;
    if (isnan(table->columns[VALIDATION_IMAGE_TO_TEXT][0])) {
        chart.lines[0] = line_of(table, VALIDATION_SCORE, "right");
    } else {
        chart.lines[0] = line_of(table, VALIDATION_IMAGE_TO_TEXT, "R@1 image to text");
        chart.lines[1] = line_of(table, VALIDATION_TEXT_TO_IMAGE, "R@1 text to image");
    }
    html_chart(file, &chart);
}

static void put_curves(FILE *file, const struct train_history *history)
{
    fputs("<div class=\"curves\">\n", file);
    put_validations(file, &history->validations);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        html_chart(file, &(struct chart){.title = curves[i].title,
                             .x_name = "step",
                             .lines = {line_of(&history->steps, curves[i].column, curves[i].title)},
                             .noisy = curves[i].noisy,
                             .powers = curves[i].powers,
                             .percent = curves[i].percent});
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
        "them lie means of about ten, which the numbers above the curves are, too.%s</p>\n",
        page->plan->parameters, page->plan->pictures, page->plan->texts,
        page->over ? "" : " The page loads itself again while training goes on.");
    if (page->forgotten) {
        fputs("<p>What it knew before: ", file);
        html_text(file, page->forgotten);
        fputs(".</p>\n", file);
    }
    if (page->history->steps.count) {
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
