// SPDX-License-Identifier: Apache-2.0
#include "cli/index_sync.h"
#include "cli/pictures.h"

#include <stdio.h>

void sync_counts_put(const struct sync_counts *c, const struct model *model)
{
    fprintf(stderr,
        "pictures: %zu new, %zu changed, %zu copied, %zu moved, %zu gone, %zu unchanged, %zu failed\n",
        c->pictures.new, c->pictures.changed, c->pictures.copied, c->pictures.moved, c->pictures.gone,
        c->pictures.unchanged, c->pictures.failed);
    if (c->texts.new + c->texts.copied + c->texts.gone + c->texts.unchanged + c->texts.failed)
        fprintf(stderr, "texts: %zu new, %zu copied, %zu gone, %zu unchanged, %zu failed\n", c->texts.new,
            c->texts.copied, c->texts.gone, c->texts.unchanged, c->texts.failed);
    if (c->pictures.excluded)
        fprintf(stderr, "pictures that are left out now and left the index: %zu\n", c->pictures.excluded);
    if (c->pictures.partners)
        fprintf(stderr, "pictures that are one with another: %zu\n", c->pictures.partners);
    if (c->pictures.missing)
        fprintf(stderr, "missing pictures that stay: %zu; with --gone they leave the index\n",
            c->pictures.missing);
    if (c->pictures.failed_before)
        fprintf(stderr, "pictures that failed before and did not change: %zu; --retry-failed tries them\n",
            c->pictures.failed_before);
    if (c->described)
        fprintf(stderr, "new captions or metadata: %zu\n", c->described);
    if (c->examined)
        fprintf(stderr, "pictures of before whose dates and places were read: %zu\n", c->examined);
    if (c->texts.truncated)
        fprintf(
            stderr, "texts cut at the model's %zu tokens: %zu\n", model_context(model), c->texts.truncated);
    passed_over_put(&c->passed);
}
