// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_duplicates.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "compute/compute.h"

/* ---- options ------------------------------------------------------------------------------------------- */

/* Beside what it has of duplicates_argp. */
struct run {
    struct duplicates duplicates;
    struct device_options device_options;

    struct index *index;
    struct index_rows rows;
    struct device *device;
    struct index_searcher *searcher;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct run *f = state->input;
    if (key != ARGP_KEY_INIT)
        return index_parse(key, argument, state, &f->duplicates.path, NULL);
    state->child_inputs[0] = &f->duplicates;
    state->child_inputs[1] = &f->device_options;
    state->child_inputs[2] = &f->duplicates.quiet;
    return 0;
}

static const struct argp_child children[] = {
    {&duplicates_argp, 0, NULL, 0}, {&device_argp, 0, "Device:", 4}, {&common_argp, 0, "", -1}, {0}};
const struct argp index_duplicates_argp = {
    .parser = parse,
    .args_doc = "[INDEX]",
    .doc =
        "List groups of items that are the same, or nearly so.\n\n"
        "  diptych index duplicates photos.dip --kind image --threshold 0.98\n"
        "  diptych index duplicates photos.dip --keep best -0 | xargs -0 rm\v"
        "Any two items of a group are close enough, so that each can stand for all of it: the closest are "
        "joined first, and groups whose least similar items are close enough. The score is an item's highest "
        "cosine within its group; \"=\" marks files with the same bytes.\n\n"
        "The best picture of a group has the most pixels; of these it is the sharpest, by the variance of "
        "the Laplacian, then the largest file, then the oldest. What is not as the index knows it, because "
        "the file has changed or gone, is neither the best nor left over; and no file is left over that is "
        "the best one by another path. Members of archives count as files do, but are not among the paths of "
        "what is left over, since no program removes them by a path. Nothing is removed here.\n\n"
        "tsv has the columns group, score, identical (1 or 0), id, and path or text; json has \"items\", a "
        "group a line.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int find(struct run *f, struct err *err)
{
    struct duplicates *d = &f->duplicates;
    int rc = index_open(&f->index, d->path, INDEX_READ, NULL, err);
    if (!rc)
        rc = index_rows(&f->rows, f->index, &d->filter, err);
    d->chosen = f->rows.chosen;
    if (!rc && d->identical)
        return index_identical(&d->groups, f->index, &f->rows, &d->job, err);
    if (!rc)
        rc = device_open(&f->device, &f->device_options, err);
    if (!rc)
        rc = index_searcher_open(&f->searcher, f->index, f->device, err);
    return rc ? rc : index_duplicates(&d->groups, f->searcher, &f->rows, d->threshold, &d->job, err);
}

static int fetch(void *context, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err)
{
    return index_fetch(items, context, rows, count, arena, err);
}

int cmd_index_duplicates(int argc, char **argv)
{
    struct run f = {.duplicates = DUPLICATES("diptych index duplicates")};
    struct duplicates *d = &f.duplicates;
    struct err err = {0};
    options_parse(&index_duplicates_argp, argc, argv, &f);
    duplicates_begin(d);
    int rc = find(&f, &err);
    progress_clear(&d->progress);
    if (!rc)
        rc = duplicates_print(d, fetch, f.index, &err);
    duplicates_release(d);
    index_searcher_free(f.searcher);
    device_free(f.device);
    index_rows_release(&f.rows);
    const int status = index_end(f.index, "find duplicates", rc, &err);
    interrupt_raise();
    return status;
}
