// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi/mpi.h"
#include "cli/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static bool parsed;          /* with the others' knowledge */
static int loud_stderr = -1; /* of a rank that is not heard */

static void leave(void)
{
    struct err err = {.code = ERR_ARGUMENT};
    if (!parsed)
        ranks_agree(err.code, &err);
    ranks_end();
}

static void mute(void)
{
    const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    loud_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (nothing >= 0) {
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        close(nothing);
    }
}

void mpi_begin(int *argc, char ***argv)
{
    ranks_begin(argc, argv);
    atexit(leave);
    command_begin();
    setenv("NO_COLOR", "1",
        0); /* Open MPI hands out a terminal of its own in the place of stdout, file or not */
    if (ranks_number())
        mute();
}

void mpi_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    struct err err;
    options_parse(argp, argc, argv, input);
    parsed = true;
    if (loud_stderr >= 0)
        dup2(loud_stderr, STDERR_FILENO);
    if (!ranks_agree(0, &err))
        return;
    if (!ranks_number())
        message("another rank makes nothing of the arguments");
    exit(STATUS_CANNOT);
}

void mpi_say_shares(const struct ranks *ranks)
{
    const struct ranks_info info = ranks_info(ranks);
    int64_t most = 0;
    for (int rank = 0; rank < ranks_count(); rank++) {
        size_t shards;
        int64_t rows;
        ranks_share(&shards, &rows, ranks, rank);
        most = rows > most ? rows : most;
    }
    message("%zu shard%s, %" PRId64 " rows; %d rank%s, %" PRId64 " rows at most", info.shards,
        plural(info.shards), info.rows, ranks_count(), plural((uint64_t)ranks_count()), most);
}
