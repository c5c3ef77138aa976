// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over all pairs ranks both directions. A caption has one positive, so its cosine with its image is
 * the mark that other images are counted against; an image's mark is the best of its captions' cosines. What
 * is at or above a mark counts one ahead of the query, and no cosine has to be kept or sorted.
 */
#include "joint/evaluation/retrieval_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const size_t retrieval_cutoffs[RETRIEVAL_CUTOFFS] = {1, 5, 10};

/* ---- marks --------------------------------------------------------------------------------------------- */

static void mark_caption(void *context, size_t i)
{
    const struct pairs *pairs = context;
    pairs->caption_marks[i] = pair_cosine(pairs, pairs->image_of[i], i);
}

/* Also finds an image that has no caption. A NaN is no caption's best, as it is no mark to be above. */
static int mark_images(const struct pairs *pairs, struct err *err)
{
    bool *marked = mem_new(pairs->image_count, sizeof *marked);
    size_t i = 0;
    if (!marked)
        return err_memory(err, pairs->image_count);
    for (; i < pairs->image_count; i++)
        pairs->image_marks[i] = -INFINITY;
    for (i = 0; i < pairs->caption_count; i++) {
        const size_t image = pairs->image_of[i];
        pairs->image_marks[image] = fmaxf(pairs->image_marks[image], pairs->caption_marks[i]);
        marked[image] = true;
    }
    for (i = 0; i < pairs->image_count && marked[i];)
        i++;
    free(marked);
    return i < pairs->image_count ? err_set(err, ERR_ARGUMENT, "image %zu has no caption", i) : 0;
}

/* ---- scores -------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* From the negatives ahead of each query; `sorted` (count) is scratch. */
static struct retrieval_scores scores_of(const size_t *of_queries, size_t *sorted, size_t count)
{
    struct retrieval_scores scores = {.queries = count};
    const size_t *ahead = sorted;
    memcpy(sorted, of_queries, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    for (size_t i = 0; i < count; i++) {
        scores.mean_rank += (double)(ahead[i] + 1) / (double)count;
        for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++)
            scores.recall[k] += ahead[i] < retrieval_cutoffs[k];
    }
    for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++)
        scores.recall[k] /= (double)count;
    scores.median_rank = 1 + ((double)ahead[(count - 1) / 2] + (double)ahead[count / 2]) / 2;
    return scores;
}

int retrieval_compute(struct retrieval *out, struct device *device, const float *images, size_t image_count,
    const float *captions, const size_t *image_of, size_t caption_count, size_t width, const struct job *job,
    struct err *err)
{
    if (!image_count)
        return err_set(err, ERR_ARGUMENT, "no images to retrieve");
    struct pairs pairs = {
        .images = images,
        .captions = captions,
        .image_of = image_of,
        .image_count = image_count,
        .caption_count = caption_count,
        .width = width,
        .image_marks = mem_new(image_count, sizeof *pairs.image_marks),
        .caption_marks =
            mem_new(caption_count + 1, sizeof *pairs.caption_marks), /* also where there are none */
        .image_ahead = mem_new(image_count, sizeof *pairs.image_ahead),
        .caption_ahead = mem_new(caption_count + 1, sizeof *pairs.caption_ahead),
    };
    size_t *sorted = mem_new(image_count + caption_count, sizeof *sorted),
           *kept = mem_new(caption_count + 1, sizeof *kept);
    int rc = 0;
    *out = (struct retrieval){0};
    if (!sorted || !kept || !pairs.image_marks || !pairs.caption_marks || !pairs.image_ahead ||
        !pairs.caption_ahead)
        rc = err_memory(err, (image_count + caption_count) * sizeof *pairs.image_ahead);
    if (!rc) {
        job_loop(job, caption_count, mark_caption, &pairs);
        rc = mark_images(&pairs, err);
    }
    if (!rc && !(rc = pairs_count(&pairs, device, job, err))) {
        memcpy(kept, image_of, caption_count * sizeof *kept);
        *out = (struct retrieval){scores_of(pairs.image_ahead, sorted, image_count),
            scores_of(pairs.caption_ahead, sorted, caption_count), pairs.image_ahead, pairs.caption_ahead,
            kept};
    } else {
        free(pairs.caption_ahead);
        free(pairs.image_ahead);
        free(kept);
    }
    free(sorted);
    free(pairs.caption_marks);
    free(pairs.image_marks);
    return rc;
}

void retrieval_release(struct retrieval *retrieval)
{
    free(retrieval->image_ahead);
    free(retrieval->caption_ahead);
    free(retrieval->image_of);
    *retrieval = (struct retrieval){0};
}
