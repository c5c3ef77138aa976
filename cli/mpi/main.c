// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi/mpi.h"

#include <string.h>

static void put_help(FILE *out)
{
    fputs("Usage: mpiexec -n RANKS diptych-mpi COMMAND [OPTION...]\n\n"
          "Search and measure with many machines: each rank of MPI has its own shards of an index.\n\n",
        out);
    command_list(mpi_commands, out);
    fputs("\n'diptych-mpi COMMAND --help' shows how to use one.\n", out);
}

int main(int argc, char **argv)
{
    mpi_begin(&argc, &argv);
    if (argc < 2) {
        put_help(stderr);
        return STATUS_CANNOT;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("diptych-mpi " DIPTYCH_VERSION);
        return STATUS_DONE;
    }
    if (!strcmp(argv[1], "help") && argc > 2) { /* "help search" runs "search --help" */
        argv[1] = argv[2];
        argv[2] = "--help";
        return command_run(mpi_commands, "diptych-mpi", 2, argv + 1);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        put_help(stdout);
        return STATUS_DONE;
    }
    return command_run(mpi_commands, "diptych-mpi", argc - 1, argv + 1);
}
