// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"

static const struct retrieval_scores *direction(const struct retrieval_report *report, int i)
{
    return i ? &report->scores[0].text_to_image : &report->scores[0].image_to_text;
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
    putchar('\n');
    for (int i = 0; i < 2; i++) {
        printf("%-13s    95 %%", names[i]);
        for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
            printf("  R@%zu", retrieval_cutoffs[k]);
            rate_put_interval(report->rates, 0, (size_t)i * RETRIEVAL_CUTOFFS + k, " ");
        }
        putchar('\n');
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

static json_t *model_json(const struct retrieval_report *report, size_t model)
{
    const struct retrieval *scores = &report->scores[model];
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "image_to_text", direction_json(&scores->image_to_text),
            "text_to_image", direction_json(&scores->text_to_image), "bootstrap",
            rates_json(report->rates, model), "failed", (json_int_t)report->failed, "without_picture",
            (json_int_t)report->without_picture, "without_captions", (json_int_t)report->without_captions);
    if (report->storage)
        json_object_set_new(json, "storage", json_string(report->storage));
    json_object_update(json, report->about[model]);
    return json;
}

static int print_json(const struct retrieval_report *report, struct err *err)
{
    const size_t models = report->rates->models;
    json_t *list = json_array();
    for (size_t model = 0; model < models && models > 1; model++)
        json_array_append_new(list, model_json(report, model));
    json_t *json = models > 1 ? json_pack("{s:O}", "models", list) : model_json(report, 0);
    json_decref(list);
    return json_print("evaluate-retrieval/1", json, JSON_INDENT(2) | JSON_REAL_PRECISION(12), err);
}

/* ---- clip-benchmark ------------------------------------------------------------------------------------ */

static int print_clip_benchmark(const struct retrieval_report *report, struct err *err)
{
    static const char *const names[] = {"text", "image"}; /* what is retrieved */
    json_t *metrics = json_object();
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
            char key[64];
            snprintf(key, sizeof key, "%s_retrieval_recall@%zu", names[i], retrieval_cutoffs[k]);
            json_object_set_new(metrics, key, json_real(direction(report, i)->recall[k]));
        }
    return clip_benchmark_print(
        report->directory, "zeroshot_retrieval", report->rates->names[0], metrics, err);
}

int retrieval_print(const struct retrieval_report *report, int format, struct err *err)
{
    const bool several = report->rates->models > 1;
    switch (format) {
    case OUTPUT_JSON:
        return print_json(report, err);
    case EVALUATE_CLIP_BENCHMARK:
        return print_clip_benchmark(report, err);
    case OUTPUT_TSV:
        (several ? rates_print_tsv(report->rates) : print_tsv(report));
        return 0;
    default:
        (several ? rates_print_table(report->rates) : print_table(report));
        return 0;
    }
}
