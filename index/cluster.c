// SPDX-License-Identifier: Apache-2.0
#include "index/blocks.h"
#include "index/dot.h"
#include "index/index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 100, BLOCK = 1024 /* what a thread takes at a time */ };
static const char doing[] = "finding clusters";

struct cluster {
    size_t *clusters;     // (count)
    float *centroids;     // (k, E)
    double *similarities; // (count): each vector's cosine with its centroid
    const float *vectors; // (count, E)
    size_t count, width, k;
    double *sums;  // (k, E)
    size_t *sizes; // (k)
    size_t latest; /* the centroid that see_block looks at */
};

static void normalise(float *out, const double *sum, size_t width)
{
    const double length = sqrt(dot_f64(sum, sum, width));
    for (size_t e = 0; e < width; e++)
        out[e] = (float)(length > 0 ? sum[e] / length : 0);
}

/* ---- seeds --------------------------------------------------------------------------------------------- */

static void use_as_centroid(struct cluster *c, size_t cluster, size_t vector)
{
    memcpy(
        c->centroids + cluster * c->width, c->vectors + vector * c->width, c->width * sizeof *c->centroids);
}

/* The nearest centroid so far, when one more has come. */
static void see_block(void *context, size_t block)
{
    struct cluster *c = context;
    const float *centroid = c->centroids + c->latest * c->width;
    for (size_t i = block * BLOCK; i < c->count && i < (block + 1) * BLOCK; i++) {
        const double cosine = dot_f32(c->vectors + i * c->width, centroid, c->width);
        if (c->latest == 0 || cosine > c->similarities[i])
            c->similarities[i] = cosine;
    }
}

/* A vector, drawn by the square of its distance from the centroids so far: 2 - 2 cosine. */
static size_t draw_far(const struct cluster *c, double unit)
{
    double total = 0, left;
    for (size_t i = 0; i < c->count; i++)
        total += fmax(0, 1 - c->similarities[i]);
    left = unit * total;
    for (size_t i = 0; i < c->count; i++) {
        left -= fmax(0, 1 - c->similarities[i]);
        if (left < 0)
            return i;
    }
    return c->count - 1;
}

