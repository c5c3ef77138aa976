// SPDX-License-Identifier: Apache-2.0
#include "cli/index_cluster.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

#include <inttypes.h>

static void print_table(const struct cluster_report *report, size_t number, size_t top)
{
    const struct cluster *cluster = &report->clusters[number];
    printf("%s%zu: %zu item%s, mean cosine %.4f", number && top ? "\n" : "", number + 1, cluster->size,
        cluster->size == 1 ? "" : "s", cluster->cosine);
    if (cluster->label) {
        fputs(", closest label \"", stdout);
        text_escape(stdout, cluster->label);
        printf("\" %.4f", cluster->label_cosine);
    }
    putchar('\n');
    for (size_t n = 0; n < cluster->size && n < top; n++) {
        const size_t i = cluster->items[n];
        printf("  %7.4f  %8" PRId64 "  ", report->cosines[i], report->view->items[i].id);
        text_escape(stdout, index_item_name(&report->view->items[i]));
        putchar('\n');
    }
}

static void print_tsv(const struct cluster_report *report, size_t number)
{
    const struct cluster *cluster = &report->clusters[number];
    for (size_t n = 0; n < cluster->size; n++) {
        const size_t i = cluster->items[n];
        printf("%zu\t", number + 1);
        text_escape(stdout, cluster->label ? cluster->label : "");
        printf("\t%" PRId64 "\t", report->view->items[i].id);
        text_escape(stdout, index_item_name(&report->view->items[i]));
        printf("\t%.7g\n", report->cosines[i]);
    }
}

static int print_json(const struct cluster_report *report, size_t number, size_t top, struct err *err)
{
    const struct cluster *cluster = &report->clusters[number];
    json_t *object = json_pack("{s:I, s:I, s:f}", "cluster", (json_int_t)number + 1, "size",
        (json_int_t)cluster->size, "cosine", cluster->cosine);
    json_t *nearest = json_array(), *ids = json_array();
    if (cluster->label) {
        json_object_set_new(object, "label", json_text(cluster->label));
        json_object_set_new(object, "label_cosine", json_real(cluster->label_cosine));
    }
    for (size_t n = 0; n < cluster->size; n++) {
        const size_t i = cluster->items[n];
        const struct index_item *item = &report->view->items[i];
        json_array_append_new(ids, json_integer(item->id));
        if (n >= top)
            continue;
        json_t *near = index_item_name_json(item);
        json_object_set_new(near, "cosine", json_real(report->cosines[i]));
        json_array_append_new(nearest, near);
    }
    json_object_set_new(object, "nearest", nearest);
    json_object_set_new(object, "ids", ids);
    return json_print("index-cluster/1", object, 0, err);
}

int cluster_print(const struct cluster_report *report, int format, size_t top, struct err *err)
{
    int rc = 0;
    for (size_t number = 0; number < report->count && !rc; number++) {
        if (format == OUTPUT_JSON)
            rc = print_json(report, number, top, err);
        else if (format == OUTPUT_TSV)
            print_tsv(report, number);
        else
            print_table(report, number, top);
    }
    output_flush();
    return rc;
}
