// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/evaluation.h"

#include <math.h>
#include <stdlib.h>

static int by_score(const void *a, const void *b)
{
    const struct scored_picture *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

double average_precision(struct scored_picture *pictures, size_t count)
{
    size_t positives = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        if (isnan(pictures[i].score))
            pictures[i].score = -INFINITY;
    if (count)
        qsort(pictures, count, sizeof *pictures, by_score);
    for (size_t i = 0, end; i < count; i = end) {
        size_t found = 0;
        for (end = i; end < count && !by_score(&pictures[i], &pictures[end]); end++)
            found += pictures[end].positive;
        positives += found;
        sum += (double)found * (double)positives / (double)end;
    }
    return positives ? sum / (double)positives : 0;
}

double average_precision_drawn(const struct ranked_picture *order, size_t count, const uint32_t *times)
{
    double taken = 0, positives = 0, found = 0, sum = 0; /* found: among those of one score */
    for (size_t i = 0; i < count; i++) {
        const uint32_t drawn = times[order[i].picture];
        taken += drawn;
        found += order[i].positive ? drawn : 0;
        if (!order[i].last)
            continue;
        positives += found;
        sum += found > 0 ? found * positives / taken : 0;
        found = 0;
    }
    return positives > 0 ? sum / positives : 0;
}

/* ---- of all labels ------------------------------------------------------------------------------------- */

enum { PICTURE_MAX = (1 << 30) - 1, ORDERS_MAX = 1 << 28 /* pictures in all of them */ };

struct labels_run {
    struct average_precisions *out;
    const float *embeddings, *rows; // (count, E), (labels, E)
    const struct picture_labels *shown;
    size_t count, width, first;
    bool *failed; // (labels): out of memory
};

static bool shows(const struct picture_labels *picture, size_t label)
{
    for (size_t i = 0; i < picture->count; i++)
        if (picture->rows[i] == label)
            return true;
    return false;
}

/* Of pictures that average_precision has sorted. */
static void keep_order(struct ranked_picture *order, const struct scored_picture *pictures, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ranked_picture){
            .picture = pictures[i].picture & PICTURE_MAX,
            .positive = pictures[i].positive,
            .last = i + 1 == count || by_score(&pictures[i], &pictures[i + 1]),
        };
}

static void score_label(void *context, size_t i)
{
    const struct labels_run *run = context;
    const size_t label = run->first + i;
    const float *row = &run->rows[label * run->width];
    struct scored_picture *pictures = mem_new(run->count, sizeof *pictures);
    run->failed[label] = !pictures;
    for (size_t p = 0; pictures && p < run->count; p++) {
        pictures[p].score = dot_product(&run->embeddings[p * run->width], row, run->width);
        pictures[p].picture = (uint32_t)p;
        pictures[p].positive = shows(&run->shown[p], label);
        run->out->pictures[label] += pictures[p].positive;
    }
    if (pictures)
        run->out->classes[label] = average_precision(pictures, run->count);
    if (pictures && run->out->order)
        keep_order(&run->out->order[label * run->count], pictures, run->count);
    free(pictures);
}

static int score_labels(struct labels_run *run, const struct job *job, struct err *err)
{
    enum { AT_ONCE = 64 }; /* between two questions of the job */
    const size_t labels = run->out->labels;
    int rc = 0;
    for (; run->first < labels && !rc; run->first += AT_ONCE) {
        const size_t left = labels - run->first;
        job_loop(job, left < AT_ONCE ? left : AT_ONCE, score_label, run);
        rc = job_step(job, "scoring the labels", 0, 0, err);
    }
    for (size_t i = 0; i < labels && !rc; i++) {
        run->out->mean += run->out->classes[i] / (double)labels;
        if (run->failed[i])
            rc = err_memory(err, run->count * sizeof(struct scored_picture));
    }
    return rc;
}

int average_precisions_compute(struct average_precisions *out, const float *embeddings, size_t count,
    const struct picture_labels *shown, const float *rows, size_t labels, size_t width, const struct job *job,
    struct err *err)
{
    *out = (struct average_precisions){.labels = labels, .count = count};
    if (!count)
        return err_set(err, ERR_ARGUMENT, "no pictures to evaluate");
    struct labels_run run = {
        out, embeddings, rows, shown, count, width, 0, mem_new(labels, sizeof *run.failed)};
    out->classes = mem_new(labels, sizeof *out->classes);
    out->pictures = mem_new(labels, sizeof *out->pictures);
    const bool kept = labels && count <= ORDERS_MAX / labels;
    if (kept)
        out->order = mem_new(labels * count, sizeof *out->order);
    const int rc = run.failed && out->classes && out->pictures && (out->order || !kept)
                       ? score_labels(&run, job, err)
                       : err_memory(err, labels * sizeof *out->classes);
    free(run.failed);
    if (rc)
        average_precisions_release(out);
    return rc;
}

void average_precisions_release(struct average_precisions *precisions)
{
    free(precisions->classes);
    free(precisions->pictures);
    free(precisions->order);
    *precisions = (struct average_precisions){0};
}
