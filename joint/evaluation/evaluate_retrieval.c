// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over all pairs ranks both directions. A caption has one positive, so its cosine with its image is
 * the mark that other images are counted against; an image's mark is the best of its captions' cosines. What
 * is at or above a mark counts one ahead of the query, and no cosine has to be kept or sorted.
 *
 * Of several processes each has some of the images and all captions. Whoever has a caption's image finds its mark, and each counts
 * the pairs of its own images; so what all have to learn of one another are sums.
 */
#include "joint/evaluation/peers.h"
#include "joint/evaluation/retrieval_pairs.h"
#include "joint/evaluation/retrieval_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const size_t retrieval_cutoffs[RETRIEVAL_CUTOFFS] = {1, 5, 10};

#define OF_OTHERS SIZE_MAX /* the image that a caption is of, where another process has it */

static size_t number_of(const struct retrieval_part *part, size_t image)
{
    return part->numbers ? part->numbers[image] : image;
}

/* own_of (captions): the place of each one's image among those of the part. */
static int find_own(size_t *own_of, const struct retrieval_part *part, size_t image_count,
    const size_t *image_of, size_t caption_count, struct err *err)
{
    size_t *places = mem_new(image_count, sizeof *places);
    if (!places)
        return err_memory(err, image_count * sizeof *places);
    for (size_t i = 0; i < image_count; i++)
        places[i] = OF_OTHERS;
    for (size_t i = 0; i < part->count; i++)
        places[number_of(part, i)] = i;
    for (size_t i = 0; i < caption_count; i++)
        own_of[i] = places[image_of[i]];
    free(places);
    return 0;
}

/* ---- marks --------------------------------------------------------------------------------------------- */

static void mark_caption(void *context, size_t i)
{
    const struct pairs *pairs = context;
    if (pairs->image_of[i] != OF_OTHERS)
        pairs->caption_marks[i] = pair_cosine(pairs, pairs->image_of[i], i);
}

/* Also finds an image that has no caption. A NaN is no caption's best, as it is no mark to be above. */
static int mark_images(const struct pairs *pairs, const struct retrieval_part *part, struct err *err)
{
    bool *marked = mem_new(pairs->image_count + 1, sizeof *marked);
    size_t i = 0;
    if (!marked)
        return err_memory(err, pairs->image_count);
    for (; i < pairs->image_count; i++)
        pairs->image_marks[i] = -INFINITY;
    for (i = 0; i < pairs->caption_count; i++) {
        const size_t image = pairs->image_of[i];
        if (image == OF_OTHERS)
            continue;
        pairs->image_marks[image] = fmaxf(pairs->image_marks[image], pairs->caption_marks[i]);
        marked[image] = true;
    }
    for (i = 0; i < pairs->image_count && marked[i];)
        i++;
    free(marked);
    return i < pairs->image_count ? err_set(err, ERR_ARGUMENT, "image %zu has no caption", number_of(part, i))
                                  : 0;
}

