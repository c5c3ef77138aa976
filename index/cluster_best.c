// SPDX-License-Identifier: Apache-2.0
/* The best of several runs of k-means, and what is in each of its clusters. */
#include "index/index.h"

#include <math.h>
#include <stdlib.h>

enum {
    CLUSTERS_MAX = 50, /* where no number is named */
    STARTS = 5,
    STARTS_VECTORS = 10000 /* with more, one is all */
};

static size_t default_clusters(size_t count)
{
    const double k = round(sqrt((double)count / 2));
    return k < 1 ? 1 : k > CLUSTERS_MAX ? CLUSTERS_MAX : (size_t)k;
}

/* What all runs have in common. */
struct search {
    struct embedding_groups *out;
    const float *vectors; // (count, E)
    size_t width;
    uint64_t seed;
    const struct job *job;
};

static int run(struct search *s, size_t start, struct err *err)
{
    struct embedding_groups *out = s->out;
    return embedding_clusters(out->of, out->centroids, &out->similarity, s->vectors, out->vectors, s->width,
        out->count, random_at(s->seed, start), s->job, err);
}

/* k-means ends in the optimum next to where it starts: the best of several, which is made again if it was not
 * the last. */
static int run_best(struct search *s, struct err *err)
{
    const size_t starts = s->out->vectors <= STARTS_VECTORS ? STARTS : 1;
    double most = -INFINITY;
    size_t best = 0;
    for (size_t start = 0; start < starts; start++) {
        const int rc = run(s, start, err);
        if (rc)
            return rc;
        if (s->out->similarity > most) {
            most = s->out->similarity;
            best = start;
        }
    }
    return best + 1 == starts ? 0 : run(s, best, err);
}

static int by_cluster(const void *a, const void *b, void *context)
{
    const struct embedding_groups *groups = context;
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (groups->of[x] != groups->of[y])
        return groups->of[x] < groups->of[y] ? -1 : 1;
    if (groups->cosines[x] < groups->cosines[y] || groups->cosines[x] > groups->cosines[y])
        return groups->cosines[x] > groups->cosines[y] ? -1 : 1;
    return x < y ? -1 : 1;
}

/* Orders the vectors of each cluster, and says how near they are. */
static void describe(struct search *s)
{
    struct embedding_groups *out = s->out;
    for (size_t i = 0; i < out->vectors; i++) {
        const size_t of = out->of[i];
        const float *centroid = out->centroids + of * s->width, *vector = s->vectors + i * s->width;
        for (size_t e = 0; e < s->width; e++)
            out->cosines[i] += (double)vector[e] * (double)centroid[e];
        out->order[i] = i;
        out->ends[of]++;
        out->cosines[i] = index_cosine(out->cosines[i]);
        out->means[of] += out->cosines[i];
    }
    qsort_r(out->order, out->vectors, sizeof *out->order, by_cluster, out);
    for (size_t k = 0; k < out->count; k++) {
        out->means[k] /= (double)out->ends[k];
        out->ends[k] += k ? out->ends[k - 1] : 0;
    }
}

int embedding_groups_find(struct embedding_groups *out, const float *vectors, size_t count, size_t width,
    size_t k, uint64_t seed, const struct job *job, struct err *err)
{
    *out = (struct embedding_groups){.vectors = count, .count = k ? k : default_clusters(count)};
    if (out->count > count)
        return err_set(err, ERR_ARGUMENT, "%zu items do not make %zu clusters", count, out->count);
    struct search s = {out, vectors, width, seed, job};
    out->of = mem_new(count, sizeof *out->of);
    out->order = mem_new(count, sizeof *out->order);
    out->cosines = mem_new(count, sizeof *out->cosines);
    out->ends = mem_new(out->count, sizeof *out->ends);
    out->means = mem_new(out->count, sizeof *out->means);
    out->centroids = mem_new(out->count, width * sizeof *out->centroids);
    int rc = 0;
    if (!out->of || !out->order || !out->cosines || !out->ends || !out->means || !out->centroids)
        rc = err_memory(err, count * sizeof *out->of + out->count * width * sizeof *out->centroids);
    if (!rc)
        rc = run_best(&s, err);
    if (!rc)
        describe(&s);
    else
        embedding_groups_release(out);
    return rc;
}

void embedding_groups_release(struct embedding_groups *groups)
{
    if (!groups)
        return;
    free(groups->of);
    free(groups->order);
    free(groups->cosines);
    free(groups->ends);
    free(groups->means);
    free(groups->centroids);
    *groups = (struct embedding_groups){0};
}
