// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <math.h>
#include <stdlib.h>

/* The authors' search_scale and search_step: https://github.com/gaopengcuhk/Tip-Adapter, configs and utils.py. */
enum { BETAS = 200, ALPHAS = 20 };
static const double beta_end = 7, alpha_end = 3, grid_begin = 0.1;

static double grid(size_t i, size_t count, double end)
{
    return grid_begin + (double)i * (end - grid_begin) / (double)count;
}

/* ---- what logits are made of --------------------------------------------------------------------------- */

struct parts {
    const struct tip_adapter *adapter;
    const struct example_set *set;
    float *plain;    // (set->count, classes): of the zero-shot classifier
    float *likeness; // (set->count, cache.count): cosines
};

static void compare(void *context, size_t i)
{
    const struct parts *parts = context;
    const struct tip_adapter *adapter = parts->adapter;
    const struct example_set *cache = &adapter->cache;
    const size_t width = cache->of->width, classes = cache->of->classes;
    const float *x = example_embedding(parts->set, i);
    for (size_t k = 0; k < classes; k++)
        parts->plain[i * classes + k] =
            adapter->scale * dot_product(x, &adapter->zero_shot[k * width], width);
    for (size_t j = 0; j < cache->count; j++)
        parts->likeness[i * cache->count + j] = dot_product(x, example_embedding(cache, j), width);
}

static int parts_init(struct parts *parts, const struct tip_adapter *adapter, const struct example_set *set,
    const struct job *job, struct err *err)
{
    const size_t classes = set->of->classes, cached = adapter->cache.count;
    *parts = (struct parts){adapter, set, mem_new(set->count, classes * sizeof(float)),
        mem_new(set->count, cached * sizeof(float))};
    if (!parts->plain || !parts->likeness)
        return err_memory(err, set->count * (classes + cached) * sizeof(float));
    job_loop(job, set->count, compare, parts);
    return 0;
}

static void parts_release(struct parts *parts)
{
    free(parts->plain);
    free(parts->likeness);
}

/* votes (count, classes) = sum over the cache of exp(-beta (1 - likeness)) */
static void vote(float *votes, const struct parts *parts, double beta)
{
    const struct example_set *cache = &parts->adapter->cache;
    const size_t classes = cache->of->classes;
    for (size_t i = 0; i < parts->set->count; i++) {
        float *row = &votes[i * classes];
        for (size_t k = 0; k < classes; k++)
            row[k] = 0;
        for (size_t j = 0; j < cache->count; j++) {
            const struct picture_labels shown = example_labels(cache, j);
            const float weight = expf((float)beta * (parts->likeness[i * cache->count + j] - 1));
            for (size_t label = 0; label < shown.count; label++)
                row[shown.rows[label]] += weight;
        }
    }
}

static void mix(float *logits, const struct parts *parts, const float *votes, double alpha)
{
    for (size_t i = 0; i < parts->set->count * parts->set->of->classes; i++)
        logits[i] = parts->plain[i] + (float)alpha * votes[i];
}

int tip_adapter_logits(float *logits, const struct tip_adapter *adapter, const struct example_set *set,
    const struct job *job, struct err *err)
{
    struct parts parts;
    int rc = parts_init(&parts, adapter, set, job, err);
    if (!rc) {
        vote(logits, &parts, adapter->beta);
        mix(logits, &parts, logits, adapter->alpha);
        rc = job_step(job, "fitting", 0, 0, err);
    }
    parts_release(&parts);
    return rc;
}

/* ---- the search ---------------------------------------------------------------------------------------- */

struct search {
    struct parts parts;
    double scores[BETAS][ALPHAS];
    int failed[BETAS]; /* an enum err_code */
};

static void try_beta(void *context, size_t b)
{
    struct search *search = context;
    const struct example_set *set = search->parts.set;
    const size_t size = set->count * set->of->classes;
    float *votes = mem_new(size, sizeof *votes), *logits = mem_new(size, sizeof *logits);
    int rc = votes && logits ? 0 : ERR_MEMORY;
    if (!rc)
        vote(votes, &search->parts, grid(b, BETAS, beta_end));
    for (size_t a = 0; a < ALPHAS && !rc; a++) {
        mix(logits, &search->parts, votes, grid(a, ALPHAS, alpha_end));
        rc = logits_score(&search->scores[b][a], logits, set, NULL);
    }
    search->failed[b] = rc;
    free(votes);
    free(logits);
}

static int take_best(struct tip_adapter *adapter, const struct search *search, struct err *err)
{
    double best = -1;
    for (size_t b = 0; b < BETAS; b++)
        for (size_t a = 0; a < ALPHAS; a++) {
            if (search->failed[b])
                return err_memory(err, search->parts.set->count * sizeof(float));
            if (search->scores[b][a] > best) {
                best = search->scores[b][a];
                adapter->alpha = grid(a, ALPHAS, alpha_end);
                adapter->beta = grid(b, BETAS, beta_end);
            }
        }
    return 0;
}

int tip_adapter_search(
    struct tip_adapter *adapter, const struct example_set *judges, const struct job *job, struct err *err)
{
    if (!judges->count)
        return err_set(err, ERR_ARGUMENT, "no examples to choose alpha and beta by");
    struct search *search = mem_new(1, sizeof *search);
    int rc = search ? parts_init(&search->parts, adapter, judges, job, err) : err_memory(err, sizeof *search);
    if (!rc) {
        job_loop(job, BETAS, try_beta, search);
        rc = take_best(adapter, search, err);
    }
    if (!rc)
        rc = job_step(job, "fitting", 0, 0, err);
    if (search)
        parts_release(&search->parts);
    free(search);
    return rc;
}
