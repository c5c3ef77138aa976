// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/html.h"

#include <math.h>
#include <stdlib.h>

enum {
    MISTAKES_SHOWN = 30,
    CONFUSIONS_SHOWN = 20,
    MATRIX_MAX = 30,     /* labels of a table of confusion that can be read */
    THUMBNAIL_EDGE = 200 /* pixels */
};

static const char *label_of(const struct class_report *report, size_t row)
{
    return report->pictures->labels.items[row];
}

/* ---- figures ------------------------------------------------------------------------------------------- */

static void put_rate(FILE *file, const struct rates *rates, size_t rate)
{
    const struct bootstrap_score *sure = rate_sure(rates, 0, rate);
    if (!rate_known(rates, rate))
        return;
    fprintf(file, "<div><dt>%s</dt><dd>%.1f <small>%%</small></dd>", rates->titles[rate],
        100 * rate_of(rates, 0, rate));
    if (sure)
        fprintf(file, "<dd class=\"interval\">%.1f to %.1f</dd>", 100 * sure->low, 100 * sure->high);
    fputs("</div>\n", file);
}

static void put_count(FILE *file, const char *name, size_t count)
{
    fprintf(file, "<div><dt>%s</dt><dd>%zu</dd></div>\n", name, count);
}

static void put_figures(FILE *file, const struct class_report *report, size_t mistakes)
{
    fputs("<dl class=\"figures\">\n", file);
    for (size_t rate = 0; rate < report->rates->count; rate++)
        put_rate(file, report->rates, rate);
    put_count(file, "pictures", report->results[0].count);
    put_count(file, "mistakes", mistakes);
    if (report->results[0].failed)
        put_count(file, "could not be read", report->results[0].failed);
    fputs("</dl>\n", file);
}

/* ---- several models ------------------------------------------------------------------------------------ */

static void put_difference(FILE *file, const struct bootstrap_score *sure)
{
    fprintf(file,
        "<td class=\"number\">%+.1f</td><td class=\"number quiet\">%+.1f to %+.1f</td><td "
        "class=\"number\">%.4f</td>",
        100 * sure->difference, 100 * sure->difference_low, 100 * sure->difference_high, sure->p);
}

static void put_model(FILE *file, const struct rates *rates, size_t model, size_t rate)
{
    const struct bootstrap_score *sure = rate_sure(rates, model, rate);
    fputs("<tr><td>", file);
    html_path_text(file, rates->names[model]);
    fprintf(file, "</td><td class=\"number\">%.1f %%</td>", 100 * rate_of(rates, model, rate));
    if (sure)
        fprintf(file, "<td class=\"number quiet\">%.1f to %.1f</td>", 100 * sure->low, 100 * sure->high);
    else
        fputs("<td></td>", file);
    if (model > 0 && sure)
        put_difference(file, sure);
    else
        fputs("<td></td><td></td><td></td>", file);
    fputs("</tr>\n", file);
}

static void put_models(FILE *file, const struct rates *rates)
{
    fputs("<h2>Models</h2>\n<p>Each with the interval that holds 95 % of bootstrap samples of the pictures, "
          "and what it differs by from the first one in the same samples.</p>\n<div class=\"wide\"><table "
          "class=\"models\">\n",
        file);
    for (size_t rate = 0; rate < rates->count; rate++) {
        if (!rate_known(rates, rate))
            continue;
        fprintf(file,
            "<thead><tr><th>%s</th><th></th><th class=\"number\">95 %%</th><th "
            "class=\"number\">difference</th>"
            "<th class=\"number\">95 %%</th><th class=\"number\">p</th></tr></thead>\n<tbody>\n",
            rates->titles[rate]);
        for (size_t model = 0; model < rates->models; model++)
            put_model(file, rates, model, rate);
        fputs("</tbody>\n", file);
    }
    fputs("</table></div>\n", file);
}

static void put_first(FILE *file, const struct rates *rates)
{
    fputs("<h2>", file);
    html_path_text(file, rates->names[0]);
    fputs("</h2>\n<p>All below is of this model, the first one.</p>\n", file);
}

