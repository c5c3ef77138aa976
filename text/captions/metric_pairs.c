// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_ngrams.h"

#include <stdlib.h>

int caption_pairs_check(const struct caption_pair *pairs, size_t count, struct err *err)
{
    if (count == 0)
        return err_set(err, ERR_ARGUMENT, "no images to score");
    for (size_t i = 0; i < count; i++) {
        int rc = unicode_check(span_of(pairs[i].candidate), err);
        if (rc) {
            err_wrap(err, "candidate of image %zu", i);
            return rc;
        }
        if (pairs[i].reference_count == 0)
            return err_set(err, ERR_ARGUMENT, "image %zu has no reference", i);
        for (size_t j = 0; j < pairs[i].reference_count; j++)
            if ((rc = unicode_check(span_of(pairs[i].references[j]), err))) {
                err_wrap(err, "reference %zu of image %zu", j, i);
                return rc;
            }
    }
    return 0;
}

void metric_scores_init(struct metric_scores *out, double *images, size_t count)
{
    *out = (struct metric_scores){.images = images, .count = count};
    for (size_t i = 0; i < count; i++)
        out->corpus += images[i];
    out->corpus /= (double)count;
}

void metric_scores_release(struct metric_scores *scores)
{
    if (!scores)
        return;
    free(scores->images);
    *scores = (struct metric_scores){0};
}
