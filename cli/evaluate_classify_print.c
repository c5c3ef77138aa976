// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSES_SHOWN = 30, CONFUSIONS_SHOWN = 10 }; /* lines of a table */

static double recall(const struct class_recall *class)
{
    return class->pictures ? (double)class->right / (double)class->pictures : NAN;
}

double class_report_rate(const struct class_report *report, size_t label)
{
    const struct class_evaluation *result = &report->results[0];
    return report->pictures->several ? result->precisions.classes[label]
                                     : recall(&result->scores.classes[label]);
}

size_t class_report_pictures(const struct class_report *report, size_t label)
{
    const struct class_evaluation *result = &report->results[0];
    return report->pictures->several ? result->precisions.pictures[label]
                                     : result->scores.classes[label].pictures;
}

/* ---- table --------------------------------------------------------------------------------------------- */

/* Rows of the labels that have pictures, from the lowest rate on; equals by rows. free() them. */
struct place {
    double rate;
    size_t row;
};

static int by_rate(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->rate < y->rate || x->rate > y->rate)
        return x->rate < y->rate ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static struct place *sort_classes(const struct class_report *report, size_t *count)
{
    const size_t labels = report->pictures->labels.count;
    struct place *places = mem_new(labels, sizeof *places);
    *count = 0;
    for (size_t i = 0; places && i < labels; i++)
        if (class_report_pictures(report, i))
            places[(*count)++] = (struct place){class_report_rate(report, i), i};
    if (places)
        qsort(places, *count, sizeof *places, by_rate);
    return places;
}

static void put_rates(const struct class_report *report)
{
    const struct class_evaluation *result = &report->results[0];
    for (size_t rate = 0; rate < report->rates->count; rate++) {
        if (!rate_known(report->rates, rate))
            continue;
        printf("%-22s %5.1f %%", report->rates->titles[rate], 100 * rate_of(report->rates, 0, rate));
        rate_put_interval(report->rates, 0, rate, "  ");
        putchar('\n');
    }
    if (report->pictures->several)
        return;
    printf(
        "%-22s %5.1f %%\n", "calibration error", 100 * calibration_of(result->outcomes, result->count).error);
}

static int put_classes(const struct class_report *report, const struct output *output, struct err *err)
{
    size_t count;
    struct place *places = sort_classes(report, &count);
    if (!places)
        return err_memory(err, report->pictures->labels.count * sizeof *places);
    printf("\n  %-*s%8s  label\n", OUTPUT_SHARE_WIDTH,
        report->pictures->several ? " average precision" : " recall", "pictures");
    for (size_t i = 0; i < count && i < CLASSES_SHOWN; i++) {
        fputs("  ", stdout);
        output_share(output, places[i].rate);
        printf("%8zu  ", class_report_pictures(report, places[i].row));
        text_escape(stdout, report->pictures->labels.items[places[i].row]);
        putchar('\n');
    }
    if (count > CLASSES_SHOWN)
        printf("  %zu more classes do as well or better; tsv and json have all\n", count - CLASSES_SHOWN);
    free(places);
    return 0;
}

static void put_confusions(const struct class_report *report)
{
    const struct class_scores *scores = &report->results[0].scores;
    if (scores->confusion_count)
        puts("\n  mistakes  label, and what it was taken for");
    for (size_t i = 0; i < scores->confusion_count && i < CONFUSIONS_SHOWN; i++) {
        const struct confusion *pair = &scores->confusions[i];
        printf("  %8zu  ", pair->count);
        text_escape(stdout, report->pictures->labels.items[pair->truth]);
        fputs(" -> ", stdout);
        text_escape(stdout, report->pictures->labels.items[pair->predicted]);
        putchar('\n');
    }
    if (scores->confusion_count > CONFUSIONS_SHOWN)
        printf("  %zu more pairs of labels\n", scores->confusion_count - CONFUSIONS_SHOWN);
}

