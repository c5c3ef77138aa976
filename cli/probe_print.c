// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/text.h"

#include <math.h>

/* ---- what was learned ---------------------------------------------------------------------------------- */

static json_t *share(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *part_json(const struct lesson *lesson, const struct probe_report *report, int part)
{
    static const char *const names[] = {"train", "validation", "test"};
    const struct probe_result *result = &report->results[part];
    json_t *json = json_pack("{s:s, s:I, s:I}", "part",
        part == LESSON_VALIDATION && lesson->held_out ? "held out" : names[part], "pictures",
        (json_int_t)result->examples, "failed", (json_int_t)lesson->failed[part]);
    if (lesson->examples.several) {
        json_object_set_new(json, "mean_average_precision", share(result->score));
        return json;
    }
    json_object_set_new(json, "accuracy", share(result->score));
    json_object_set_new(json, "calibration_error", share(result->error));
    json_object_set_new(json, "without_temperature", share(result->error_before));
    return json;
}

static json_t *sweep_json(const struct probe_sweep *sweep)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < sweep->count; i++)
        json_array_append_new(steps, json_pack("{s:f, s:f, s:f}", "C", sweep->steps[i].c, "score",
                                         sweep->steps[i].score, "loss", sweep->steps[i].loss));
    return steps;
}

int probe_report_print(const char *path, const struct lesson *lesson, const struct probe_report *report,
    int format, struct err *err)
{
    json_t *parts = json_array();
    for (int part = 0; part < LESSON_PARTS; part++)
        if (report->results[part].examples)
            json_array_append_new(parts, part_json(lesson, report, part));
    json_t *json = json_pack("{s:o, s:I, s:f, s:f, s:I, s:f, s:b}", "probe", json_text(path), "labels",
        (json_int_t)lesson->labels->count, "C", report->c, "temperature", report->temperature, "iterations",
        (json_int_t)report->iterations, "objective", report->objective, "converged", report->converged);
    if (report->sweep.count && format == OUTPUT_JSON)
        json_object_set_new(json, "sweep", sweep_json(&report->sweep));
    json_object_set_new(json, "parts", parts);
    return report_print("probe-fit/1", json, format == OUTPUT_JSON, err);
}

/* ---- few shots ----------------------------------------------------------------------------------------- */

static int print_json(const struct few_shot_row *rows, const struct few_shot_options *options,
    const struct lesson *lesson, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < options->count; i++) {
        json_t *row = json_pack("{s:I}", "shots", (json_int_t)rows[i].shots);
        for (int method = 0; method < FEW_SHOT_METHODS; method++)
            json_object_set_new(row, few_shot_names[method],
                json_pack(
                    "{s:f, s:f}", "mean", rows[i].mean[method], "deviation", rows[i].deviation[method]));
        json_array_append_new(list, row);
    }
    return json_print("probe-shots/1",
        json_pack("{s:I, s:I, s:I, s:o}", "labels", (json_int_t)lesson->labels->count, "draws",
            (json_int_t)options->draws, "pictures", (json_int_t)lesson->counts[LESSON_TEST], "rows", list),
        JSON_INDENT(2), err);
}

static void print_tsv(const struct few_shot_row *rows, const struct few_shot_options *options)
{
    fputs("shots\tmethod\tmean\tdeviation\n", stdout);
    for (size_t i = 0; i < options->count; i++)
        for (int method = 0; method < FEW_SHOT_METHODS; method++)
            printf("%zu\t%s\t%.7g\t%.7g\n", rows[i].shots, few_shot_names[method], rows[i].mean[method],
                rows[i].deviation[method]);
}

static void print_table(
    const struct few_shot_row *rows, const struct few_shot_options *options, const struct lesson *lesson)
{
    const char *plus_minus = text_unicode() ? "±" : "+-";
    printf("%zu labels, %zu test pictures, accuracy over %zu draws in %%\n\n%8s", lesson->labels->count,
        lesson->counts[LESSON_TEST], options->draws, "shots");
    for (int method = 0; method < FEW_SHOT_METHODS; method++)
        printf("  %13s", few_shot_names[method]);
    for (size_t i = 0; i < options->count; i++) {
        printf("\n%8zu", rows[i].shots);
        for (int method = 0; method < FEW_SHOT_METHODS; method++)
            printf(
                "  %6.1f %s%5.1f", 100 * rows[i].mean[method], plus_minus, 100 * rows[i].deviation[method]);
    }
    putchar('\n');
}

int few_shot_print(const struct few_shot_row *rows, const struct few_shot_options *options,
    const struct lesson *lesson, int format, struct err *err)
{
    if (format == OUTPUT_JSON)
        return print_json(rows, options, lesson, err);
    if (format == OUTPUT_TSV)
        print_tsv(rows, options);
    else
        print_table(rows, options, lesson);
    return 0;
}