static int choose_seeds(struct cluster *c, uint64_t seed, const struct job *job, struct err *err)
{
    int rc = 0;
    for (c->latest = 0; c->latest < c->k && !rc; c->latest++) {
        const uint64_t random = random_at(seed, c->latest);
        use_as_centroid(c, c->latest,
            c->latest ? draw_far(c, (double)(random >> 11) * 0x1p-53) : (size_t)(random % c->count));
        rc = blocks_run(job, doing, c->count, BLOCK, c->width, see_block, c, err);
    }
    return rc;
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

static void assign_block(void *context, size_t block)
{
    struct cluster *c = context;
    for (size_t i = block * BLOCK; i < c->count && i < (block + 1) * BLOCK; i++) {
        c->similarities[i] = -INFINITY;
        for (size_t cluster = 0; cluster < c->k; cluster++) {
            const double cosine =
                dot_f32(c->vectors + i * c->width, c->centroids + cluster * c->width, c->width);
            if (cosine > c->similarities[i]) {
                c->similarities[i] = cosine;
                c->clusters[i] = cluster;
            }
        }
    }
}

static void count_sizes(struct cluster *c)
{
    memset(c->sizes, 0, c->k * sizeof *c->sizes);
    for (size_t i = 0; i < c->count; i++)
        c->sizes[c->clusters[i]]++;
}

/* A cluster that nothing is nearest to takes the vector that is worst placed, of a cluster that can spare
 * one. */
static void fill_empty(struct cluster *c)
{
    for (size_t cluster = 0; cluster < c->k; cluster++) {
        size_t worst = c->count;
        if (c->sizes[cluster])
            continue;
        for (size_t i = 0; i < c->count; i++)
            if (c->sizes[c->clusters[i]] > 1 &&
                (worst == c->count || c->similarities[i] < c->similarities[worst]))
                worst = i;
        c->sizes[c->clusters[worst]]--;
        c->sizes[cluster]++;
        c->clusters[worst] = cluster;
        c->similarities[worst] = 1;
    }
}

static int move_centroids(struct cluster *c, const struct job *job, struct err *err)
{
    int rc = 0;
    memset(c->sums, 0, c->k * c->width * sizeof *c->sums);
    for (size_t i = 0; i < c->count && !rc; i++) {
        rc = i % BLOCK ? 0 : job_step(job, doing, 0, 0, err);
        for (size_t e = 0; e < c->width; e++)
            c->sums[c->clusters[i] * c->width + e] += c->vectors[i * c->width + e];
    }
    for (size_t cluster = 0; cluster < c->k; cluster++)
        normalise(c->centroids + cluster * c->width, c->sums + cluster * c->width, c->width);
    return rc;
}

/* Lloyd's rounds, until no vector changes its cluster. */
static int run_rounds(struct cluster *c, size_t *before, const struct job *job, struct err *err)
{
    int rc = 0;
    for (size_t round = 0; round < ROUNDS_MAX && !rc; round++) {
        memcpy(before, c->clusters, c->count * sizeof *before);
        rc = blocks_run(job, doing, c->count, BLOCK, c->k * c->width, assign_block, c, err);
        if (rc)
            return rc;
        count_sizes(c);
        fill_empty(c);
        if (round > 0 && !memcmp(before, c->clusters, c->count * sizeof *before))
            return 0;
        rc = move_centroids(c, job, err);
    }
    return rc;
}

/* ---- the result ---------------------------------------------------------------------------------------- */

/* order[0] is the largest cluster; of equals, the one before. */
static void order_by_size(size_t *order, const struct cluster *c)
{
    for (size_t cluster = 0; cluster < c->k; cluster++) {
        size_t at = cluster;
        for (; at > 0 && c->sizes[order[at - 1]] < c->sizes[cluster]; at--)
            order[at] = order[at - 1];
        order[at] = cluster;
    }
}

/* Numbers the clusters by falling size. sums is free by now. */
static void renumber(struct cluster *c, size_t *order, size_t *number)
{
    float *centroids = (float *)c->sums; // (k, E)
    order_by_size(order, c);
    for (size_t cluster = 0; cluster < c->k; cluster++) {
        number[order[cluster]] = cluster;
        memcpy(centroids + cluster * c->width, c->centroids + order[cluster] * c->width,
            c->width * sizeof *centroids);
    }
    memcpy(c->centroids, centroids, c->k * c->width * sizeof *centroids);
    for (size_t i = 0; i < c->count; i++)
        c->clusters[i] = number[c->clusters[i]];
}

int embedding_clusters(size_t *clusters, float *centroids, double *similarity, const float *vectors,
    size_t count, size_t width, size_t k, uint64_t seed, const struct job *job, struct err *err)
{
    if (k < 1 || k > count)
        return err_set(err, ERR_ARGUMENT, "%zu vectors do not make %zu clusters", count, k);
    struct cluster c = {
        .clusters = clusters,
        .centroids = centroids,
        .vectors = vectors,
        .count = count,
        .width = width,
        .k = k,
    };
    size_t *before = mem_new(count, sizeof *before), *order = mem_new(k, 2 * sizeof *order), room;
    c.similarities = mem_new(count, sizeof *c.similarities);
    c.sums = size_mul(&room, k, width) ? mem_new(room, sizeof *c.sums) : NULL;
    c.sizes = mem_new(k, sizeof *c.sizes);
    int rc = before && order && c.similarities && c.sums && c.sizes
                 ? 0
                 : err_memory(err, k * width * sizeof *c.sums + count * sizeof *before);
    memset(clusters, 0, count * sizeof *clusters);
    if (!rc)
        rc = choose_seeds(&c, seed, job, err);
    if (!rc)
        rc = run_rounds(&c, before, job, err);
    if (!rc) {
        renumber(&c, order, order + k);
        *similarity = 0;
        for (size_t i = 0; i < count; i++)
            *similarity +=
                dot_f32(vectors + i * width, centroids + clusters[i] * width, width) / (double)count;
    }
    free(c.sizes);
    free(c.sums);
    free(c.similarities);
    free(order);
    free(before);
    return rc;
}