static int print_table(const struct class_report *report, struct err *err)
{
    struct output output;
    output_init(&output, OUTPUT_TABLE);
    put_rates(report);
    if (report->published)
        published_print(report);
    int rc = put_classes(report, &output, err);
    if (!rc)
        put_confusions(report);
    return rc;
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static void print_tsv(const struct class_report *report)
{
    const bool several = report->pictures->several;
    puts(several ? "label\tpictures\taverage_precision" : "label\tpictures\tright\trecall");
    for (size_t i = 0; i < report->pictures->labels.count; i++) {
        const double rate = class_report_rate(report, i);
        text_escape(stdout, report->pictures->labels.items[i]);
        printf("\t%zu\t", class_report_pictures(report, i));
        if (!several)
            printf("%zu\t", report->results[0].scores.classes[i].right);
        if (!isnan(rate))
            printf("%.12g", rate);
        putchar('\n');
    }
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static json_t *precisions_json(const struct class_report *report, const struct average_precisions *precisions)
{
    json_t *list = json_array();
    for (size_t i = 0; i < precisions->labels; i++)
        json_array_append_new(list,
            json_pack("{s:o, s:I, s:f}", "label", json_text(report->pictures->labels.items[i]), "pictures",
                (json_int_t)precisions->pictures[i], "average_precision", precisions->classes[i]));
    return list;
}

static json_t *classes_json(const struct class_report *report, const struct class_scores *scores)
{
    json_t *list = json_array();
    for (size_t i = 0; i < scores->labels; i++) {
        const struct class_recall *class = &scores->classes[i];
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:o}", "label", json_text(report->pictures->labels.items[i]),
                      "pictures", (json_int_t) class->pictures, "right", (json_int_t) class->right, "recall",
                      class->pictures ? json_real(recall(class)) : json_null()));
    }
    return list;
}

static json_t *confusions_json(const struct class_report *report, const struct class_scores *scores)
{
    char *const *labels = report->pictures->labels.items;
    json_t *list = json_array();
    for (size_t i = 0; i < scores->confusion_count; i++) {
        const struct confusion *pair = &scores->confusions[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:I}", "label", json_text(labels[pair->truth]), "predicted",
                      json_text(labels[pair->predicted]), "count", (json_int_t)pair->count));
    }
    return list;
}

static json_t *calibration_json(const struct class_evaluation *result)
{
    const struct calibration calibration = calibration_of(result->outcomes, result->count);
    json_t *bins = json_array();
    for (size_t i = 0; i < CALIBRATION_BINS; i++) {
        const struct calibration_bin *bin = &calibration.bins[i];
        json_array_append_new(
            bins, json_pack("{s:I, s:o, s:o}", "pictures", (json_int_t)bin->pictures, "confidence",
                      bin->pictures ? json_real(bin->confidence) : json_null(), "accuracy",
                      bin->pictures ? json_real(bin->accuracy) : json_null()));
    }
    return json_pack("{s:f, s:o}", "error", calibration.error, "bins", bins);
}

/* {"acc1", "acc5", "mean_per_class_recall"}, as CLIP_benchmark calls them. */
static json_t *rates_of(const struct class_report *report, size_t model)
{
    json_t *json = json_object();
    for (size_t rate = 0; rate < report->rates->count; rate++)
        if (rate_known(report->rates, rate))
            json_object_set_new(
                json, report->rates->keys[rate], json_real(rate_of(report->rates, model, rate)));
    return json;
}

static json_t *model_json(const struct class_report *report, size_t model)
{
    const struct class_evaluation *result = &report->results[model];
    json_t *json =
        json_pack("{s:I, s:I}", "pictures", (json_int_t)result->count, "failed", (json_int_t)result->failed);
    json_object_update_new(json, rates_of(report, model));
    if (report->pictures->several) {
        if (report->rates->sure)
            json_object_set_new(json, "bootstrap", rates_json(report->rates, model));
        json_object_set_new(json, "classes", precisions_json(report, &result->precisions));
    } else {
        json_object_set_new(json, "calibration", calibration_json(result));
        json_object_set_new(json, "bootstrap", rates_json(report->rates, model));
        if (report->published)
            json_object_set_new(json, "published", published_json(report));
        json_object_set_new(json, "classes", classes_json(report, &result->scores));
        json_object_set_new(json, "confusions", confusions_json(report, &result->scores));
    }
    json_object_update(json, report->about[model]);
    return json;
}

static int print_json(const struct class_report *report, struct err *err)
{
    const size_t models = report->rates->models;
    json_t *list = json_array();
    for (size_t model = 0; model < models && models > 1; model++)
        json_array_append_new(list, model_json(report, model));
    json_t *json = models > 1 ? json_pack("{s:O}", "models", list) : model_json(report, 0);
    json_decref(list);
    return json_print("evaluate-classify/1", json, JSON_INDENT(2) | JSON_REAL_PRECISION(12), err);
}

int class_report_print(const struct class_report *report, int format, struct err *err)
{
    const bool several = report->rates->models > 1;
    switch (format) {
    case OUTPUT_JSON:
        return print_json(report, err);
    case EVALUATE_CLIP_BENCHMARK:
        return clip_benchmark_print(
            report->data_set, "zeroshot_classification", report->rates->names[0], rates_of(report, 0), err);
    case OUTPUT_TSV:
        (several ? rates_print_tsv(report->rates) : print_tsv(report));
        return 0;
    default:
        if (!several)
            return print_table(report, err);
        rates_print_table(report->rates);
        return 0;
    }
}
