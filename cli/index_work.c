// SPDX-License-Identifier: Apache-2.0
#include "cli/index_work.h"
#include "cli/interrupt.h"
#include "cli/text.h"

#include <stdio.h>

bool work_ended(void)
{
    return interrupt_seen() || ferror(stdout);
}

int work_commit(struct work *work, struct err *err)
{
    enum { SECONDS = 2, BATCHES = 16 };
    const double now = time_now();
    if (++work->uncommitted < BATCHES && now - work->committed < SECONDS)
        return 0;
    work->uncommitted = 0;
    work->committed = now;
    return index_commit(work->index, err);
}

void work_fail(struct work *work, size_t *failed, const char *reason)
{
    progress_clear(&work->session->progress);
    message("%s", reason);
    work->session->failed++;
    ++*failed;
}