/* ---- mistakes ------------------------------------------------------------------------------------------ */

/* The surest first, equals in the order of the pictures. */
static int by_certainty(const void *a, const void *b)
{
    const struct outcome *x = *(const struct outcome *const *)a, *y = *(const struct outcome *const *)b;
    if (x->best[0].probability < y->best[0].probability || x->best[0].probability > y->best[0].probability)
        return x->best[0].probability > y->best[0].probability ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int sort_mistakes(
    const struct outcome ***out, size_t *count, const struct class_report *report, struct err *err)
{
    *out = mem_new(report->results[0].count, sizeof **out);
    *count = 0;
    if (!*out)
        return err_memory(err, report->results[0].count * sizeof **out);
    for (size_t i = 0; i < report->results[0].count; i++)
        if (report->results[0].outcomes[i].place)
            (*out)[(*count)++] = &report->results[0].outcomes[i];
    qsort(*out, *count, sizeof **out, by_certainty);
    return 0;
}

static void put_verdict(
    FILE *file, const struct class_report *report, const char *name, size_t row, float probability)
{
    fprintf(file, "<dt>%s</dt><dd class=\"%s\">", name, name);
    html_text(file, row == LABEL_NONE ? "no label" : label_of(report, row));
    if (isnan(probability))
        fputs(row == LABEL_NONE ? "</dd><dd></dd>\n" : "</dd><dd class=\"number\">below 5th</dd>\n", file);
    else
        fprintf(file, "</dd><dd class=\"number\">%.1f %%</dd>\n", 100 * (double)probability);
}

static void put_mistake(FILE *file, const struct class_report *report, const struct outcome *outcome)
{
    const struct picture_source *picture =
        &report->pictures->pictures[report->results[0].pictures[outcome - report->results[0].outcomes]];
    fputs("<figure>", file);
    html_picture(file, *picture, report->picture_options, THUMBNAIL_EDGE);
    fputs("<figcaption><dl>\n", file);
    put_verdict(file, report, "said", outcome->best[0].label, outcome->best[0].probability);
    put_verdict(file, report, "true", outcome->truth, outcome->truth_probability);
    fputs("</dl>", file);
    html_path(file, picture->path);
    fputs("</figcaption></figure>\n", file);
}

static void put_mistakes(
    FILE *file, const struct class_report *report, const struct outcome **mistakes, size_t count)
{
    const size_t shown = count < MISTAKES_SHOWN ? count : MISTAKES_SHOWN;
    if (!count)
        return;
    fputs("<h2>The surest mistakes</h2>\n", file);
    fprintf(file, "<p>%zu of %zu pictures that got a wrong label, those with the highest probability first.",
        shown, count);
    fputs("</p>\n<div class=\"gallery\">\n", file);
    for (size_t i = 0; i < shown; i++)
        put_mistake(file, report, mistakes[i]);
    fputs("</div>\n", file);
}

/* ---- tables -------------------------------------------------------------------------------------------- */

/* Shades go by the square root, so that a single mistake can be seen. */
static void put_matrix_row(
    FILE *file, const struct class_report *report, size_t row, const size_t counts[MATRIX_MAX])
{
    fputs("<tr><th>", file);
    html_text(file, label_of(report, row));
    fputs("</th>", file);
    for (size_t column = 0; column < report->results[0].scores.labels; column++) {
        if (counts[column])
            fprintf(file, "<td%s style=\"--share:%.3f\">%zu</td>", row == column ? " class=\"right\"" : "",
                sqrt((double)counts[column] / (double)report->results[0].scores.classes[row].pictures),
                counts[column]);
        else
            fputs("<td class=\"none\"></td>", file);
    }
    fputs("</tr>\n", file);
}

static void put_matrix(FILE *file, const struct class_report *report)
{
    size_t counts[MATRIX_MAX][MATRIX_MAX] = {0};
    for (size_t i = 0; i < report->results[0].count; i++)
        counts[report->results[0].outcomes[i].truth][report->results[0].outcomes[i].best[0].label]++;
    fputs("<h2>What was taken for what</h2>\n<p>A row is a true label, a column what its pictures were "
          "called.</p>\n<div class=\"wide\"><table class=\"confusion\">\n<thead><tr><th></th>",
        file);
    for (size_t column = 0; column < report->results[0].scores.labels; column++) {
        fputs("<th><span>", file);
        html_text(file, label_of(report, column));
        fputs("</span></th>", file);
    }
    fputs("</tr></thead>\n<tbody>\n", file);
    for (size_t row = 0; row < report->results[0].scores.labels; row++)
        put_matrix_row(file, report, row, counts[row]);
    fputs("</tbody></table></div>\n", file);
}

static void put_confusions(FILE *file, const struct class_report *report)
{
    const struct class_scores *scores = &report->results[0].scores;
    if (!scores->confusion_count)
        return;
    fputs("<section><h2>The most frequent mistakes</h2>\n<div class=\"wide\"><table>\n<thead><tr><th "
          "class=\"number\">pictures</th>"
          "<th>of</th><th>taken for</th></tr></thead>\n<tbody>\n",
        file);
    for (size_t i = 0; i < scores->confusion_count && i < CONFUSIONS_SHOWN; i++) {
        const struct confusion *pair = &scores->confusions[i];
        fprintf(file, "<tr><td class=\"number\">%zu</td><td>", pair->count);
        html_text(file, label_of(report, pair->truth));
        fputs("</td><td>", file);
        html_text(file, label_of(report, pair->predicted));
        fputs("</td></tr>\n", file);
    }
    fputs("</tbody></table></div></section>\n", file);
}

static void put_classes(FILE *file, const struct class_report *report)
{
    const bool several = report->pictures->several;
    fprintf(file,
        "<section><h2>%s by class</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>label</th>"
        "<th class=\"number\">pictures</th>%s<th class=\"number\">%s</th><th></th></tr></thead>\n<tbody>\n",
        several ? "Average precision" : "Recall", several ? "" : "<th class=\"number\">right</th>",
        several ? "precision" : "recall");
    for (size_t i = 0; i < report->pictures->labels.count; i++) {
        const double rate = class_report_rate(report, i);
        fputs("<tr><td>", file);
        html_text(file, label_of(report, i));
        fprintf(file, "</td><td class=\"number\">%zu</td>", class_report_pictures(report, i));
        if (!several)
            fprintf(file, "<td class=\"number\">%zu</td>", report->results[0].scores.classes[i].right);
        fputs("<td class=\"number\">", file);
        if (!isnan(rate))
            fprintf(file, "%.1f %%</td><td class=\"bar\"><span style=\"--share:%.3f\"></span></td></tr>\n",
                100 * rate, rate);
        else
            fputs("&ndash;</td><td></td></tr>\n", file);
    }
    fputs("</tbody></table></div></section>\n", file);
}

/* Of several labels a picture has no right one to be sure of. */
static void put_reliability(FILE *file, const struct class_report *report)
{
    if (!report->pictures->several)
        class_reliability_html(file, report);
}

int class_report_html(FILE *file, const struct class_report *report, struct err *err)
{
    const struct outcome **mistakes;
    size_t count;
    int rc = sort_mistakes(&mistakes, &count, report, err);
    if (rc)
        return rc;
    html_begin(file, report->pictures->name);
    fputs("<h1>", file);
    html_path_text(file, report->pictures->name);
    fprintf(file, "</h1>\n<p>Zero-shot classification with %zu labels</p>\n", report->pictures->labels.count);
    if (report->rates->models > 1) {
        put_models(file, report->rates);
        put_reliability(file, report);
        put_first(file, report->rates);
    }
    put_figures(file, report, count);
    if (report->rates->models == 1)
        put_reliability(file, report);
    put_mistakes(file, report, mistakes, count);
    if (!report->pictures->several && report->pictures->labels.count <= MATRIX_MAX)
        put_matrix(file, report);
    fputs("<div class=\"columns\">\n", file);
    put_classes(file, report);
    put_confusions(file, report);
    fputs("</div>\n", file);
    html_end(file);
    free(mistakes);
    return 0;
}
