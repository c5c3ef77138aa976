// SPDX-License-Identifier: Apache-2.0
#include "index/blocks.h"

enum { PART_COST = 1 << 27 /* multiplications of one part on one thread */ };

struct part {
    parallel_body *body;
    void *context;
    size_t first; /* block */
};

static void run_block(void *context, size_t i)
{
    const struct part *part = context;
    part->body(part->context, part->first + i);
}

int blocks_run(const struct job *job, const char *doing, size_t count, size_t block, size_t cost,
    parallel_body *body, void *context, struct err *err)
{
    const size_t blocks = (count + block - 1) / block, threads = (size_t)job_threads(job);
    const size_t part = threads * (1 + PART_COST / (block * (cost + 1)));
    struct part work = {body, context, 0};
    int rc = 0;
    for (; work.first < blocks && !rc; work.first += part) {
        const size_t left = blocks - work.first;
        rc = job_step(job, doing, 0, 0, err);
        if (!rc)
            job_loop(job, left < part ? left : part, run_block, &work);
    }
    return rc;
}
