// SPDX-License-Identifier: Apache-2.0
#include "cli/search.h"
#include "cli/cmd_index.h"
#include "cli/mpi/mpi.h"

/* ---- options ------------------------------------------------------------------------------------------- */

/* The address is `queries_path`, and partner of the conversation once it is open. */
struct request {
    struct searching searching;
    const char *listen;
};

enum { KEY_LISTEN = 0x2000 };

static const struct argp_option own_options[] = {
    {"listen", KEY_LISTEN, "[127.0.0.1:]PORT", 0,
        "Many queries: the lines of programs of this machine at that port; 0: any that is free", 1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *r = state->input;
    struct search_request *s = &r->searching.request;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = s;
        state->child_inputs[1] = &s->session;
        state->child_inputs[2] = &s->session.quiet;
        return 0;
    case KEY_LISTEN:
        search_queries_from(s, state, "listen", r->listen = argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&queries_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};
const struct argp mpi_search_argp = {
    .options = own_options,
    .parser = parse,
    .args_doc = "INDEX [WORD...]",
    .doc = "What 'diptych search' finds, on stdout to the last bit, found by the ranks of MPI in the shards "
           "of an index that "
           "nobody has joined: each rank searches its own, and the first encodes the queries and prints.\n\n"
           "  mpiexec -n 4 diptych-mpi search laion.dip a red kite over the sea\n"
           "  mpiexec -n 4 diptych-mpi search laion.dip --queries queries.txt -f json\n"
           "  srun --mpi=pmi2 diptych-mpi search '{paris,rome}.dip' a bridge\v"
           "INDEX is the index that the shards are of: laion.dip where laion-00000-of-00008.dip and so on "
           "lie, which 'diptych "
           "index build --shard' has made. All have to be there. Or name them, or indexes of one model, in "
           "braces: the items of "
           "whole indexes are numbered on, in that order. Shards go to ranks by their rows, the largest "
           "first to the rank that "
           "has the fewest; all ranks see them by the same paths.\n\n"
           "--where sees the shards one by one: id is the item's in its shard, and what is counted is "
           "counted there.\n\n"
           "With --queries - the ranks stay, and wait without work between questions: a line is answered at "
           "once, as "
           "'diptych search' does. With srun only the first task may read them: --input=0.\n\n"
           "With --listen they stay, too, and answer in JSON: a line to a line, as 'diptych search --queries "
           "- -f json' does, to up to "
           "64 programs at once; lines have 65,536 bytes at most. Only programs of the machine of the first "
           "rank "
           "reach it, which says on stderr where. Ctrl-C ends it.\n\n"
           "A rank that fails ends the run, and the message has its number, host and shard.\n\n"
           "Exit status: 0 searched, 1 some lines are no queries, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the command --------------------------------------------------------------------------------------- */

static int search_rows_of(void *context, struct index_hit *const *hits, size_t *const *counts,
    const float *queries, size_t query_count, const size_t *k, const struct job *job, struct err *err)
{
    (void)job; /* which the ranks have */
    return ranks_search(context, hits, counts, queries, query_count, k, err);
}

static int fetch_rows_of(void *context, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err)
{
    return ranks_fetch(context, items, rows, count, arena, err);
}

/* The first rank's: a model as the first shard has it, and all that is asked. */
static int run(struct request *r, struct ranks *ranks, struct err *err)
{
    struct searching *s = &r->searching;
    const struct collection_options options = {.access = INDEX_READ, .storage = -1};
    const struct ranks_info info = ranks_info(ranks);
    const struct rows_elsewhere elsewhere = {.context = ranks,
        .chosen = {0, info.chosen[INDEX_IMAGE], info.chosen[INDEX_TEXT]},
        .search = search_rows_of,
        .fetch = fetch_rows_of};
    s->rows = (struct search_rows){
        .chosen = {.width = info.width, .chosen = info.chosen[INDEX_IMAGE] + info.chosen[INDEX_TEXT]},
        .elsewhere = &elsewhere};
    if (!s->request.session.quiet)
        mpi_say_shares(ranks);
    int rc = collection_open(&s->collection, info.first, &options, err);
    if (!rc)
        rc = session_open_for(&s->request.session, collection_index(s->collection), err);
    if (!rc && r->listen)
        rc = listening_begin(s, r->listen, err);
    if (!rc)
        rc = searching_run(s, err);
    listening_end(s);
    return rc;
}

int mpi_search(int argc, char **argv)
{
    struct request r = {.searching = {.request = SEARCH_REQUEST}};
    struct searching *s = &r.searching;
    struct ranks *ranks = NULL;
    struct err err = {0};
    mpi_parse(&mpi_search_argp, argc, argv, &r);
    s->converse = r.listen ? listening_converse : NULL;
    const bool first = !ranks_number();
    const struct job alone = {.threads = s->request.session.loader_options.threads};
    int rc = ranks_agree(first ? searching_begin(s, &err) : 0, &err);
    const struct ranks_options options = {.filter = s->request.filter,
        .device = &s->request.session.model_options.device,
        .job = first && !rc ? session_job(&s->request.session) : alone};
    if (!rc)
        rc = ranks_open(&ranks, s->request.path, &options, &err);
    if (!rc && first)
        rc = run(&r, ranks, &err);
    else if (!rc)
        ranks_serve(ranks);
    ranks_close(ranks);
    if (first)
        return searching_end(s, rc, &err);
    arena_release(&s->request.arena);
    return rc ? STATUS_CANNOT : STATUS_DONE;
}
