// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <math.h>
#include <stdlib.h>

struct ranking {
    struct diptych_model *model;
    int64_t *order;                                  // (N)
    float *scores, *cosines;                         // (N) or NULL
    const size_t *counts;                            // (count): captions of each picture
    const char *const *captions;                     // (N)
    size_t total;                                    /* N */
    struct diptych_outcomes *outcomes, *of_captions; // (count), (N)
    float *texts;                                    // (N, E)
    size_t *first;                                   // (count): each picture's first caption
    struct prediction *best;                         // (the most captions of a picture)
};

/* Where each picture's captions begin, and how many there are of one at most. ERR_LIMIT: more than can be counted. */
static int count_captions(
    size_t *first, size_t *total, size_t *most, const size_t *counts, size_t count, struct err *err)
{
    *total = *most = 0;
    for (size_t i = 0; i < count; i++) {
        first[i] = *total;
        *most = counts[i] > *most ? counts[i] : *most;
        if (!size_add(total, *total, counts[i]))
            return err_set(err, ERR_LIMIT, "the captions are more than can be counted");
    }
    return 0;
}

/* Notes the first caption of picture i that failed, if one did. */
static int note_caption(const struct ranking *r, size_t i, struct err *err)
{
    for (size_t k = 0; k < r->counts[i]; k++) {
        const struct outcome_of *caption = &r->of_captions->items[r->first[i] + k];
        r->outcomes->items[i].truncated |= caption->truncated;
        if (caption->code) {
            struct err problem;
            err_set(&problem, (enum err_code)caption->code, "caption %zu: %s", k, caption->message);
            return outcomes_note(r->outcomes, i, &problem, NULL, err); /* the job knows it of the text */
        }
    }
    return 0;
}

static int put_ranking(void *context, size_t i, const float *embedding, struct err *err)
{
    const struct ranking *r = context;
    const size_t width = model_width(r->model->model), first = r->first[i], count = r->counts[i];
    const int rc = embedding ? note_caption(r, i, err) : 0;
    if (rc)
        return rc;
    const bool good = embedding && !r->outcomes->items[i].code;
    if (good && count)
        rank_rows(
            r->best, count, embedding, r->texts + first * width, count, width, model_score(r->model->model));
    for (size_t k = 0; k < count; k++) {
        r->order[first + k] = good ? (int64_t)r->best[k].label : -1;
        if (r->scores)
            r->scores[first + k] = good ? r->best[k].probability : NAN;
        if (r->cosines)
            r->cosines[first + k] = good ? r->best[k].cosine : NAN;
    }
    return 0;
}

/* The captions first, which all pictures wait for. */
static int encode(struct ranking *r, const struct diptych_image *images, size_t count, const struct job *job,
    struct err *err)
{
    struct picture_work work = {.count = count, .outcomes = r->outcomes, .done = put_ranking, .context = r};
    struct picture_source *sources = NULL;
    struct arena arena = {0};
    struct lane *lane = NULL;
    int rc = check_texts(r->captions, r->total, "captions", err);
    if (!rc)
        rc = sources_of(&sources, &arena, images, count, err);
    work.sources = sources;
    if (!rc)
        rc = lane_take(&lane, r->model, true, -1, job, err);
    if (!rc)
        rc = texts_encode(r->texts, lane, r->captions, r->total, r->of_captions, job, err);
    if (!rc)
        rc = pictures_encode(&work, lane, job, err);
    lane_give(r->model, lane);
    arena_release(&arena);
    return rc;
}

static int rank(struct ranking *r, const struct diptych_image *images, size_t count, const struct job *job,
    struct err *err)
{
    const size_t row = model_width(r->model->model) * sizeof *r->texts;
    size_t most = 0;
    int rc = count ? need(r->counts, "caption_counts", err) : 0;
    if (rc)
        return rc;
    r->first = mem_new(count + 1, sizeof *r->first);
    rc = r->first ? count_captions(r->first, &r->total, &most, r->counts, count, err)
                  : err_memory(err, count * sizeof *r->first);
    if (!rc && r->total)
        rc = need(r->order, "order", err);
    if (rc)
        return rc;
    r->texts = mem_new(r->total + 1, row);
    r->best = mem_new(most + 1, sizeof *r->best);
    rc = r->texts && r->best ? outcomes_new(&r->of_captions, r->total, err) : err_memory(err, r->total * row);
    return rc ? rc : encode(r, images, count, job, err);
}

int diptych_rank(struct diptych_model *model, int64_t *order, float *scores, float *cosines,
    const struct diptych_image *images, size_t count, const char *const *captions,
    const size_t *caption_counts, struct diptych_outcomes **wanted, struct diptych_job *job,
    struct diptych_error *error)
{
    struct ranking ranking = {.model = model,
        .order = order,
        .scores = scores,
        .cosines = cosines,
        .counts = caption_counts,
        .captions = captions};
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(model, "model", &err);
    if (wanted)
        *wanted = NULL;
    if (!rc)
        rc = outcomes_new(&ranking.outcomes, count, &err);
    if (!rc) {
        const struct job work = facade_job(job, model->threads, host);
        rc = rank(&ranking, images, count, &work, &err);
    }
    outcomes_end(wanted, ranking.outcomes, rc);
    diptych_outcomes_free(ranking.of_captions);
    free(ranking.first);
    free(ranking.texts);
    free(ranking.best);
    return facade_end(error, rc, &err, host);
}
