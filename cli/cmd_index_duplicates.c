// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "compute/compute.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct duplicates {
    bool quiet;
    const char *path;
    struct index_filter filter;
    struct device_options device_options;
    double threshold;
    bool identical; /* only */
    int format;

    struct index *index;
    struct index_rows rows;
    struct device *device;
    struct index_searcher *searcher;
    struct index_groups groups;
    struct progress progress;
};

enum { KEY_IDENTICAL = 0x100 };

static const struct argp_option options[] = {
    {"threshold", 't', "X", 0, "Groups of items whose cosines are all at least X (default: 0.95)", 1},
    {"identical", KEY_IDENTICAL, NULL, 0, "Only files with the same bytes, whatever their vectors", 1},
    {"format", 'f', "FORMAT", 0, "table, tsv or json, one group a line (default: table)", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct duplicates *d = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &d->filter;
        state->child_inputs[1] = &d->device_options;
        state->child_inputs[2] = &d->quiet;
        return 0;
    case 't':
        d->threshold = strtod(argument, &end);
        if (end == argument || *end || !(d->threshold >= -1 && d->threshold <= 1))
            argp_error(state, "--threshold takes a cosine, -1 to 1, not '%s'", argument);
        return 0;
    case KEY_IDENTICAL:
        d->identical = true;
        return 0;
    default:
        return index_parse(key, argument, state, &d->path, &d->format, output_formats);
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0}, {&device_argp, 0, "Device:", 4}, {&common_argp, 0, "", -1}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "INDEX",
    .doc = "List groups of items that are the same, or nearly so.\n\n"
           "  diptych index duplicates photos.dip --kind image --threshold 0.98\v"
           "Any two items of a group are close enough, so that each can stand for all of it: the closest "
           "are joined first, and groups whose least similar items are close enough. The score is an item's "
           "highest "
           "cosine within its group; \"=\" marks files with the same bytes.\n\n"
           "tsv has the columns group, score, identical (1 or 0), id, and path or text; json has \"items\".",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- output -------------------------------------------------------------------------------------------- */

static int print_group_json(
    const struct index_item *items, const bool *twins, const double *scores, size_t count, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = index_item_name_json(&items[i]);
        json_object_set_new(item, "score", json_real(scores[i]));
        json_object_set_new(item, "identical", json_boolean(twins[i]));
        json_array_append_new(list, item);
    }
    return json_print(json_pack("{s:o}", "items", list), 0, err);
}

static void print_group_lines(const struct duplicates *d, size_t group, const struct index_item *items,
    const bool *twins, const double *scores, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (d->format == OUTPUT_TSV)
            printf("%zu\t%.9g\t%d\t%" PRId64 "\t", group + 1, scores[i], twins[i], items[i].id);
        else
            printf("%7.4f %c  %8" PRId64 "  ", scores[i], twins[i] ? '=' : ' ', items[i].id);
        text_escape(stdout, index_item_name(&items[i]));
        putchar('\n');
    }
    if (d->format == OUTPUT_TABLE)
        putchar('\n');
}

static int print_group(const struct duplicates *d, size_t group, struct err *err)
{
    const size_t begin = group ? d->groups.ends[group - 1] : 0, count = d->groups.ends[group] - begin;
    const double *scores = d->groups.scores + begin;
    struct arena arena = {0};
    struct index_item *items = arena_alloc(&arena, count * sizeof *items);
    bool *twins = mem_new(count, sizeof *twins);
    int rc = items && twins ? index_fetch(items, d->index, d->groups.rows + begin, count, &arena, err)
                            : err_memory(err, count * sizeof *items);
    if (!rc)
        rc = index_twins(twins, items, count, err);
    if (!rc && d->format == OUTPUT_JSON)
        rc = print_group_json(items, twins, scores, count, err);
    else if (!rc)
        print_group_lines(d, group, items, twins, scores, count);
    free(twins);
    arena_release(&arena);
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static int find(struct duplicates *d, struct err *err)
{
    int rc = index_open(&d->index, d->path, INDEX_READ, NULL, err);
    if (!rc)
        rc = index_rows(&d->rows, d->index, &d->filter, err);
    const struct job job = progress_job(&d->progress, 0);
    if (!rc && d->identical)
        return index_identical(&d->groups, d->index, &d->rows, &job, err);
    if (!rc)
        rc = device_open(&d->device, &d->device_options, err);
    if (!rc)
        rc = index_searcher_open(&d->searcher, d->index, d->device, err);
    return rc ? rc : index_duplicates(&d->groups, d->searcher, &d->rows, d->threshold, &job, err);
}

int cmd_index_duplicates(int argc, char **argv)
{
    struct duplicates d = {.threshold = INDEX_NEAR_COPY};
    struct err err = {0};
    options_parse(&argp, argc, argv, &d);
    progress_init(&d.progress, d.quiet);
    int rc = find(&d, &err);
    progress_clear(&d.progress);
    for (size_t group = 0; group < d.groups.count && !rc; group++)
        rc = print_group(&d, group, &err);
    output_flush();
    if (!rc && d.format == OUTPUT_TABLE && !d.quiet)
        fprintf(stderr, "%zu group%s among %" PRId64 " item%s\n", d.groups.count, plural(d.groups.count),
            d.rows.chosen, plural((uint64_t)d.rows.chosen));
    index_groups_release(&d.groups);
    index_searcher_free(d.searcher);
    device_free(d.device);
    index_rows_release(&d.rows);
    const int status = index_end(d.index, "find duplicates", rc, &err);
    interrupt_raise();
    return status;
}
