// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"
#include "cli/json.h"
#include "cli/text.h"

#include <stdlib.h>
#include <unistd.h>

enum { BAR_WIDTH = 20 };

/* ---- table --------------------------------------------------------------------------------------------- */

static void put_path(const struct output *output, const char *path)
{
    fputs(output->colour ? "\033[1m" : "", stdout);
    text_escape(stdout, path);
    fputs(output->colour ? "\033[0m\n" : "\n", stdout);
}

static void put_probability(const struct output *output, float probability)
{
    printf("%5.1f %%  ", 100 * (double)probability);
    fputs(output->colour ? "\033[36m" : "", stdout);
    text_bar(stdout, (double)probability, BAR_WIDTH, output->unicode);
    fputs(output->colour ? "\033[0m  " : "  ", stdout);
}

static int table_picture(
    const struct output *output, const char *path, const struct prediction *best, struct err *err)
{
    (void)err;
    if (output->top > 1)
        put_path(output, path);
    for (size_t i = 0; i < output->top; i++) {
        const char *label = classifier_label(output->classifier, best[i].label);
        fputs(output->top > 1 ? "  " : "", stdout);
        put_probability(output, best[i].probability);
        text_escape(stdout, label);
        if (output->top > 1)
            fputc('\n', stdout);
        else
            printf("%*s", output->label_width - text_width(label) + 2, "");
    }
    if (output->top > 1)
        fputc('\n', stdout);
    else
        put_path(output, path);
    return 0;
}

static int message_failure(const struct output *output, const char *path, const char *reason, struct err *err)
{
    (void)output, (void)path, (void)err; /* the reason names the path */
    message("%s", reason);
    return 0;
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static int tsv_picture(
    const struct output *output, const char *path, const struct prediction *best, struct err *err)
{
    (void)err;
    text_escape(stdout, path);
    for (size_t i = 0; i < output->top; i++) {
        fputc('\t', stdout);
        text_escape(stdout, classifier_label(output->classifier, best[i].label));
        printf("\t%.7g", (double)best[i].probability);
    }
    fputc('\n', stdout);
    return 0;
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static int json_picture(
    const struct output *output, const char *path, const struct prediction *best, struct err *err)
{
    json_t *labels = json_array();
    for (size_t i = 0; i < output->top; i++)
        json_array_append_new(labels,
            json_pack("{s:o, s:f}", "label", json_text(classifier_label(output->classifier, best[i].label)),
                "probability", (double)best[i].probability));
    return json_print(json_pack("{s:o, s:o}", "path", json_text(path), "labels", labels), 0, err);
}

static int json_failure(const struct output *output, const char *path, const char *reason, struct err *err)
{
    (void)output;
    return json_print(json_pack("{s:o, s:o}", "path", json_text(path), "error", json_text(reason)), 0, err);
}

/* ---- the table of formats ------------------------------------------------------------------------------ */

const char *const output_formats[] = {"table", "tsv", "json", NULL};

static const struct format {
    int (*picture)(const struct output *, const char *path, const struct prediction *best, struct err *);
    int (*failure)(const struct output *, const char *path, const char *reason, struct err *);
} formats[] = {
    {table_picture, message_failure},
    {tsv_picture, message_failure},
    {json_picture, json_failure},
};

void output_init(struct output *output, int format, const struct classifier *classifier, size_t top)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any value but the empty one */
    *output = (struct output){
        .format = format,
        .classifier = classifier,
        .top = top,
        .unicode = text_unicode(),
        .colour = isatty(STDOUT_FILENO) && !(no_color && *no_color),
    };
    for (size_t i = 0; i < classifier_labels(classifier); i++) {
        const int width = text_width(classifier_label(classifier, i));
        if (width > output->label_width)
            output->label_width = width;
    }
}

int output_picture(
    const struct output *output, const char *path, const struct prediction *best, struct err *err)
{
    return formats[output->format].picture(output, path, best, err);
}

int output_failure(const struct output *output, const char *path, const char *reason, struct err *err)
{
    return formats[output->format].failure(output, path, reason, err);
}
