// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSES_SHOWN = 30, CONFUSIONS_SHOWN = 10 }; /* lines of a table */

double class_report_rate(const struct class_report *report, size_t label)
{
    const struct class_recall *class = &report->result->scores.classes[label];
    if (report->pictures->several)
        return report->result->precisions.classes[label];
    return class->pictures ? (double)class->right / (double)class->pictures : NAN;
}

size_t class_report_pictures(const struct class_report *report, size_t label)
{
    return report->pictures->several ? report->result->precisions.pictures[label]
                                     : report->result->scores.classes[label].pictures;
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
    const size_t labels = classifier_labels(report->classifier);
    struct place *places = mem_new(labels, sizeof *places);
    *count = 0;
    for (size_t i = 0; places && i < labels; i++)
        if (class_report_pictures(report, i))
            places[(*count)++] = (struct place){class_report_rate(report, i), i};
    if (places)
        qsort(places, *count, sizeof *places, by_rate);
    return places;
}

static void put_rate(const char *name, double rate)
{
    if (!isnan(rate))
        printf("%-22s %5.1f %%\n", name, 100 * rate);
}

static int put_classes(const struct class_report *report, const struct output *output, struct err *err)
{
    size_t count;
    struct place *places = sort_classes(report, &count);
    if (!places)
        return err_memory(err, classifier_labels(report->classifier) * sizeof *places);
    printf("\n  %-*s%8s  label\n", OUTPUT_SHARE_WIDTH,
        report->pictures->several ? " average precision" : " recall", "pictures");
    for (size_t i = 0; i < count && i < CLASSES_SHOWN; i++) {
        fputs("  ", stdout);
        output_share(output, places[i].rate);
        printf("%8zu  ", class_report_pictures(report, places[i].row));
        text_escape(stdout, classifier_label(report->classifier, places[i].row));
        putchar('\n');
    }
    if (count > CLASSES_SHOWN)
        printf("  %zu more classes do as well or better; tsv and json have all\n", count - CLASSES_SHOWN);
    free(places);
    return 0;
}

static void put_confusions(const struct class_report *report)
{
    const struct class_scores *scores = &report->result->scores;
    if (scores->confusion_count)
        puts("\n  mistakes  label, and what it was taken for");
    for (size_t i = 0; i < scores->confusion_count && i < CONFUSIONS_SHOWN; i++) {
        const struct confusion *pair = &scores->confusions[i];
        printf("  %8zu  ", pair->count);
        text_escape(stdout, classifier_label(report->classifier, pair->truth));
        fputs(" -> ", stdout);
        text_escape(stdout, classifier_label(report->classifier, pair->predicted));
        putchar('\n');
    }
    if (scores->confusion_count > CONFUSIONS_SHOWN)
        printf("  %zu more pairs of labels\n", scores->confusion_count - CONFUSIONS_SHOWN);
}

static int print_table(const struct class_report *report, struct err *err)
{
    struct output output;
    output_init(&output, OUTPUT_TABLE);
    if (report->pictures->several) {
        put_rate("mean average precision", report->result->precisions.mean);
    } else {
        put_rate("acc@1", report->result->scores.acc1);
        put_rate("acc@5", report->result->scores.acc5);
        put_rate("mean per-class recall", report->result->scores.mean_per_class_recall);
    }
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
    for (size_t i = 0; i < classifier_labels(report->classifier); i++) {
        const double rate = class_report_rate(report, i);
        text_escape(stdout, classifier_label(report->classifier, i));
        printf("\t%zu\t", class_report_pictures(report, i));
        if (!several)
            printf("%zu\t", report->result->scores.classes[i].right);
        if (!isnan(rate))
            printf("%.12g", rate);
        putchar('\n');
    }
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static json_t *precisions_json(const struct class_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->result->precisions.labels; i++)
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:f}", "label", json_text(classifier_label(report->classifier, i)),
                      "pictures", (json_int_t)report->result->precisions.pictures[i], "average_precision",
                      report->result->precisions.classes[i]));
    return list;
}

static json_t *classes_json(const struct class_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->result->scores.labels; i++) {
        const struct class_recall *class = &report->result->scores.classes[i];
        json_array_append_new(list,
            json_pack("{s:o, s:I, s:I, s:o}", "label", json_text(classifier_label(report->classifier, i)),
                "pictures", (json_int_t) class->pictures, "right", (json_int_t) class->right, "recall",
                class->pictures ? json_real(class_report_rate(report, i)) : json_null()));
    }
    return list;
}

static json_t *confusions_json(const struct class_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->result->scores.confusion_count; i++) {
        const struct confusion *pair = &report->result->scores.confusions[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:I}", "label",
                      json_text(classifier_label(report->classifier, pair->truth)), "predicted",
                      json_text(classifier_label(report->classifier, pair->predicted)), "count",
                      (json_int_t)pair->count));
    }
    return list;
}

static void add_scores(json_t *json, const struct class_report *report)
{
    const struct class_scores *scores = &report->result->scores;
    json_object_set_new(json, "acc1", json_real(scores->acc1));
    if (!isnan(scores->acc5))
        json_object_set_new(json, "acc5", json_real(scores->acc5));
    json_object_set_new(json, "mean_per_class_recall", json_real(scores->mean_per_class_recall));
    json_object_set_new(json, "classes", classes_json(report));
    json_object_set_new(json, "confusions", confusions_json(report));
}

static int print_json(const struct class_report *report, struct err *err)
{
    json_t *json = json_pack("{s:I, s:I}", "pictures", (json_int_t)report->result->count, "failed",
        (json_int_t)report->result->failed);
    if (report->pictures->several) {
        json_object_set_new(json, "mean_average_precision", json_real(report->result->precisions.mean));
        json_object_set_new(json, "classes", precisions_json(report));
    } else {
        add_scores(json, report);
    }
    json_object_update_new(json, evaluate_json(report->session));
    return json_print(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12), err);
}

int class_report_print(const struct class_report *report, int format, struct err *err)
{
    switch (format) {
    case OUTPUT_JSON:
        return print_json(report, err);
    case OUTPUT_TSV:
        print_tsv(report);
        return 0;
    default:
        return print_table(report, err);
    }
}
