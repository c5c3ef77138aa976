// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/text.h"

static const char *label(const struct class_report *report, size_t row)
{
    return report->pictures->labels.items[row];
}

static size_t shown(const struct class_report *report)
{
    return report->pictures->labels.count < OUTCOME_TOP ? report->pictures->labels.count : OUTCOME_TOP;
}

static const char *product(const struct class_report *report)
{
    return report->logits ? "logit" : "cosine";
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static void put_heads(FILE *file, const struct class_report *report)
{
    fputs("path\tlabel", file);
    for (size_t k = 1; k <= shown(report); k++)
        fprintf(file, "\tpredicted_%zu\tprobability_%zu\t%s_%zu", k, k, product(report), k);
    putc('\n', file);
}

static void put_line(
    FILE *file, const struct class_report *report, const char *path, const struct outcome *outcome)
{
    text_escape(file, path);
    putc('\t', file);
    text_escape(file, label(report, outcome->truth));
    for (size_t k = 0; k < shown(report); k++) {
        putc('\t', file);
        text_escape(file, label(report, outcome->best[k].label));
        fprintf(file, "\t%.7g\t%.7g", (double)outcome->best[k].probability, (double)outcome->best[k].cosine);
    }
    putc('\n', file);
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static int put_object(FILE *file, const struct class_report *report, const char *path,
    const struct outcome *outcome, struct err *err)
{
    json_t *best = json_array();
    for (size_t k = 0; k < shown(report); k++)
        json_array_append_new(
            best, json_pack("{s:o, s:f, s:f}", "label", json_text(label(report, outcome->best[k].label)),
                      "probability", (double)outcome->best[k].probability, product(report),
                      (double)outcome->best[k].cosine));
    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:s}", "path", json_text(path), "label",
        json_text(label(report, outcome->truth)), "predicted",
        json_text(label(report, outcome->best[0].label)), "best", best, "schema", "evaluate-predictions/1");
    if (!json)
        return err_memory(err, 0);
    json_dumpf(json, file, JSON_REAL_PRECISION(7)); /* a failed write shows in closing */
    putc('\n', file);
    json_decref(json);
    return 0;
}

int class_report_predictions(FILE *file, const struct class_report *report, bool json, struct err *err)
{
    const struct class_evaluation *result = &report->results[0];
    int rc = 0;
    if (!json)
        put_heads(file, report);
    for (size_t i = 0; i < result->count && !rc; i++) {
        const char *path = report->pictures->pictures[result->pictures[i]].path;
        if (json)
            rc = put_object(file, report, path, &result->outcomes[i], err);
        else
            put_line(file, report, path, &result->outcomes[i]);
    }
    return rc;
}
