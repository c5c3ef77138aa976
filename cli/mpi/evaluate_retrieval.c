// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/evaluate.h"
#include "cli/mpi/mpi.h"

#include <stdlib.h>

/* ---- options ------------------------------------------------------------------------------------------- */

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct measuring *m = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = m;
        state->child_inputs[1] = &m->session;
        state->child_inputs[2] = &m->session.quiet;
        return 0;
    case ARGP_KEY_END:
        if (!m->captions)
            argp_error(state, "no captions: say --captions FILE");
        if (m->common.models.count > 1)
            argp_error(state, "an index has the vectors of one model, not of several");
        return 0;
    default:
        return index_parse(key, argument, state, &m->place, NULL);
    }
}

static const struct argp_child children[] = {
    {&measuring_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp mpi_evaluate_retrieval_argp = {
    .parser = parse,
    .args_doc = "--captions FILE INDEX",
    .doc =
        "What 'diptych evaluate retrieval' says of an index, on stdout to the last bit, of the shards of one "
        "that nobody has joined: the first rank encodes the captions, for all, each compares them with the "
        "pictures of its own shards, and the first prints.\n\n"
        "  mpiexec -n 4 diptych-mpi evaluate-retrieval \\\n"
        "      --captions captions.json laion.dip\v"
        "INDEX is what 'diptych-mpi search' takes. Only the first rank reads FILE. " HELP_CAPTION_FILES
        " " HELP_RANKS ".\n\n" HELP_INDEXED " Each rank has the vectors of all captions, and of its own "
        "pictures that they are about.\n\n"
        "A rank that fails ends the run, and the message has its number, host and shard.\n\n"
        "Exit status: 0 evaluated, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- peers --------------------------------------------------------------------------------------------- */

static int agree(void *ranks, int rc, struct err *err)
{
    (void)ranks;
    return ranks_agree(rc, err);
}

static void tell(void *ranks, void *bytes, size_t size)
{
    (void)ranks;
    ranks_tell(bytes, size);
}

static void sum(void *ranks, size_t *numbers, size_t count)
{
    (void)ranks;
    ranks_sum(numbers, count);
}

static int blame(void *ranks, size_t shard, int rc, struct err *err)
{
    return ranks_blame(ranks, shard, rc, err);
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* What all ranks open, and the first for its model. */
struct shards {
    struct index **indexes; // (count)
    int64_t *before;        // (count)
    size_t count;
    struct index *first; /* the first rank's */
};

static int shards_open(struct shards *shards, const struct ranks *ranks, struct err *err)
{
    const struct ranks_info info = ranks_info(ranks);
    *shards = (struct shards){.indexes = mem_new(info.shards, sizeof(struct index *)),
        .before = mem_new(info.shards, sizeof *shards->before),
        .count = info.shards};
    if (!shards->indexes || !shards->before)
        return err_memory(err, info.shards * sizeof *shards->before);
    for (size_t i = 0; i < shards->count; i++)
        shards->indexes[i] = ranks_shard(&shards->before[i], ranks, i);
    return ranks_number() ? 0 : index_open(&shards->first, info.first, INDEX_READ, NULL, err);
}

static void shards_release(struct shards *shards)
{
    free(shards->indexes);
    free(shards->before);
    index_free(shards->first);
}

static int run(struct measuring *m, struct ranks *ranks, const struct job *job, struct err *err)
{
    const struct peers peers = {ranks, !ranks_number(), agree, tell, sum, blame};
    struct shards shards;
    if (peers.first && !m->session.quiet)
        mpi_say_shares(ranks);
    int rc = ranks_agree(shards_open(&shards, ranks, err), err);
    const struct indexed_pictures from = {.indexes = shards.indexes,
        .before = shards.before,
        .count = shards.count,
        .width = ranks_info(ranks).width,
        .place = m->place,
        .peers = &peers};
    if (!rc)
        rc = measuring_indexes(m, &from, shards.first, ranks_device(ranks), job, err);
    shards_release(&shards);
    return rc;
}

int mpi_evaluate_retrieval(int argc, char **argv)
{
    struct measuring m = MEASURING;
    struct ranks *ranks = NULL;
    struct err err = {0};
    mpi_parse(&mpi_evaluate_retrieval_argp, argc, argv, &m);
    const bool first = !ranks_number();
    const struct job alone = {.threads = m.session.loader_options.threads};
    int rc = measuring_begin(&m, &err);
    if (!rc && first)
        rc = measuring_captions(&m, &err);
    rc = ranks_agree(rc, &err);
    const struct ranks_options options = {
        .device = &m.session.model_options.device, .job = first ? session_job(&m.session) : alone};
    if (!rc)
        rc = ranks_open(&ranks, m.place, &options, &err);
    if (!rc)
        rc = run(&m, ranks, &options.job, &err);
    if (ranks && !first)
        ranks_serve(ranks); /* the first prints */
    ranks_close(ranks);
    if (first)
        return measuring_end(&m, rc, &err);
    measuring_release(&m);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
