// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/score.h"
#include "cli/text.h"

#include <stdio.h>

static const struct bootstrap_score *bounds_of(const struct score_report *report, size_t system, int metric)
{
    return &report->intervals[system * METRIC_COUNT + (size_t)metric];
}

/* ---- table --------------------------------------------------------------------------------------------- */

static void put_system(const struct score_report *report, size_t system, int metric, int width)
{
    const struct bootstrap_score *bounds = bounds_of(report, system, metric);
    const int decimals = score_decimals(metric);
    fputs("  ", stdout);
    text_escape(stdout, report->names[system]);
    printf("%*s  %7.*f  [%.*f, %.*f]", width - text_width(report->names[system]), "", decimals,
        report->scores[system].corpus[metric], decimals, bounds->low, decimals, bounds->high);
    if (system > 0)
        printf("  %+.*f  [%+.*f, %+.*f]  p %.4f", decimals, bounds->difference, decimals,
            bounds->difference_low, decimals, bounds->difference_high, bounds->p);
    putchar('\n');
}

static int print_table(const struct score_report *report, struct err *err)
{
    int width = 0;
    (void)err;
    for (size_t s = 0; s < report->systems; s++)
        if (text_width(report->names[s]) > width)
            width = text_width(report->names[s]);
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        if (!report->scores[0].images[metric])
            continue;
        puts(caption_metrics[metric].title);
        for (size_t s = 0; s < report->systems; s++)
            put_system(report, s, metric, width);
    }
    return 0;
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static int print_tsv(const struct score_report *report, struct err *err)
{
    (void)err;
    puts("metric\tsystem\tscore\tlow\thigh\tdifference\tdifference_low\tdifference_high\tp");
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        if (!report->scores[0].images[metric])
            continue;
        for (size_t s = 0; s < report->systems; s++) {
            const struct bootstrap_score *bounds = bounds_of(report, s, metric);
            printf("%s\t", caption_metrics[metric].key);
            text_escape(stdout, report->names[s]);
            printf("\t%.12g\t%.12g\t%.12g\t%.12g\t%.12g\t%.12g\t%.12g\n", report->scores[s].corpus[metric],
                bounds->low, bounds->high, bounds->difference, bounds->difference_low,
                bounds->difference_high, bounds->p);
        }
    }
    return 0;
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static json_t *interval_json(double low, double high)
{
    return json_pack("[o, o]", caption_number_json(low), caption_number_json(high));
}

static json_t *intervals_json(const struct score_report *report, size_t system)
{
    json_t *intervals = json_object();
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        const struct bootstrap_score *bounds = bounds_of(report, system, metric);
        if (!report->scores[system].images[metric])
            continue;
        json_t *interval = json_pack("{s:o}", "interval", interval_json(bounds->low, bounds->high));
        if (system > 0)
            json_object_update_new(interval,
                json_pack("{s:o, s:o, s:f}", "difference", caption_number_json(bounds->difference),
                    "difference_interval", interval_json(bounds->difference_low, bounds->difference_high),
                    "p", bounds->p));
        json_object_set_new(intervals, caption_metrics[metric].key, interval);
    }
    return intervals;
}

static int print_json(const struct score_report *report, struct err *err)
{
    json_t *systems = json_array();
    for (size_t s = 0; s < report->systems; s++)
        json_array_append_new(
            systems, json_pack("{s:o, s:o, s:o}", "candidates", json_text(report->names[s]), "corpus",
                         caption_corpus_json(&report->scores[s]), "bootstrap", intervals_json(report, s)));
    return json_print("score/1", json_pack("{s:o, s:O}", "systems", systems, "signature", report->signature),
        JSON_INDENT(1) | JSON_REAL_PRECISION(CAPTION_SCORE_DIGITS), err);
}

int comparison_print(const struct score_report *report, int format, struct err *err)
{
    static int (*const printers[])(const struct score_report *, struct err *) = {
        print_table, print_tsv, print_json};
    return printers[format](report, err);
}
