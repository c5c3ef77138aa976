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
    enum { SHARE = 20, SECONDS_MAX = 2 };
    const double now = time_now(), wait = SHARE * work->commit_time;
    if (now - work->committed < (wait < SECONDS_MAX ? wait : SECONDS_MAX))
        return 0;
    const int rc = index_commit(work->index, err);
    work->committed = time_now();
    work->commit_time = work->committed - now;
    return rc;
}

void work_fail(struct work *work, size_t *failed, const char *reason)
{
    progress_clear(&work->session->progress);
    message("%s", reason);
    work->session->failed++;
    ++*failed;
}

void work_put_summary(const struct work *w)
{
    fprintf(stderr,
        "pictures: %zu new, %zu changed, %zu copied, %zu moved, %zu gone, %zu unchanged, %zu failed\n",
        w->pictures.new, w->pictures.changed, w->pictures.copied, w->pictures.moved, w->pictures.gone,
        w->pictures.unchanged, w->pictures.failed);
    if (w->texts.new + w->texts.copied + w->texts.gone + w->texts.unchanged + w->texts.failed)
        fprintf(stderr, "texts: %zu new, %zu copied, %zu gone, %zu unchanged, %zu failed\n", w->texts.new,
            w->texts.copied, w->texts.gone, w->texts.unchanged, w->texts.failed);
    if (w->described)
        fprintf(stderr, "new captions or metadata: %zu\n", w->described);
    if (w->texts.truncated)
        fprintf(stderr, "texts cut at the model's %zu tokens: %zu\n",
            model_config(w->session->model)->text.context, w->texts.truncated);
}
