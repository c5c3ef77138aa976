// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/score.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

int score_decimals(enum caption_metric metric)
{
    return caption_metrics[metric].percent ? 2 : 4;
}

/* ---- table --------------------------------------------------------------------------------------------- */

/* What tells a metric from its namesakes. */
static const char *remark(const struct score_report *report, int metric)
{
    switch (metric) {
    case METRIC_CIDER_D:
        return "what coco-caption prints as CIDEr";
    case METRIC_CIDER_PLAIN:
        return "neither clipped nor penalised for length";
    default:
        return caption_signature(report->scores, (enum caption_metric)metric);
    }
}

/* The lines that coco-caption prints while it computes BLEU, and sacreBLEU's own. */
static void put_counts(const struct caption_scores *scores)
{
    const struct bleu_stats *s = &scores->bleu.corpus.stats;
    char line[256];
    if (scores->bleu.images) {
        printf("{'testlen': %zu, 'reflen': %zu, 'guess': [%zu, %zu, %zu, %zu], 'correct': [%zu, %zu, %zu, "
               "%zu]}\n",
            s->candidate_length, s->reference_length, s->guess[0], s->guess[1], s->guess[2], s->guess[3],
            s->correct[0], s->correct[1], s->correct[2], s->correct[3]);
        printf(
            "ratio: %.16g\n", ((double)s->candidate_length + 1e-15) / ((double)s->reference_length + 1e-9));
    }
    if (scores->sacrebleu.images) {
        sacrebleu_format(line, sizeof line, &scores->sacrebleu.corpus);
        puts(line);
    }
}

/* The column of titles is as wide as the longest of these, and no narrower than most need. */
static int title_width(const struct caption_scores *scores)
{
    size_t width = 13;
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        const size_t length = strlen(caption_metrics[metric].title);
        if (scores->images[metric] && length > width)
            width = length;
    }
    return (int)width;
}

static int print_table(const struct score_report *report, struct err *err)
{
    const struct caption_scores *scores = report->scores;
    const int width = title_width(scores);
    (void)err;
    if (report->verbose)
        put_counts(scores);
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        if (!scores->images[metric])
            continue;
        const char *text = remark(report, metric);
        printf("%-*s %7.*f%s%s\n", width, caption_metrics[metric].title, score_decimals(metric),
            scores->corpus[metric], text ? "   " : "", text ? text : "");
    }
    return 0;
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static int print_tsv(const struct score_report *report, struct err *err)
{
    const struct caption_scores *scores = report->scores;
    (void)err;
    fputs("id", stdout);
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        if (scores->images[metric])
            printf("\t%s", caption_metrics[metric].key);
    putchar('\n');
    for (size_t i = 0; i < scores->count; i++) {
        text_escape(stdout, report->pairs->ids[i]);
        for (int metric = 0; metric < METRIC_COUNT; metric++)
            if (scores->images[metric])
                printf("\t%.12g", scores->images[metric][i]);
        putchar('\n');
    }
    return 0;
}

/* ---- json ---------------------------------------------------------------------------------------------- */

json_t *score_signature(const struct caption_scores *scores, const struct score_request *request)
{
    json_t *signature = caption_signature_json(scores, &request->options, request->df_path);
    if (request->pictures) {
        const struct session *session = &request->session;
        json_object_set_new(
            signature, "clip_model", json_model(session->model_options.directory, &session->adapters));
        json_object_set_new(
            signature, "clip_tokenizer", json_tokenizer_rule(model_tokenizer(session->model)));
    }
    return signature;
}

static int print_json(const struct score_report *report, struct err *err)
{
    return json_print("score/1",
        json_pack("{s:o, s:o, s:O}", "corpus", caption_corpus_json(report->scores), "per_image",
            caption_images_json(report->scores, (const char *const *)report->pairs->ids), "signature",
            report->signature),
        JSON_INDENT(1) | JSON_REAL_PRECISION(CAPTION_SCORE_DIGITS), err);
}

int score_print(const struct score_report *report, int format, struct err *err)
{
    static int (*const printers[])(const struct score_report *, struct err *) = {
        print_table, print_tsv, print_json};
    return printers[format](report, err);
}
