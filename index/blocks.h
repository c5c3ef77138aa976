// SPDX-License-Identifier: Apache-2.0
/* Work on many vectors in blocks, watched by a job. */
#ifndef DIPTYCH_INDEX_BLOCKS_H
#define DIPTYCH_INDEX_BLOCKS_H

#include "base/base.h"

/* Calls body(context, b) for every block b of `block` among `count` vectors, on the job's threads, in no set
 * order. `cost` is how many multiplications a vector takes: the job's step is called with `doing`, between
 * parts that take a tenth of a second or so. ERR_CANCELLED leaves some blocks undone. */
int blocks_run(const struct job *job, const char *doing, size_t count, size_t block, size_t cost,
    parallel_body *body, void *context, struct err *err);

#endif
