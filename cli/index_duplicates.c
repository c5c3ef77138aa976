// SPDX-License-Identifier: Apache-2.0
#include "cli/index_duplicates.h"
#include "cli/cmd_index.h"
#include "cli/item_format.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_KEEP = 0x2000, KEY_IDENTICAL, KEY_HTML };

static const struct argp_option options[] = {
    {"threshold", 't', "X", 0, "Groups of items whose cosines are all at least X (default: 0.95)", 1},
    {"identical", KEY_IDENTICAL, NULL, 0, "Only files with the same bytes, whatever their vectors", 1},
    {"keep", KEY_KEEP, "all|best", 0,
        "best: list only what is left over of each group beside its best picture (default: all)", 1},
    {"html", KEY_HTML, "FILE", 0, "Write a page to look at, and list nothing unless a format is named", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct duplicates *d = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &d->filter;
        state->child_inputs[1] = &d->format;
        state->child_inputs[2] = &d->preview;
        return 0;
    case 't':
        d->threshold = option_real(state, "threshold", argument, -1, 1);
        d->threshold_said = true;
        return 0;
    case KEY_IDENTICAL:
        d->identical = true;
        return 0;
    case KEY_HTML:
        d->html = option_page(state, argument);
        return 0;
    case KEY_KEEP:
        d->others = option_choice(state, "keep", argument);
        return 0;
    case ARGP_KEY_END:
        if (d->identical && d->threshold_said)
            argp_error(state, "--threshold is of vectors, and --identical asks for the same bytes");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0}, {&item_format_argp, 0, NULL, 3}, {&preview_argp, 0, NULL, 3}, {0}};
const struct argp duplicates_argp = {.options = options, .parser = parse, .children = children};

/* ---- output -------------------------------------------------------------------------------------------- */

/* A group in memory, whole. */
struct group {
    size_t number, count;
    struct index_item *items; // (count)
    const double *scores;     // (count)
    bool *twins;              // (count): another has the same bytes
    bool *listed;             // (count)
    struct arena arena;
};

static int print_group_json(const struct group *group, struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < group->count; i++) {
        if (!group->listed[i])
            continue;
        json_t *item = index_item_name_json(&group->items[i]);
        json_object_set_new(item, "score", json_real(group->scores[i]));
        json_object_set_new(item, "identical", json_boolean(group->twins[i]));
        json_array_append_new(list, item);
    }
    return json_print("index-duplicates/1", json_pack("{s:o}", "items", list), 0, err);
}

static void print_item(const struct duplicates *d, const struct group *group, size_t i)
{
    const struct index_item *item = &group->items[i];
    if (is_paths(d->format)) {
        output_item_path(d->format, item);
        return;
    }
    if (d->format == OUTPUT_TSV)
        printf(
            "%zu\t%.9g\t%d\t%" PRId64 "\t", group->number + 1, group->scores[i], group->twins[i], item->id);
    else
        printf("%7.4f %c  %8" PRId64 "  ", group->scores[i], group->twins[i] ? '=' : ' ', item->id);
    text_escape(stdout, index_item_name(item));
    putchar('\n');
    preview_show(&d->preview, item_picture(item));
}

/* What is to be listed of it. */
static int print_group(const struct duplicates *d, const struct group *group, struct err *err)
{
    size_t listed = 0;
    for (size_t i = 0; i < group->count; i++)
        listed += group->listed[i];
    if (!listed)
        return 0;
    if (d->format == OUTPUT_JSON)
        return print_group_json(group, err);
    for (size_t i = 0; i < group->count; i++)
        if (group->listed[i])
            print_item(d, group, i);
    if (d->format == OUTPUT_TABLE)
        putchar('\n');
    return 0;
}

/* ---- groups -------------------------------------------------------------------------------------------- */

