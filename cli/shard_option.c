// SPDX-License-Identifier: Apache-2.0
/*
 * Schedulers number their tasks in the environment. It is looked at only where --shard auto asks for it: a whole index that
 * somebody builds inside of a job must not become the n-th part of one.
 */
#include "cli/shard_option.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 1000000 };

/* Digits up to `end`, or -1. */
static long long number_of(const char *text, const char *end)
{
    char *stop;
    errno = 0;
    const long long number = text && isdigit((unsigned char)*text) ? strtoll(text, &stop, 10) : -1;
    return number >= 0 && !errno && stop == end ? number : -1;
}

static struct shard_options checked(
    const struct argp_state *state, const char *what, long long number, long long count)
{
    if (number < 0 || count < 1 || count > SHARDS_MAX || number >= count)
        option_error(state, "--shard takes I/N with I from 0 to N - 1, or auto: not %s", what);
    return (struct shard_options){.number = (size_t)number, .count = (size_t)count};
}

/* ---- schedulers ---------------------------------------------------------------------------------------- */

/* Where the number of a task stands, how many there are, the first number and the step; NULL: 0 and 1. */
static const struct scheduler {
    const char *number, *count, *first, *step;
} schedulers[] = {
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", NULL, NULL},
    {"PMI_RANK", "PMI_SIZE", NULL, NULL},
};
enum { SCHEDULERS = sizeof schedulers / sizeof *schedulers };

static long long variable(const struct argp_state *state, const char *name, long long otherwise)
{
    const char *text = name ? getenv(name) : NULL;
    const long long number = text ? number_of(text, text + strlen(text)) : otherwise;
    if (number < 0)
        option_error(state, "--shard auto: %s is '%s', no number", name, text ? text : "");
    return number;
}

static struct shard_options ask(const struct argp_state *state, const struct scheduler *scheduler)
{
    const long long id = variable(state, scheduler->number, 0), count = variable(state, scheduler->count, 0);
    const long long first = variable(state, scheduler->first, 0), step = variable(state, scheduler->step, 1);
    char what[256];
    if (step < 1 || id < first || (id - first) % step || (id - first) / step >= count)
        option_error(state, "--shard auto: %s is %lld, of %lld from %lld by %lld: say --shard I/N",
            scheduler->number, id, count, first, step);
    snprintf(what, sizeof what, "%s %lld of %lld", scheduler->number, id, count);
    return checked(state, what, (id - first) / step, count);
}

/* A program that mpiexec or srun starts alone in each task of an array has that task's share. */
static struct shard_options ask_all(const struct argp_state *state)
{
    struct shard_options found = {0};
    const char *of = NULL;
    for (size_t i = 0; i < SCHEDULERS; i++) {
        if (!getenv(schedulers[i].number) || !getenv(schedulers[i].count))
            continue;
        const struct shard_options number = ask(state, &schedulers[i]);
        if (found.count > 1 && number.count > 1)
            option_error(state, "--shard auto: both %s and %s number this process: say --shard I/N", of,
                schedulers[i].number);
        if (found.count <= 1 && (!of || number.count > 1)) {
            found = number;
            of = schedulers[i].number;
        }
    }
    if (!of)
        option_error(state,
            "--shard auto: no scheduler has numbered this process: there is neither %s nor %s nor %s",
            schedulers[0].number, schedulers[1].number, schedulers[2].number);
    return found;
}

static struct shard_options take(const struct argp_state *state, const char *argument)
{
    if (!strcmp(argument, "auto"))
        return ask_all(state);
    const char *slash = strchr(argument, '/');
    char what[256];
    snprintf(what, sizeof what, "'%s'", argument);
    return checked(state, what, slash ? number_of(argument, slash) : -1,
        slash ? number_of(slash + 1, slash + strlen(slash)) : -1);
}

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_SHARD = 0x300, KEY_SCRATCH };

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "One shard of an index that many processes make:", 2},
    {"shard", KEY_SHARD, "I/N", 0,
        "Make shard I of N, from 0 to N - 1, of the index. auto: the number that a Slurm array "
        "(SLURM_ARRAY_TASK_ID) or MPI (OMPI_COMM_WORLD_RANK, PMI_RANK) has given to this process",
        2},
    {"scratch", KEY_SCRATCH, "DIR", 0,
        "A folder on a disk of this machine, where the shard grows (default: $TMPDIR, or /tmp)", 2},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct shard_options *shard = state->input;
    struct shard_options taken;
    switch (key) {
    case KEY_SHARD:
        taken = take(state, argument);
        shard->number = taken.number;
        shard->count = taken.count;
        return 0;
    case KEY_SCRATCH:
        shard->scratch = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp shard_argp = {.options = options, .parser = parse};
