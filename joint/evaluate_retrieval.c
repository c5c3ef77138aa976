// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over all pairs ranks both directions. A caption has one positive, so its cosine with its image is
 * the mark that other images are counted against; an image's mark is the best of its captions' cosines. What
 * is at or above a mark counts one ahead of the query, and no cosine has to be kept or sorted.
 */
#include "joint/internal.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const size_t retrieval_cutoffs[RETRIEVAL_CUTOFFS] = {1, 5, 10};

struct ranking {
    const float *images;    // (image_count, E)
    const float *captions;  // (caption_count, E)
    const size_t *image_of; // (caption_count)
    size_t image_count, caption_count, width;
    size_t tile; /* the first of those that are counted at once */

    float *image_marks, *caption_marks;         // (image_count), (caption_count)
    atomic_size_t *image_ahead, *caption_ahead; // negatives at or above the mark; the same shapes
};

enum { TILE = 16 }; /* images that a caption is read once for */

/* ---- marks --------------------------------------------------------------------------------------------- */

static void mark_caption(void *context, size_t i)
{
    const struct ranking *r = context;
    const float *image = &r->images[r->image_of[i] * r->width];
    r->caption_marks[i] = dot_product(image, &r->captions[i * r->width], r->width);
}

/* Also finds an image that has no caption. A NaN is no caption's best, as it is no mark to be above. */
static int mark_images(const struct ranking *r, struct err *err)
{
    for (size_t i = 0; i < r->image_count; i++)
        r->image_marks[i] = -INFINITY;
    for (size_t i = 0; i < r->caption_count; i++) {
        const size_t image = r->image_of[i];
        r->image_marks[image] = fmaxf(r->image_marks[image], r->caption_marks[i]);
        atomic_fetch_add_explicit(&r->image_ahead[image], 1, memory_order_relaxed);
    }
    for (size_t i = 0; i < r->image_count; i++) {
        if (!atomic_load_explicit(&r->image_ahead[i], memory_order_relaxed))
            return err_set(err, ERR_ARGUMENT, "image %zu has no caption", i);
        atomic_store_explicit(&r->image_ahead[i], 0, memory_order_relaxed);
    }
    return 0;
}

/* ---- pairs --------------------------------------------------------------------------------------------- */

static void count_pair(const struct ranking *r, size_t image, size_t caption)
{
    if (r->image_of[caption] == image)
        return;
    const float cosine =
        dot_product(&r->images[image * r->width], &r->captions[caption * r->width], r->width);
    if (!(cosine < r->image_marks[image])) /* NaN counts too */
        atomic_fetch_add_explicit(&r->image_ahead[image], 1, memory_order_relaxed);
    if (!(cosine < r->caption_marks[caption]))
        atomic_fetch_add_explicit(&r->caption_ahead[caption], 1, memory_order_relaxed);
}

static void count_tile(void *context, size_t i)
{
    const struct ranking *r = context;
    const size_t first = (r->tile + i) * TILE,
                 end = first + TILE < r->image_count ? first + TILE : r->image_count;
    for (size_t caption = 0; caption < r->caption_count; caption++)
        for (size_t image = first; image < end; image++)
            count_pair(r, image, caption);
}

/* Some tiles at a time, so that the job can end it. */
static int count_pairs(struct ranking *r, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 8 };
    const size_t tiles = (r->image_count + TILE - 1) / TILE;
    int rc = 0;
    for (; r->tile < tiles && !rc; r->tile += AT_ONCE) {
        const size_t left = tiles - r->tile;
        rc = job_step(job, "comparing", 0, 0, err);
        if (!rc)
            job_loop(job, left < AT_ONCE ? left : AT_ONCE, count_tile, r);
    }
    return rc;
}

/* ---- scores -------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* From the negatives ahead of each query, which are sorted. */
static struct retrieval_scores scores_of(size_t *ahead, size_t count)
{
    struct retrieval_scores scores = {.queries = count};
    qsort(ahead, count, sizeof *ahead, by_size);
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

static int score(struct retrieval *out, const struct ranking *r, struct err *err)
{
    const size_t most = r->image_count > r->caption_count ? r->image_count : r->caption_count;
    size_t *ahead = mem_new(most, sizeof *ahead);
    if (!ahead)
        return err_memory(err, most * sizeof *ahead);
    for (size_t i = 0; i < r->image_count; i++)
        ahead[i] = atomic_load_explicit(&r->image_ahead[i], memory_order_relaxed);
    out->image_to_text = scores_of(ahead, r->image_count);
    for (size_t i = 0; i < r->caption_count; i++)
        ahead[i] = atomic_load_explicit(&r->caption_ahead[i], memory_order_relaxed);
    out->text_to_image = scores_of(ahead, r->caption_count);
    free(ahead);
    return 0;
}

int retrieval_compute(struct retrieval *out, const float *images, size_t image_count, const float *captions,
    const size_t *image_of, size_t caption_count, size_t width, const struct job *job, struct err *err)
{
    if (!image_count)
        return err_set(err, ERR_ARGUMENT, "no images to retrieve");
    struct ranking r = {
        .images = images,
        .captions = captions,
        .image_of = image_of,
        .image_count = image_count,
        .caption_count = caption_count,
        .width = width,
        .image_marks = mem_new(image_count, sizeof *r.image_marks),
        .caption_marks = mem_new(caption_count + 1, sizeof *r.caption_marks), /* also where there are none */
        .image_ahead = mem_new(image_count, sizeof *r.image_ahead),
        .caption_ahead = mem_new(caption_count + 1, sizeof *r.caption_ahead),
    };
    int rc = 0;
    if (!r.image_marks || !r.caption_marks || !r.image_ahead || !r.caption_ahead)
        rc = err_memory(err, (image_count + caption_count) * sizeof *r.image_ahead);
    if (!rc) {
        job_loop(job, caption_count, mark_caption, &r);
        rc = mark_images(&r, err);
    }
    if (!rc)
        rc = count_pairs(&r, job, err);
    if (!rc)
        rc = score(out, &r, err);
    free(r.caption_ahead);
    free(r.image_ahead);
    free(r.caption_marks);
    free(r.image_marks);
    return rc;
}
