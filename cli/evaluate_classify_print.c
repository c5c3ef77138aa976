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

/* ---- table --------------------------------------------------------------------------------------------- */

/* Rows of the labels that have pictures, from the lowest recall on; equals by rows. free() them. */
struct place {
    double recall;
    size_t row;
};

static int by_recall(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->recall < y->recall || x->recall > y->recall)
        return x->recall < y->recall ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static struct place *sort_classes(const struct class_scores *scores, size_t *count)
{
    struct place *places = mem_new(scores->labels, sizeof *places);
    *count = 0;
    for (size_t i = 0; places && i < scores->labels; i++)
        if (scores->classes[i].pictures)
            places[(*count)++] = (struct place){recall(&scores->classes[i]), i};
    if (places)
        qsort(places, *count, sizeof *places, by_recall);
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
    struct place *places = sort_classes(&report->result->scores, &count);
    if (!places)
        return err_memory(err, report->result->scores.labels * sizeof *places);
    printf("\n  %-*s%8s  label\n", OUTPUT_SHARE_WIDTH, " recall", "pictures");
    for (size_t i = 0; i < count && i < CLASSES_SHOWN; i++) {
        fputs("  ", stdout);
        output_share(output, places[i].recall);
        printf("%8zu  ", report->result->scores.classes[places[i].row].pictures);
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
    put_rate("acc@1", report->result->scores.acc1);
    put_rate("acc@5", report->result->scores.acc5);
    put_rate("mean per-class recall", report->result->scores.mean_per_class_recall);
    int rc = put_classes(report, &output, err);
    if (!rc)
        put_confusions(report);
    return rc;
}

/* ---- tsv ----------------------------------------------------------------------------------------------- */

static void print_tsv(const struct class_report *report)
{
    puts("label\tpictures\tright\trecall");
    for (size_t i = 0; i < report->result->scores.labels; i++) {
        const struct class_recall *class = &report->result->scores.classes[i];
        text_escape(stdout, classifier_label(report->classifier, i));
        printf("\t%zu\t%zu\t", class->pictures, class->right);
        if (class->pictures)
            printf("%.12g", recall(class));
        putchar('\n');
    }
}

/* ---- json ---------------------------------------------------------------------------------------------- */

static json_t *classes_json(const struct class_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->result->scores.labels; i++) {
        const struct class_recall *class = &report->result->scores.classes[i];
        json_array_append_new(list,
            json_pack("{s:o, s:I, s:I, s:o}", "label", json_text(classifier_label(report->classifier, i)),
                "pictures", (json_int_t) class->pictures, "right", (json_int_t) class->right, "recall",
                class->pictures ? json_real(recall(class)) : json_null()));
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

static int print_json(const struct class_report *report, struct err *err)
{
    const struct class_scores *scores = &report->result->scores;
    json_t *json = json_pack("{s:I, s:I, s:f}", "pictures", (json_int_t)report->result->count, "failed",
        (json_int_t)report->result->failed, "acc1", scores->acc1);
    if (!isnan(scores->acc5))
        json_object_set_new(json, "acc5", json_real(scores->acc5));
    json_object_set_new(json, "mean_per_class_recall", json_real(scores->mean_per_class_recall));
    json_object_set_new(json, "classes", classes_json(report));
    json_object_set_new(json, "confusions", confusions_json(report));
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
