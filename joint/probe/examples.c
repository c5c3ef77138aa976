// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- from pictures ------------------------------------------------------------------------------------- */

struct adding {
    struct examples *out;
    const struct labelled_pictures *pictures;
    const struct job *job;
    size_t *seen, total;
};

static int add_example(
    struct examples *out, const float *embedding, struct picture_labels shown, struct err *err)
{
    const size_t width = out->width, used = out->count ? out->first[out->count] : 0;
    size_t firsts = out->room;
    for (size_t e = 0; e < width; e++)
        if (!isfinite(embedding[e]))
            return err_set(err, ERR_FORMAT, "element %zu of its embedding is no finite number", e);
    int rc = array_grow_bytes(&out->embeddings, width * sizeof *embedding, &out->room, out->count + 1, err);
    if (!rc && (out->room != firsts || !out->first)) {
        size_t *first = mem_grow(out->first, out->room + 1, sizeof *first);
        rc = first ? 0 : err_memory(err, out->room * sizeof *first);
        out->first = first ? first : out->first;
    }
    if (!rc)
        rc = array_grow(out->labels, &out->label_room, used + shown.count, err);
    if (rc)
        return rc;
    memcpy(&out->embeddings[out->count * width], embedding, width * sizeof *embedding);
    if (shown.count)
        memcpy(&out->labels[used], shown.rows, shown.count * sizeof *shown.rows);
    out->first[out->count++] = used;
    out->first[out->count] = used + shown.count;
    return 0;
}

static int add_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const struct adding *adding = context;
    struct examples *out = adding->out;
    int rc = 0;
    for (size_t i = 0; i < batch->count && !rc; i++) {
        const size_t picture = batch->first + i;
        if (*batch->errs[i].msg)
            job_report(adding->job, &batch->errs[i]);
        if (batch->errs[i].code) {
            out->failed++;
            continue;
        }
        rc = add_example(out, embeddings, labelled_picture(adding->pictures, picture), err);
        if (rc == ERR_FORMAT)
            err_wrap(err, "'%s'", adding->pictures->list.paths.items[picture]);
        embeddings += out->width;
    }
    *adding->seen += batch->count;
    return rc ? rc : job_step(adding->job, "pictures", *adding->seen, adding->total, err);
}

int examples_add(struct examples *examples, struct encoder *encoder, struct loader *loader,
    const struct labelled_pictures *pictures, size_t *seen, size_t total, const struct job *job,
    struct err *err)
{
    struct adding adding = {examples, pictures, job, seen, total};
    examples->width = model_width(encoder_model(encoder));
    examples->classes = pictures->labels.count;
    examples->several = examples->several || pictures->several;
    return encode_pictures(encoder, loader, pictures->pictures, pictures->count, add_batch, &adding, err);
}

void examples_release(struct examples *examples)
{
    free(examples->embeddings);
    free(examples->first);
    free(examples->labels);
    *examples = (struct examples){0};
}

/* ---- sets ---------------------------------------------------------------------------------------------- */

void example_counts(size_t *counts, const struct example_set *set)
{
    memset(counts, 0, set->of->classes * sizeof *counts);
    for (size_t i = 0; i < set->count; i++) {
        const struct picture_labels shown = example_labels(set, i);
        for (size_t j = 0; j < shown.count; j++)
            counts[shown.rows[j]]++;
    }
}

/* Examples of one class, in the order they are drawn in. */
struct draw {
    size_t class, row;
    uint64_t order;
};

static int by_class(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_row(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static size_t how_many(size_t count, size_t most, double share)
{
    if (share <= 0)
        return count < most ? count : most;
    const size_t rounded = (size_t)(share * (double)count + 0.5);
    return rounded < count ? rounded : count - 1;
}

int examples_draw(size_t **taken, size_t *taken_count, size_t **left, size_t *left_count,
    const struct example_set *set, size_t most, double share, uint64_t seed, struct err *err)
{
    struct draw *draws = mem_new(set->count + 1, sizeof *draws);
    size_t *some = mem_new(set->count + 1, sizeof *some), *others = mem_new(set->count + 1, sizeof *others);
    *taken_count = *left_count = 0;
    if (!draws || !some || !others) {
        free(draws);
        free(some);
        free(others);
        return err_memory(err, set->count * sizeof *draws);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct picture_labels shown = example_labels(set, i);
        draws[i] = (struct draw){shown.count ? *shown.rows : LABEL_NONE, example_row(set, i),
            random_at(seed, example_row(set, i))};
    }
    if (set->count)
        qsort(draws, set->count, sizeof *draws, by_class);
    for (size_t i = 0, end; i < set->count; i = end) {
        for (end = i; end < set->count && draws[end].class == draws[i].class; end++)
            ;
        const size_t wanted = how_many(end - i, most, share);
        for (size_t j = i; j < end; j++)
            if (j - i < wanted)
                some[(*taken_count)++] = draws[j].row;
            else
                others[(*left_count)++] = draws[j].row;
    }
    qsort(some, *taken_count, sizeof *some, by_row);
    qsort(others, *left_count, sizeof *others, by_row);
    free(draws);
    *taken = some;
    *left = others;
    return 0;
}
