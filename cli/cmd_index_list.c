// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/item_format.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

struct list {
    const char *path;
    struct index_filter filter;
    int format;
    bool failed, passed_over;
    struct index *index;
    size_t count, in_archives; /* of the items listed */
    struct err err;
};

enum { KEY_FAILED = 0x100, KEY_PASSED_OVER };

static const struct argp_option options[] = {
    {"failed", KEY_FAILED, NULL, 0,
        "Instead, the pictures that could not be read: how many for which reason, or each in tsv (path, "
        "size, mtime, reason) and json",
        2},
    {"passed-over", KEY_PASSED_OVER, NULL, 0,
        "Instead, the files below folders and in archives that are no pictures, and those that another one "
        "stands for (--pairs): tsv has path, size, mtime, kind, picture",
        2},
    {NULL, 0, NULL, 0, "Output:", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct list *list = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &list->filter;
        state->child_inputs[1] = &list->format;
        return 0;
    case KEY_FAILED:
        list->failed = true;
        return 0;
    case KEY_PASSED_OVER:
        list->passed_over = true;
        return 0;
    case ARGP_KEY_END:
        if (list->failed && list->passed_over)
            argp_error(state, "--failed and --passed-over are two lists");
        if ((list->failed || list->passed_over) &&
            (list->filter.where || list->filter.match || list->filter.kind))
            argp_error(state, "%s lists files, not items: --where, --match and --kind say nothing of them",
                list->failed ? "--failed" : "--passed-over");
        return 0;
    default:
        return index_parse(key, argument, state, &list->path, NULL);
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0}, {&item_format_argp, 0, NULL, 3}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_list_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc = "List what an index holds, in order of id.\v"
           "tsv has the columns id, kind, path, size, mtime (seconds since 1970), width, height, caption, "
           "picture (of a text: the picture that it describes), metadata, taken, camera, lens, lat and lon; "
           "json has those that are known, and \"text\" for the caption of a text.",
    .children = children,
    .help_filter = options_help_filter,
};

enum { NANOSECONDS = 1000000000 };

static void put_text(const char *text)
{
    putchar('\t');
    text_escape(stdout, text ? text : "");
}

static void put_number(int64_t number)
{
    putchar('\t');
    if (number)
        printf("%" PRId64, number);
}

static void put_tsv(const struct index_item *item)
{
    printf("%" PRId64 "\t%s", item->id, index_kind_names[item->kind]);
    put_text(item->path);
    put_number(item->size);
    put_number(item->mtime_ns / NANOSECONDS);
    put_number(item->width);
    put_number(item->height);
    put_text(item->caption);
    put_text(item->picture);
    put_text(item->metadata);
    put_text(item->taken);
    put_text(item->camera);
    put_text(item->lens);
    if (item->lat != 0 || item->lon != 0)
        printf("\t%.7f\t%.7f", item->lat, item->lon);
    else
        fputs("\t\t", stdout);
    putchar('\n');
}

static void put_table(const struct index_item *item)
{
    const char *what = item->kind == INDEX_IMAGE ? item->path : item->caption;
    printf("%8" PRId64 "  %-5s  ", item->id, index_kind_names[item->kind]);
    text_escape(stdout, what ? what : "");
    putchar('\n');
}

static int visit(void *context, const struct index_item *item)
{
    struct list *list = context;
    int rc = 0;
    list->count++;
    list->in_archives += item_in_archive(item);
    if (list->format == OUTPUT_JSON)
        rc = json_print("index-list/1", index_item_json(item), JSON_REAL_PRECISION(17),
            &list->err); /* as users gave them */
    else if (is_paths(list->format))
        output_item_path(list->format, item);
    else if (list->format == OUTPUT_TSV)
        put_tsv(item);
    else
        put_table(item);
    return rc ? rc : ferror(stdout) ? -1 : 0; /* the end of the program says what stdout has */
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static int visit_failure(void *context, const struct index_failure *failure)
{
    struct list *list = context;
    int rc = 0;
    if (list->format == OUTPUT_JSON) {
        const int64_t mtime = failure->mtime_ns / NANOSECONDS;
        json_t *line = json_pack("{s:o, s:I, s:o*, s:o}", "path", json_text(failure->path), "size",
            (json_int_t)failure->size, "mtime", mtime ? json_integer(mtime) : NULL, "error",
            json_text(failure->why));
        rc = json_print("index-failures/1", line, 0, &list->err);
    } else if (is_paths(list->format)) {
        output_path_alone(list->format, failure->path);
    } else {
        text_escape(stdout, failure->path);
        put_number(failure->size);
        put_number(failure->mtime_ns / NANOSECONDS);
        put_text(failure->why);
        putchar('\n');
    }
    return rc ? rc : ferror(stdout) ? -1 : 0;
}

static int list_reasons(struct list *list)
{
    struct index_reasons reasons = {0};
    const int rc = index_reasons(&reasons, list->index, &list->err);
    if (!rc && reasons.count)
        puts("   files  why, and the first of them");
    for (size_t i = 0; i < reasons.count && !rc; i++) {
        printf("%8zu  ", reasons.items[i].files);
        text_escape(stdout, reasons.items[i].why);
        fputs("  ", stdout);
        text_escape(stdout, reasons.items[i].path);
        putchar('\n');
    }
    index_reasons_release(&reasons);
    return rc;
}

/* ---- what was passed over ------------------------------------------------------------------------------ */

static int visit_passed_over(void *context, const struct index_passed_over *file)
{
    struct list *list = context;
    int rc = 0;
    if (list->format == OUTPUT_JSON) {
        json_t *line = json_pack("{s:o, s:I, s:I, s:s, s:o*}", "path", json_text(file->path), "size",
            (json_int_t)file->size, "mtime", (json_int_t)(file->mtime_ns / NANOSECONDS), "kind", file->kind,
            "picture", file->picture ? json_text(file->picture) : NULL);
        rc = json_print("index-passed-over/1", line, 0, &list->err);
    } else if (is_paths(list->format)) {
        output_path_alone(list->format, file->path);
    } else if (list->format == OUTPUT_TSV) {
        text_escape(stdout, file->path);
        put_number(file->size);
        put_number(file->mtime_ns / NANOSECONDS);
        put_text(file->kind);
        put_text(file->picture);
        putchar('\n');
    } else {
        printf("%-5s  ", file->kind);
        text_escape(stdout, file->path);
        putchar('\n');
    }
    return rc ? rc : ferror(stdout) ? -1 : 0;
}

static int list_all(struct list *list)
{
    if (list->passed_over)
        return index_passed_over(list->index, visit_passed_over, list, &list->err);
    if (!list->failed)
        return index_each(list->index, &list->filter, visit, list, &list->err);
    if (list->format == OUTPUT_TABLE)
        return list_reasons(list);
    return index_failures(list->index, visit_failure, list, &list->err);
}

int cmd_index_list(int argc, char **argv)
{
    struct list list = {0};
    options_parse(&index_list_argp, argc, argv, &list);
    int rc = index_open(&list.index, list.path, INDEX_READ, NULL, &list.err);
    if (!rc)
        rc = list_all(&list);
    if (!rc && !list.count && !list.failed && !list.passed_over)
        message_nothing(list.path, list.index, &list.filter);
    if (!rc && is_paths(list.format))
        message_in_archives(list.in_archives);
    return index_end(list.index, "list", rc < 0 ? 0 : rc, &list.err);
}