/* All of a group, or what is left over beside its best. */
static int choose(struct duplicates *d, struct group *group, struct err *err)
{
    for (size_t i = 0; i < group->count; i++)
        group->listed[i] = true;
    if (!d->others)
        return 0;
    struct picture_facts *facts = arena_alloc(&group->arena, group->count * sizeof *facts);
    int rc = facts ? pictures_look_at(facts, group->items, group->count, NULL, &d->job, err)
                   : err_memory(err, group->count * sizeof *facts);
    if (rc)
        return rc;
    pictures_keep_best(group->listed, group->items, facts, group->count);
    for (size_t i = 0; i < group->count; i++) {
        const bool no_file = is_paths(d->format) && group->listed[i] && item_in_archive(&group->items[i]);
        d->in_archives += no_file;
        group->listed[i] &= !no_file;
        if (group->listed[i]) {
            d->other_count++;
            d->other_bytes += group->items[i].size;
        }
    }
    return 0;
}

static int group_open(struct group *group, struct duplicates *d, size_t number, struct err *err)
{
    const size_t begin = number ? d->groups.ends[number - 1] : 0, count = d->groups.ends[number] - begin;
    *group = (struct group){.number = number, .count = count, .scores = d->groups.scores + begin};
    group->items = arena_alloc(&group->arena, count * sizeof *group->items);
    group->twins = arena_alloc(&group->arena, count * sizeof *group->twins);
    group->listed = arena_alloc(&group->arena, count * sizeof *group->listed);
    int rc = group->items && group->twins && group->listed
                 ? d->fetch(d->fetch_context, group->items, d->groups.rows + begin, count, &group->arena, err)
                 : err_memory(err, count * sizeof *group->items);
    if (!rc)
        rc = index_twins(group->twins, group->items, count, err);
    return rc ? rc : choose(d, group, err);
}

static int print_all(struct duplicates *d, struct err *err)
{
    int rc = 0;
    for (size_t number = 0; number < d->groups.count && !rc; number++) {
        struct group group;
        rc = group_open(&group, d, number, err);
        progress_clear(&d->progress);
        if (!rc)
            rc = print_group(d, &group, err);
        arena_release(&group.arena);
    }
    output_flush();
    return rc;
}

static void say_what_was_found(const struct duplicates *d)
{
    fprintf(stderr, "%zu group%s among %" PRId64 " item%s", d->groups.count, plural(d->groups.count),
        d->chosen, plural((uint64_t)d->chosen));
    if (d->others && d->format >= 0)
        fprintf(stderr, "; beside the best of each, %zu picture%s of %.1f MB", d->other_count,
            plural(d->other_count), (double)d->other_bytes / 1e6);
    fputc('\n', stderr);
    if (d->in_archives)
        message("%zu picture%s left over in archives %s not listed: no program removes %s by a path; "
                "--format tsv names %s",
            d->in_archives, plural(d->in_archives), d->in_archives == 1 ? "is" : "are",
            d->in_archives == 1 ? "it" : "them", d->in_archives == 1 ? "it" : "them");
}

/* ---- the run ------------------------------------------------------------------------------------------- */

void duplicates_begin(struct duplicates *d)
{
    if (d->format < 0 && !d->html)
        d->format = OUTPUT_TABLE;
    progress_init(&d->progress, d->quiet);
    d->job = progress_job_later(&d->progress, 0); /* a rank without steps is ended by a signal */
}

int duplicates_print(struct duplicates *d, item_fetch *fetch, void *context, struct err *err)
{
    d->fetch = fetch;
    d->fetch_context = context;
    progress_clear(&d->progress);
    int rc = d->html ? duplicates_page(d, err) : 0;
    preview_begin(&d->preview, d->format == OUTPUT_TABLE, NULL);
    if (!rc && d->format >= 0)
        rc = print_all(d, err);
    if (!rc && !d->quiet && (d->others || d->format <= OUTPUT_TABLE))
        say_what_was_found(d);
    return rc;
}

void duplicates_release(struct duplicates *d)
{
    index_groups_release(&d->groups);
}
