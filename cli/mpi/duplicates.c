// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/index_duplicates.h"
#include "cli/interrupt.h"
#include "cli/mpi/mpi.h"
#include "cli/output.h"
#include "cli/text.h"
#include "compute/compute.h"

/* ---- options ------------------------------------------------------------------------------------------- */

struct request {
    struct duplicates duplicates;
    struct device_options device_options;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *r = state->input;
    if (key != ARGP_KEY_INIT)
        return index_parse(key, argument, state, &r->duplicates.path, NULL);
    state->child_inputs[0] = &r->duplicates;
    state->child_inputs[1] = &r->device_options;
    state->child_inputs[2] = &r->duplicates.quiet;
    return 0;
}

static const struct argp_child children[] = {
    {&duplicates_argp, 0, NULL, 0}, {&device_argp, 0, "Device:", 4}, {&common_argp, 0, "", -1}, {0}};
const struct argp mpi_duplicates_argp = {
    .parser = parse,
    .args_doc = "INDEX",
    .doc = "The groups that 'diptych index duplicates' lists, found by the ranks of MPI in the shards of an "
           "index that "
           "nobody has joined, on stdout to the last bit: all ranks see the vectors of one another in turn, "
           "each "
           "compares them with its own, and the first joins what is near and prints.\n\n"
           "  mpiexec -n 4 diptych-mpi duplicates laion.dip --threshold 0.98 -f json\v"
           "INDEX is what 'diptych-mpi search' takes. No rank has vectors of the others but for a moment; "
           "the first "
           "keeps some 60 bytes of each row that is near to another. All pairs of rows are compared, which "
           "takes as long as a search "
           "for every row. With --identical hashes of what is in the files are compared, and no vectors.\n\n"
           "--keep best and --html look at files from the first rank.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int fetch(void *context, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err)
{
    return ranks_fetch(context, items, rows, count, arena, err);
}

/* The first rank's. */
static int run(struct duplicates *d, struct ranks *ranks, struct err *err)
{
    const struct ranks_info info = ranks_info(ranks);
    d->chosen = info.chosen[INDEX_IMAGE] + info.chosen[INDEX_TEXT];
    if (!d->quiet)
        mpi_say_shares(ranks);
    const int rc = d->identical ? ranks_identical(&d->groups, ranks, err)
                                : ranks_duplicates(&d->groups, ranks, d->threshold, err);
    progress_clear(&d->progress);
    return rc ? rc : duplicates_print(d, fetch, ranks, err);
}

int mpi_duplicates(int argc, char **argv)
{
    struct request r = {.duplicates = DUPLICATES("diptych-mpi duplicates")};
    struct duplicates *d = &r.duplicates;
    struct ranks *ranks = NULL;
    struct err err = {0};
    mpi_parse(&mpi_duplicates_argp, argc, argv, &r);
    duplicates_begin(d);
    const bool first = !ranks_number();
    const struct ranks_options options = {
        .filter = d->filter, .device = &r.device_options, .job = first ? d->job : (struct job){.threads = 0}};
    int rc = ranks_open(&ranks, d->path, &options, &err);
    if (!rc && first)
        rc = run(d, ranks, &err);
    else if (!rc)
        ranks_serve(ranks);
    ranks_close(ranks);
    progress_clear(&d->progress);
    duplicates_release(d);
    if (rc && first)
        message("cannot find duplicates: %s", err.msg);
    interrupt_raise();
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
