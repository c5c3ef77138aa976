// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_outliers.h"
#include "cli/interrupt.h"
#include "cli/item_format.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/preview.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct outliers {
    bool quiet;
    const char *path, *html;
    struct index_filter filter;
    double alpha;
    int format; /* -1: none named */
    struct preview preview;
    struct index_view view;
    double *similarities, *tails; // (count)
    size_t *order;                // (count), the least similar first
};

enum { KEY_HTML = 0x100 };

static const struct argp_option options[] = {
    {"alpha", 'a', "X", 0, "Show items in the lowest share X of the distribution (default: 0.05)", 1},
    {"html", KEY_HTML, "FILE", 0, "Write a page to look at, and list nothing unless a format is named", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct outliers *o = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->filter;
        state->child_inputs[1] = &o->format;
        state->child_inputs[2] = &o->preview;
        state->child_inputs[3] = &o->quiet;
        return 0;
    case KEY_HTML:
        o->html = option_page(state, argument);
        return 0;
    case 'a':
        o->alpha = strtod(argument, &end);
        if (end == argument || *end || !(o->alpha > 0 && o->alpha <= 1))
            argp_error(state, "--alpha takes a number above 0 and up to 1, not '%s'", argument);
        return 0;
    default:
        return index_parse(key, argument, state, &o->path, NULL);
    }
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {&item_format_argp, 0, NULL, 3},
    {&preview_argp, 0, NULL, 3}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_outliers_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc =
        "List the items of an index that are unlike the rest.\n\n"
        "  diptych index outliers photos.dip --kind image --alpha 0.01\v"
        "\"similarity\" is an item's mean "
        "cosine with all others, \"tail\" the share of all pairs of items that are less alike than that. An "
        "outlier is, on average, less like the others than nearly any two of them are like each other.\n\n"
        "tsv has the columns id, kind, similarity, tail, and path or text.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- output -------------------------------------------------------------------------------------------- */

static int print_item(const struct outliers *o, size_t i, struct err *err)
{
    const struct index_item *item = &o->view.items[i];
    if (o->format == OUTPUT_JSON) {
        json_t *object = index_item_name_json(item);
        json_object_set_new(object, "similarity", json_real(o->similarities[i]));
        json_object_set_new(object, "tail", json_real(o->tails[i]));
        return json_print("index-outliers/1", object, 0, err);
    }
    if (is_paths(o->format)) {
        output_item_path(o->format, item);
        return 0;
    }
    if (o->format == OUTPUT_TSV)
        printf("%" PRId64 "\t%s\t%.7g\t%.7g\t", item->id, index_kind_names[item->kind], o->similarities[i],
            o->tails[i]);
    else
        printf("%7.4f  %6.2f %%  %8" PRId64 "  ", o->similarities[i], 100 * o->tails[i], item->id);
    text_escape(stdout, index_item_name(item));
    putchar('\n');
    preview_show(&o->preview, item_picture(item));
    return 0;
}

/* How many are outliers: the first of the order. */
static size_t count_shown(const struct outliers *o)
{
    size_t shown = 0;
    while (shown < o->view.count && o->tails[o->order[shown]] <= o->alpha)
        shown++;
    return shown;
}

static int print_all(const struct outliers *o, struct err *err)
{
    const size_t shown = count_shown(o);
    size_t in_archives = 0;
    int rc = 0;
    if (o->format == OUTPUT_TABLE && shown)
        puts("similar      tail        id");
    for (size_t i = 0; i < shown && !rc && o->format >= 0; i++)
        rc = print_item(o, o->order[i], err);
    for (size_t i = 0; i < shown && is_paths(o->format); i++)
        in_archives += item_in_archive(&o->view.items[o->order[i]]);
    output_flush();
    if (!o->quiet)
        message_in_archives(in_archives);
    if (o->format <= OUTPUT_TABLE && !o->quiet)
        fprintf(stderr, "%zu of %zu items\n", shown, o->view.count);
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int find(struct outliers *o, const struct job *job, struct err *err)
{
    enum { SEED = 1 };
    const size_t count = o->view.count;
    o->similarities = mem_new(count, sizeof *o->similarities);
    o->tails = mem_new(count, sizeof *o->tails);
    o->order = mem_new(count, sizeof *o->order);
    if (!o->similarities || !o->tails || !o->order)
        return err_memory(err, count * sizeof *o->order);
    return embedding_outliers(
        o->similarities, o->tails, o->order, o->view.vectors, count, o->view.rows.width, SEED, job, err);
}

static int write_page(const struct outliers *o, const struct job *job, struct err *err)
{
    const struct outliers_report report = {
        o->path, &o->view, o->similarities, o->order, count_shown(o), o->alpha};
    return outliers_page(o->html, &report, job, err);
}

int cmd_index_outliers(int argc, char **argv)
{
    struct outliers o = {.alpha = 0.05, .format = -1};
    struct err err = {0};
    struct progress progress;
    options_parse(&index_outliers_argp, argc, argv, &o);
    if (o.format < 0 && !o.html)
        o.format = OUTPUT_TABLE;
    progress_init(&progress, o.quiet);
    const struct job job = progress_job(&progress, 0);
    int rc = index_view_open(&o.view, o.path, &o.filter, 3, &job, &err);
    if (!rc)
        rc = find(&o, &job, &err);
    if (!rc && o.html)
        rc = write_page(&o, &job, &err);
    progress_clear(&progress);
    preview_begin(&o.preview, o.format == OUTPUT_TABLE, NULL);
    if (!rc)
        rc = print_all(&o, &err);
    free(o.order);
    free(o.tails);
    free(o.similarities);
    index_view_release(&o.view);
    const int status = index_end(NULL, "find outliers", rc, &err);
    interrupt_raise();
    return status;
}