/* Gives all captions the marks that some process has found: of each one has the bits, and the others have zeros. */
static int share_marks(const struct pairs *pairs, const struct peers *peers, struct err *err)
{
    const size_t count = pairs->caption_count;
    size_t *bits = peers ? mem_new(count + 1, sizeof *bits) : NULL;
    const int rc = peers_agree_own(peers, peers && !bits ? err_memory(err, count * sizeof *bits) : 0, err);
    if (rc || !peers) {
        free(bits);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(&bits[i], &pairs->caption_marks[i], sizeof *pairs->caption_marks);
    peers_sum(peers, bits, count);
    for (size_t i = 0; i < count; i++)
        memcpy(&pairs->caption_marks[i], &bits[i], sizeof *pairs->caption_marks);
    free(bits);
    return 0;
}

/* Fills in all marks, and then what is ahead of them. */
static int count_pairs(struct pairs *pairs, struct device *device, const struct retrieval_part *part,
    const struct peers *peers, const struct job *job, struct err *err)
{
    job_loop(job, pairs->caption_count, mark_caption, pairs);
    int rc = peers_agree_own(peers, mark_images(pairs, part, err), err);
    if (!rc)
        rc = share_marks(pairs, peers, err);
    if (rc)
        return rc;
    rc = pairs->image_count ? pairs_count(pairs, device, job, err) : 0;
    return peers_agree_own(peers, rc, err);
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

/* What all have counted. sorted (max(images, captions)) is scratch. */
static void join_counts(struct retrieval *out, const struct pairs *pairs, const struct retrieval_part *part,
    size_t image_count, size_t *sorted, const struct peers *peers)
{
    for (size_t i = 0; i < part->count; i++)
        out->image_ahead[number_of(part, i)] = pairs->image_ahead[i];
    peers_sum(peers, out->image_ahead, image_count);
    peers_sum(peers, out->caption_ahead, pairs->caption_count);
    out->image_to_text = scores_of(out->image_ahead, sorted, image_count);
    out->text_to_image = scores_of(out->caption_ahead, sorted, pairs->caption_count);
}

int retrieval_compute_part(struct retrieval *out, struct device *device, const struct retrieval_part *part,
    size_t image_count, const float *captions, const size_t *image_of, size_t caption_count, size_t width,
    const struct peers *peers, const struct job *job, struct err *err)
{
    const size_t room = image_count + caption_count + 1; /* also where there are none */
    size_t *own_of = mem_new(room, sizeof *own_of), *sorted = mem_new(room, sizeof *sorted);
    *out = (struct retrieval){.image_ahead = mem_new(room, sizeof *out->image_ahead),
        .caption_ahead = mem_new(room, sizeof *out->caption_ahead),
        .image_of = mem_new(room, sizeof *out->image_of)};
    struct pairs pairs = {
        .images = part->images,
        .captions = captions,
        .image_of = own_of,
        .image_count = part->count,
        .caption_count = caption_count,
        .width = width,
        .image_marks = mem_new(room, sizeof *pairs.image_marks),
        .caption_marks = mem_new(room, sizeof *pairs.caption_marks),
        .image_ahead = mem_new(room, sizeof *pairs.image_ahead),
        .caption_ahead = out->caption_ahead,
    };
    int rc = image_count ? 0 : err_set(err, ERR_ARGUMENT, "no images to retrieve");
    if (!rc && (!own_of || !sorted || !out->image_ahead || !out->caption_ahead || !out->image_of ||
                   !pairs.image_marks || !pairs.caption_marks || !pairs.image_ahead))
        rc = err_memory(err, room * sizeof *sorted);
    if (!rc)
        rc = find_own(own_of, part, image_count, image_of, caption_count, err);
    rc = peers_agree_own(peers, rc, err);
    if (!rc)
        rc = count_pairs(&pairs, device, part, peers, job, err);
    if (rc) {
        retrieval_release(out);
    } else {
        memcpy(out->image_of, image_of, caption_count * sizeof *image_of);
        join_counts(out, &pairs, part, image_count, sorted, peers);
    }
    free(own_of);
    free(sorted);
    free(pairs.image_marks);
    free(pairs.caption_marks);
    free(pairs.image_ahead);
    return rc;
}

int retrieval_compute(struct retrieval *out, struct device *device, const float *images, size_t image_count,
    const float *captions, const size_t *image_of, size_t caption_count, size_t width, const struct job *job,
    struct err *err)
{
    const struct retrieval_part all = {.images = images, .count = image_count};
    return retrieval_compute_part(
        out, device, &all, image_count, captions, image_of, caption_count, width, NULL, job, err);
}

void retrieval_release(struct retrieval *retrieval)
{
    free(retrieval->image_ahead);
    free(retrieval->caption_ahead);
    free(retrieval->image_of);
    *retrieval = (struct retrieval){0};
}
