// SPDX-License-Identifier: Apache-2.0
/* --shard: which share of the work this process has. */
#ifndef DIPTYCH_CLI_SHARD_OPTION_H
#define DIPTYCH_CLI_SHARD_OPTION_H

#include "cli/options.h"

/* --shard and --scratch. Input: a struct shard_options. "auto" is what the scheduler says that started this process. */
extern const struct argp shard_argp;

struct shard_options {
    size_t number, count; /* number of count, from 0; count 0: --shard was not given */
    const char *scratch;  /* NULL: not said */
};

#endif
