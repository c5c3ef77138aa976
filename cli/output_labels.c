// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

static void print_table(const struct label_output *output, const char *path, const struct prediction *best)
{
    const bool block = output->top > 1;
    if (block)
        output_path(&output->base, path);
    if (block)
        preview_show(&output->base.preview, path);
    for (size_t i = 0; i < output->top; i++) {
        const char *label = classifier_label(output->classifier, best[i].label);
        fputs(block ? "  " : "", stdout);
        output_share(&output->base, (double)best[i].probability);
        text_escape(stdout, label);
        if (block)
            fputc('\n', stdout);
        else
            printf("%*s", output->label_width - text_width(label) + 2, "");
    }
    if (block)
        fputc('\n', stdout);
    else
        output_path(&output->base, path);
    if (!block)
        preview_show(&output->base.preview, path);
}

static void print_tsv(const struct label_output *output, const char *path, const struct prediction *best)
{
    text_escape(stdout, path);
    for (size_t i = 0; i < output->top; i++) {
        fputc('\t', stdout);
        text_escape(stdout, classifier_label(output->classifier, best[i].label));
        printf("\t%.7g", (double)best[i].probability);
    }
    fputc('\n', stdout);
}

static int print_json(const struct label_output *output, const char *path, const struct prediction *best,
    bool outside, struct err *err)
{
    json_t *labels = json_array();
    for (size_t i = 0; i < output->top; i++)
        json_array_append_new(labels,
            json_pack("{s:o, s:f}", "label", json_text(classifier_label(output->classifier, best[i].label)),
                "probability", (double)best[i].probability));
    return json_print(
        json_pack("{s:o, s:o, s:s, s:o*}", "path", json_text(path), "labels", labels, "score",
            score_names[classifier_score(output->classifier).kind], "outside", outside ? json_true() : NULL),
        0, err);
}

void label_output_init(
    struct label_output *output, int format, const struct classifier *classifier, size_t top)
{
    *output = (struct label_output){.classifier = classifier, .top = top};
    output_init(&output->base, format);
    for (size_t i = 0; i < classifier_labels(classifier); i++) {
        const int width = text_width(classifier_label(classifier, i));
        if (width > output->label_width)
            output->label_width = width;
    }
}

int output_labels(const struct label_output *output, const char *path, const struct prediction *best,
    bool outside, struct err *err)
{
    switch (output->base.format) {
    case OUTPUT_JSON:
        return print_json(output, path, best, outside, err);
    case OUTPUT_TSV:
        print_tsv(output, path, best);
        return 0;
    default:
        print_table(output, path, best);
        return 0;
    }
}
