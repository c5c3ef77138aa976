// SPDX-License-Identifier: Apache-2.0
/* How far a model is from what was published of it, and why that can be. */
#include "cli/evaluate.h"
#include "cli/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { REASONS_MAX = 8, REASON_SIZE = 160 };

struct reasons {
    char text[REASONS_MAX][REASON_SIZE];
    size_t count;
};

static double errors_of(const struct class_report *report)
{
    return published_errors(
        report->published, rate_of(report->rates, 0, CLASS_ACC1), report->results[0].count);
}

/* What is known to be other than where the published figure is from. */
static struct reasons reasons_of(const struct class_report *report)
{
    const struct class_evaluation *result = &report->results[0];
    const char *precision = json_string_value(json_object_get(report->about[0], "precision"));
    struct reasons r = {0};
    if (result->count != report->published->pictures)
        snprintf(r.text[r.count++], REASON_SIZE, "%zu pictures were measured, and the data set has %zu",
            result->count, report->published->pictures);
    if (report->differs.model)
        snprintf(r.text[r.count++], REASON_SIZE, "--model names other files, whose weights may be others");
    if (report->differs.templates)
        snprintf(r.text[r.count++], REASON_SIZE, "--templates are not the data set's");
    if (report->differs.decoding)
        snprintf(r.text[r.count++], REASON_SIZE, "--fast-decode changes pixels");
#ifndef DIPTYCH_JPEG_TURBO
    snprintf(r.text[r.count++], REASON_SIZE,
        "this build decodes JPEG with stb_image, by other rounding than Pillow");
#endif
    if (precision && strcmp(precision, "f32") != 0)
        snprintf(r.text[r.count++], REASON_SIZE, "the model runs in %s", precision);
    if (!r.count && fabs(errors_of(report)) > 2)
        snprintf(r.text[r.count++], REASON_SIZE,
            "nothing that can be seen from here: are the pictures those of the test part, under their own "
            "labels?");
    return r;
}

void published_print(const struct class_report *report)
{
    const struct published *published = report->published;
    const double difference = rate_of(report->rates, 0, CLASS_ACC1) - published->acc1;
    const struct reasons reasons = reasons_of(report);
    printf("%-22s %5.1f %%  %s of %s\n", "published acc@1", 100 * published->acc1, published->model,
        published->source);
    printf("%-22s %+5.1f points, %.1f standard errors of %zu pictures\n", "difference", 100 * difference,
        fabs(errors_of(report)), report->results[0].count);
    for (size_t i = 0; i < reasons.count; i++)
        printf("%-22s %s\n", i ? "" : "which can be because", reasons.text[i]);
}

json_t *published_json(const struct class_report *report)
{
    const struct published *published = report->published;
    const struct reasons reasons = reasons_of(report);
    json_t *list = json_array();
    for (size_t i = 0; i < reasons.count; i++)
        json_array_append_new(list, json_string(reasons.text[i]));
    return json_pack("{s:s, s:f, s:s, s:f, s:f, s:o}", "model", published->model, "acc1", published->acc1,
        "source", published->source, "difference", rate_of(report->rates, 0, CLASS_ACC1) - published->acc1,
        "standard_errors", errors_of(report), "reasons", list);
}
