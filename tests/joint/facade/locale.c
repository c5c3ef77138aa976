// SPDX-License-Identifier: Apache-2.0
/* locale POINT PICTURES INDEX: a program that has set its user's locale, in which POINT stands before the decimals, says
 * what numbers and names the library reads and writes. Nothing of what is said depends on a locale by itself. */
#include "joint/diptych.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct diptych_error error;
static const char *point;

/* Ends the program where a call has failed. */
static void check(int rc)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %s\n", diptych_code_name(error.code), error.message);
    exit(2);
}

/* This thread is in its user's locale. */
static void check_own(const char *where)
{
    char expected[16], number[16];
    snprintf(expected, sizeof expected, "1%s5", point);
    snprintf(number, sizeof number, "%.1f", 1.5);
    if (!strcmp(number, expected))
        return;
    fprintf(stderr, "%s is in another locale: %s\n", where, number);
    exit(2);
}

static int32_t step(void *context, const char *unit, size_t done, size_t total)
{
    (void)unit, (void)done, (void)total;
    *(int *)context += 1;
    check_own("a step");
    return 0;
}

static void report(void *context, int32_t code, const char *message)
{
    (void)context, (void)code, (void)message;
    check_own("a report");
}

/* The places are of XMP, read on threads of the library; the metadata goes through JSON and SQL. */
static void say_index(struct diptych_model *model, const char *pictures, const char *path)
{
    const struct diptych_index_options make = {.size = sizeof make, .make = 1};
    const struct diptych_sync_options sources = {
        .size = sizeof sources, .pictures = &pictures, .picture_count = 1};
    const struct diptych_search_options all = {
        .size = sizeof all, .order = DIPTYCH_BY_PATH, .where = "metadata ->> 'weight' > 1.2"};
    struct diptych_index *index;
    struct diptych_hits *hits;
    struct diptych_job *job;
    int steps = 0;
    check(diptych_job_new(&job, &error));
    check(diptych_job_watch(job, step, report, &steps, &error));
    check(diptych_index_open(&index, path, model, &make, &error));
    check(diptych_index_sync(index, NULL, &sources, job, &error));
    check(diptych_index_search(&hits, index, NULL, 0, &all, NULL, &error));
    for (size_t i = 0; i < diptych_hits_count(hits, 0); i++) {
        struct diptych_hit hit = {.size = sizeof hit};
        check(diptych_hits_get(hits, 0, i, &hit, &error));
        printf("%s at %lld %lld: %s\n", strrchr(hit.path, '/') + 1, (long long)(hit.latitude * 1e6),
            (long long)(hit.longitude * 1e6), hit.metadata);
    }
    puts(steps ? "steps" : "no steps");
    diptych_hits_free(hits);
    diptych_index_free(index);
    diptych_job_free(job);
}

static void say_signature(void)
{
    static const char *const words[] = {"a red heart"}, *const metrics[] = {"sacreBLEU"};
    static const size_t one = 1;
    const struct diptych_score_options options = {.size = sizeof options,
        .metrics = metrics,
        .metric_count = 1,
        .smoothing = "floor",
        .smoothing_value = 0.25};
    struct diptych_scores *scores;
    check(diptych_score_captions(&scores, words, words, &one, 1, &options, NULL, &error));
    puts(diptych_scores_signature(scores, "sacreBLEU"));
    diptych_scores_free(scores);
}

int main(int argc, char **argv)
{
    struct diptych_model *model;
    struct diptych_model_info info = {.size = sizeof info};
    if (argc != 4 || !setlocale(LC_ALL, ""))
        return 2;
    point = argv[1];
    check_own("the program");
    check(diptych_model_open(&model, NULL, NULL, NULL, &error));
    check(diptych_model_info(model, &info, &error));
    puts(info.fingerprint);
    say_index(model, argv[2], argv[3]);
    say_signature();
    diptych_model_free(model);
    diptych_model_open(&model, "VIT-b-32/OPENAI", NULL, NULL, &error); /* which is in no cache */
    puts(error.message);
    check_own("the program at its end");
    return 0;
}
