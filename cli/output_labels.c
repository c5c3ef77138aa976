// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

static enum score_kind score_of(const struct label_output *output)
{
    return classifier_score(output->classifier);
}

static void put_score(const struct label_output *output, const struct prediction *prediction)
{
    if (score_of(output) == SCORE_COSINE)
        output_cosine((double)prediction->cosine);
    else
        output_share(&output->base, (double)prediction->probability);
}

/* The path, and a line below it for each label. */
static void print_block(
    const struct label_output *output, const char *path, const struct prediction *best, size_t count)
{
    output_path(&output->base, path);
    preview_show(&output->base.preview, picture_file(path));
    for (size_t i = 0; i < count; i++) {
        fputs("  ", stdout);
        put_score(output, &best[i]);
        text_escape(stdout, classifier_label(output->classifier, best[i].label));
        fputc('\n', stdout);
    }
    fputs(count ? "\n" : "  none\n\n", stdout);
}

/* The label, "-" where there is none, and the path behind it. */
static void print_line(const struct label_output *output, const char *path, const struct prediction *best)
{
    const char *label = best ? classifier_label(output->classifier, best->label) : "-";
    if (best)
        put_score(output, best);
    else
        printf("%*s", score_of(output) == SCORE_COSINE ? OUTPUT_COSINE_WIDTH : OUTPUT_SHARE_WIDTH, "");
    text_escape(stdout, label);
    printf("%*s", output->label_width - text_width(label) + 2, "");
    output_path(&output->base, path);
    preview_show(&output->base.preview, picture_file(path));
}

static void print_tsv(
    const struct label_output *output, const char *path, const struct prediction *best, size_t count)
{
    text_escape(stdout, path);
    for (size_t i = 0; i < count; i++) {
        fputc('\t', stdout);
        text_escape(stdout, classifier_label(output->classifier, best[i].label));
        printf("\t%.7g", (double)prediction_score(&best[i], score_of(output)));
    }
    fputc('\n', stdout);
}

static int print_json(const struct label_output *output, const char *path, const struct prediction *best,
    size_t count, bool outside, const char *warning, struct err *err)
{
    const enum score_kind kind = score_of(output);
    json_t *labels = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(labels,
            json_pack("{s:o, s:f}", "label", json_text(classifier_label(output->classifier, best[i].label)),
                kind == SCORE_COSINE ? "cosine" : "probability", (double)prediction_score(&best[i], kind)));
    return json_print("classify/1",
        json_pack("{s:o, s:o, s:s, s:o*, s:o*}", "path", json_text(path), "labels", labels, "score",
            score_names[kind], "outside", outside ? json_true() : NULL, "warning",
            *warning ? json_text(warning) : NULL),
        0, err);
}

void label_output_init(
    struct label_output *output, int format, const struct classifier *classifier, size_t top)
{
    *output = (struct label_output){.classifier = classifier, .block = top > 1};
    output_init(&output->base, format);
    for (size_t i = 0; i < classifier_labels(classifier); i++) {
        const int width = text_width(classifier_label(classifier, i));
        if (width > output->label_width)
            output->label_width = width;
    }
}

int output_labels(const struct label_output *output, const char *path, const struct prediction *best,
    size_t count, bool outside, const char *warning, struct err *err)
{
    output_warning(&output->base, warning);
    if (output->base.format == OUTPUT_JSON)
        return print_json(output, path, best, count, outside, warning, err);
    if (output->base.format == OUTPUT_TSV)
        print_tsv(output, path, best, count);
    else if (output->block)
        print_block(output, path, best, count);
    else
        print_line(output, path, count ? best : NULL);
    return 0;
}
