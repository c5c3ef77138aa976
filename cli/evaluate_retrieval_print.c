// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"

static const struct retrieval_scores *direction(const struct retrieval_report *report, int i)
{
    return i ? &report->scores.text_to_image : &report->scores.image_to_text;
}

/* ---- table --------------------------------------------------------------------------------------------- */

static void put_count(size_t count, const char *what)
{
    if (count)
        printf("%s: %zu\n", what, count);
}

static void print_table(const struct retrieval_report *report)
{
    static const char *const names[] = {"image to text", "text to image"};
    printf("%-13s %8s", "", "queries");
    for (int k = 0; k < RETRIEVAL_CUTOFFS; k++)
        printf("     R@%-2zu", retrieval_cutoffs[k]);
    printf("  %8s %9s\n", "median", "mean rank");
    for (int i = 0; i < 2; i++) {
        const struct retrieval_scores *scores = direction(report, i);
        printf("%-13s %8zu", names[i], scores->queries);
        for (int k = 0; k < RETRIEVAL_CUTOFFS; k++)
            printf("  %5.1f %%", 100 * scores->recall[k]);
        printf("  %8.6g %9.1f\n", scores->median_rank, scores->mean_rank);
    }
    if (report->failed + report->without_picture + report->without_captions)
        putchar('\n');
    put_count(report->failed, "unreadable pictures, left out with their captions");
    put_count(report->without_picture, "captioned images without a picture, left out");
    put_count(report->without_captions, "pictures without captions, which are no part of this");
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static void print_tsv(const struct retrieval_report *report)
{
    static const char *const names[] = {"image_to_text", "text_to_image"};
    fputs("direction\tqueries", stdout);
    for (int k = 0; k < RETRIEVAL_CUTOFFS; k++)
        printf("\tR@%zu", retrieval_cutoffs[k]);
    puts("\tmedian_rank\tmean_rank");
    for (int i = 0; i < 2; i++) {
        const struct retrieval_scores *scores = direction(report, i);
        printf("%s\t%zu", names[i], scores->queries);
        for (int k = 0; k < RETRIEVAL_CUTOFFS; k++)
            printf("\t%.12g", scores->recall[k]);
        printf("\t%.12g\t%.12g\n", scores->median_rank, scores->mean_rank);
    }
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static json_t *direction_json(const struct retrieval_scores *scores)
{
    json_t *json = json_pack("{s:I}", "queries", (json_int_t)scores->queries);
    for (int k = 0; k < RETRIEVAL_CUTOFFS; k++) {
        char key[32];
        snprintf(key, sizeof key, "R@%zu", retrieval_cutoffs[k]);
        json_object_set_new(json, key, json_real(scores->recall[k]));
    }
    json_object_set_new(json, "median_rank", json_real(scores->median_rank));
    json_object_set_new(json, "mean_rank", json_real(scores->mean_rank));
    return json;
}

static int print_json(const struct retrieval_report *report, struct err *err)
{
    json_t *json = json_pack("{s:o, s:o, s:I, s:I, s:I}", "image_to_text",
        direction_json(direction(report, 0)), "text_to_image", direction_json(direction(report, 1)), "failed",
        (json_int_t)report->failed, "without_picture", (json_int_t)report->without_picture,
        "without_captions", (json_int_t)report->without_captions);
    json_object_update_new(json, evaluate_json(report->session));
    return json_print(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12), err);
}

int retrieval_print(const struct retrieval_report *report, int format, struct err *err)
{
    switch (format) {
    case OUTPUT_JSON:
        return print_json(report, err);
    case OUTPUT_TSV:
        print_tsv(report);
        return 0;
    default:
        print_table(report);
        return 0;
    }
}
