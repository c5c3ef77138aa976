// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

#include <inttypes.h>
#include <string.h>

struct list {
    const char *path;
    struct index_filter filter;
    int format;
    struct err err;
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Output:", 3},
    {"format", 'f', "FORMAT", 0, "table, tsv or json, one object a line (default: table)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct list *list = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &list->filter;
        return 0;
    default:
        return index_parse(key, argument, state, &list->path, &list->format, output_formats);
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX",
    .doc = "List what an index holds, in order of id.\v"
           "tsv has the columns id, kind, path, size, mtime (seconds since 1970), width, height, caption, "
           "picture (of a text: the picture that it describes) and metadata; json has those that are known, "
           "and \"text\" for the caption of a text.",
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
    if (list->format == OUTPUT_JSON)
        rc = json_print(index_item_json(item), JSON_REAL_PRECISION(17), &list->err); /* as users gave them */
    else if (list->format == OUTPUT_TSV)
        put_tsv(item);
    else
        put_table(item);
    return rc ? rc : ferror(stdout) ? -1 : 0; /* the end of the program says what stdout has */
}

int cmd_index_list(int argc, char **argv)
{
    struct list list = {0};
    struct index *index = NULL;
    options_parse(&argp, argc, argv, &list);
    int rc = index_open(&index, list.path, INDEX_READ, NULL, &list.err);
    if (!rc)
        rc = index_each(index, &list.filter, visit, &list, &list.err);
    return index_end(index, "list", rc < 0 ? 0 : rc, &list.err);
}
