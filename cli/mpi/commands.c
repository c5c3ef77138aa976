// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi/mpi.h"

const struct command mpi_commands[] = {
    {"search", mpi_search, "find what the shards of an index have that is closest to texts and pictures",
        &mpi_search_argp, NULL},
    {"duplicates", mpi_duplicates, "list items of shards that are the same, or nearly so",
        &mpi_duplicates_argp, NULL},
    {"evaluate-retrieval", mpi_evaluate_retrieval,
        "do pictures of shards find their captions, and captions their pictures",
        &mpi_evaluate_retrieval_argp, NULL},
    {0},
};
