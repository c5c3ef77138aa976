// SPDX-License-Identifier: Apache-2.0
/*
 * diptych-mpi: commands that many processes do together, each of which runs all of this: the ranks of index/mpi. The first
 * reads and prints; what the others would say it says for them.
 */
#ifndef DIPTYCH_CLI_MPI_H
#define DIPTYCH_CLI_MPI_H

#include "cli/command.h"
#include "cli/options.h"
#include "index/mpi/mpi.h"

extern const struct command mpi_commands[];

int mpi_search(int argc, char **argv);
int mpi_duplicates(int argc, char **argv);
int mpi_evaluate_retrieval(int argc, char **argv);
extern const struct argp mpi_search_argp, mpi_duplicates_argp, mpi_evaluate_retrieval_argp;

/* Call it first of all. At every exit, also those inside argp, the rank leaves the others; nobody waits for it. */
void mpi_begin(int *argc, char ***argv);

/* options_parse on all ranks; only the first is heard. */
void mpi_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Says on stderr which ranks have how much. */
void mpi_say_shares(const struct ranks *ranks);

/* A searching's conversation with the clients of a port: converse, once the port is open. */
struct searching;
struct search;
int listening_begin(struct searching *s, const char *address, struct err *err);
int listening_converse(
    struct searching *s, struct search *search, size_t *truncated, const struct job *job, struct err *err);
void listening_end(struct searching *s);

#endif
