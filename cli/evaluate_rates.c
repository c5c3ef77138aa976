// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double rate_of(const struct rates *rates, size_t model, size_t rate)
{
    return rates->values[model * rates->count + rate];
}

const struct bootstrap_score *rate_sure(const struct rates *rates, size_t model, size_t rate)
{
    return rates->sure ? &rates->sure[model * rates->count + rate] : NULL;
}

/* acc@5 of less than five labels is none. */
bool rate_known(const struct rates *rates, size_t rate)
{
    return !isnan(rate_of(rates, 0, rate));
}

/* ---- table --------------------------------------------------------------------------------------------- */

void rate_put_interval(const struct rates *rates, size_t model, size_t rate, const char *before)
{
    const struct bootstrap_score *sure = rate_sure(rates, model, rate);
    if (sure)
        printf("%s[%.1f, %.1f]", before, 100 * sure->low, 100 * sure->high);
}

static void put_model(const struct rates *rates, size_t model, size_t rate, int width)
{
    const struct bootstrap_score *sure = rate_sure(rates, model, rate);
    fputs("  ", stdout);
    text_escape(stdout, rates->names[model]);
    printf("%*s  %5.1f %%", width - text_width(rates->names[model]), "", 100 * rate_of(rates, model, rate));
    rate_put_interval(rates, model, rate, "  ");
    if (model > 0 && sure)
        printf("  %+.1f  [%+.1f, %+.1f]  p %.4f", 100 * sure->difference, 100 * sure->difference_low,
            100 * sure->difference_high, sure->p);
    putchar('\n');
}

void rates_print_table(const struct rates *rates)
{
    int width = 0;
    for (size_t m = 0; m < rates->models; m++)
        if (text_width(rates->names[m]) > width)
            width = text_width(rates->names[m]);
    for (size_t rate = 0; rate < rates->count; rate++) {
        if (!rate_known(rates, rate))
            continue;
        puts(rates->titles[rate]);
        for (size_t m = 0; m < rates->models; m++)
            put_model(rates, m, rate, width);
    }
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

void rates_print_tsv(const struct rates *rates)
{
    puts("metric\tmodel\tscore\tlow\thigh\tdifference\tdifference_low\tdifference_high\tp");
    for (size_t rate = 0; rate < rates->count; rate++) {
        if (!rate_known(rates, rate))
            continue;
        for (size_t m = 0; m < rates->models; m++) {
            const struct bootstrap_score *sure = rate_sure(rates, m, rate);
            printf("%s\t", rates->keys[rate]);
            text_escape(stdout, rates->names[m]);
            printf("\t%.12g", rate_of(rates, m, rate));
            if (sure)
                printf("\t%.12g\t%.12g\t%.12g\t%.12g\t%.12g\t%.12g\n", sure->low, sure->high,
                    sure->difference, sure->difference_low, sure->difference_high, sure->p);
            else
                puts("\t\t\t\t\t\t");
        }
    }
}

/* ---- json ---------------------------------------------------------------------------------------------- */

json_t *rates_json(const struct rates *rates, size_t model)
{
    json_t *json =
        json_pack("{s:I, s:I}", "samples", (json_int_t)rates->samples, "seed", (json_int_t)rates->seed);
    for (size_t rate = 0; rate < rates->count; rate++) {
        const struct bootstrap_score *sure = rate_sure(rates, model, rate);
        if (!rate_known(rates, rate))
            continue;
        json_t *interval = json_pack("{s:[f, f]}", "interval", sure->low, sure->high);
        if (model > 0)
            json_object_update_new(interval,
                json_pack("{s:f, s:[f, f], s:f}", "difference", sure->difference, "difference_interval",
                    sure->difference_low, sure->difference_high, "p", sure->p));
        json_object_set_new(json, rates->keys[rate], interval);
    }
    return json;
}

/* ---- clip-benchmark ------------------------------------------------------------------------------------ */

/* The last part of a path, or of a name of open_clip's either of its parts. */
static const char *last_part(const char *path, size_t *length)
{
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';)
        begin--;
    *length = end - begin;
    return path + begin;
}

/* json_text of the first bytes alone. */
static json_t *json_part(const char *text, size_t length)
{
    char *part = strndup(text, length);
    json_t *string = part ? json_text(part) : NULL;
    free(part);
    return string;
}

int clip_benchmark_print(
    const char *data_set, const char *task, const char *model, json_t *metrics, struct err *err)
{
    const char *slash = strchr(model, '/');
    const bool named = slash && slash > model && !strchr(slash + 1, '/') && !file_exists(model);
    size_t set_length, model_length;
    const char *set = last_part(data_set, &set_length), *last = last_part(model, &model_length);
    return json_print(NULL,
        json_pack("{s:o, s:o, s:o, s:s, s:o, s:s}", "dataset", json_part(set, set_length), "model",
            named ? json_part(model, (size_t)(slash - model)) : json_part(last, model_length), "pretrained",
            json_text(named ? slash + 1 : model), "task", task, "metrics", metrics, "language", "en"),
        JSON_REAL_PRECISION(17), err);
}
