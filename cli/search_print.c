// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/item_format.h"
#include "cli/json.h"
#include "cli/search.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_table(const struct output *output, const struct hit_list *list)
{
    output_path(output, list->query);
    for (size_t i = 0; i < list->count; i++) {
        const struct index_item *item = &list->items[i];
        const char *what = item->kind == INDEX_IMAGE || !item->caption ? item->path : item->caption;
        printf("  %7.4f  %8" PRId64 "  %-5s  ", list->hits[i].score, item->id, index_kind_names[item->kind]);
        if (output->taken)
            printf("%-19.19s  ", item->taken ? item->taken : "");
        text_escape(stdout, what ? what : "");
        if (item->kind == INDEX_TEXT && item->picture) {
            fputs("  (", stdout);
            text_escape(stdout, item->picture);
            fputc(')', stdout);
        }
        if (list->copies && list->copies[i].count)
            printf("  (+%zu %s)", list->copies[i].count, list->copies[i].count == 1 ? "copy" : "copies");
        fputc('\n', stdout);
        preview_show(&output->preview, item_picture(item));
    }
}

static void print_tsv(const struct hit_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct index_item *item = &list->items[i];
        text_escape(stdout, list->query);
        printf("\t%.9g\t%" PRId64 "\t%s\t", list->hits[i].score, item->id, index_kind_names[item->kind]);
        text_escape(stdout, item->path ? item->path : "");
        fputc('\t', stdout);
        text_escape(stdout, item->caption ? item->caption : "");
        if (list->copies)
            printf("\t%zu", list->copies[i].count);
        fputc('\n', stdout);
    }
}

/* Nine digits, as tsv has them: more than the model's arithmetic is worth. */
static double score_digits(double score)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.9g", score);
    return strtod(digits, NULL);
}

/* ---- json ---------------------------------------------------------------------------------------------- */

/* Fifteen digits keep a score as it is rounded, and the numbers of metadata as people write them. */
enum { DIGITS = JSON_REAL_PRECISION(15) };

/* A text's path is the file that it came from, which says less than the picture that it describes. */
static json_t *hit_json(const struct hit_list *list, size_t i)
{
    const struct index_item *item = &list->items[i];
    const struct hit_copies *copies = list->copies && list->copies[i].count ? &list->copies[i] : NULL;
    json_t *hit = json_pack("{s:f, s:I, s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "score",
        score_digits(list->hits[i].score), "id", (json_int_t)item->id, "kind", index_kind_names[item->kind],
        "path", item->path ? json_text(item->path) : NULL, "text",
        item->caption ? json_text(item->caption) : NULL, "picture",
        item->picture ? json_text(item->picture) : NULL, "metadata",
        item->metadata ? json_loads(item->metadata, 0, NULL) : NULL, "copies",
        copies ? hit_copies_json(copies) : NULL, "copy_count",
        copies ? json_integer((json_int_t)copies->count) : NULL);
    json_t *capture = index_capture_json(item);
    if (!hit || !capture || json_object_update_missing(hit, capture)) {
        json_decref(hit);
        hit = NULL;
    }
    json_decref(capture);
    return hit;
}

static int print_hits(const struct hit_list *list, bool outside, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < list->count && !rc; i++) {
        json_t *line = json_pack(
            "{s:o, s:o*}", "query", json_text(list->query), "outside", outside ? json_true() : NULL);
        if (json_object_update_new(line, hit_json(list, i))) {
            json_decref(line);
            line = NULL;
        }
        rc = json_print("search/1", line, DIGITS, err);
    }
    return rc;
}

int search_put_json(FILE *out, const struct hit_list *list, struct err *err)
{
    json_t *hits = json_array();
    for (size_t i = 0; i < list->count; i++)
        if (json_array_append_new(hits, hit_json(list, i))) {
            json_decref(hits);
            hits = NULL;
        }
    json_t *answer = json_pack("{s:o, s:o}", "query", json_text(list->query), "hits", hits);
    return json_put(out, "search/1", answer, DIGITS, err);
}

int search_put_json_failure(FILE *out, const char *line, const char *reason, struct err *err)
{
    json_t *answer = json_pack("{s:o, s:s}", "query", json_text(line), "error", reason);
    return json_put(out, "search/1", answer, 0, err);
}

/* ---- any ----------------------------------------------------------------------------------------------- */

int search_print(const struct output *output, const struct hit_list *list, bool outside, struct err *err)
{
    switch (output->format) {
    case OUTPUT_TSV:
        print_tsv(list);
        return 0;
    case OUTPUT_JSON:
        return print_hits(list, outside, err);
    case OUTPUT_PATHS:
    case OUTPUT_PATHS_NUL:
        for (size_t i = 0; i < list->count; i++)
            output_item_path(output->format, &list->items[i]);
        return 0;
    default:
        print_table(output, list);
        return 0;
    }
}

static int end_of_answer(const struct output *output)
{
    return output->format == OUTPUT_PATHS_NUL ? '\0' : '\n';
}

int search_answer(const struct output *output, const struct hit_list *list, struct err *err)
{
    const int rc = output->format == OUTPUT_JSON ? search_put_json(stdout, list, err)
                                                 : search_print(output, list, false, err);
    if (output->format != OUTPUT_JSON)
        putchar(end_of_answer(output));
    output_flush();
    return rc;
}

int search_answer_failure(const struct output *output, const char *line, const char *reason, struct err *err)
{
    int rc = 0;
    if (output->format == OUTPUT_JSON) {
        rc = search_put_json_failure(stdout, line, reason, err);
    } else {
        message("%s", reason);
        putchar(end_of_answer(output));
    }
    output_flush();
    return rc;
}
