// SPDX-License-Identifier: Apache-2.0
#include "joint/internal.h"

#include <stdlib.h>
#include <string.h>

struct run {
    struct rank_requests *requests;
    struct encoder *encoder;
    rank_visit *visit;
    void *context;
    const struct job *job;
    size_t width;
    size_t taken, visited;   /* requests that are encoded, and handed over too */
    const float **pictures;  // (requests): the embedding (E) of each, while its batch is at hand
    struct token_rows rows;  /* the captions of a batch */
    float *texts;            // (rows, E)
    struct prediction *best; // (RANK_CAPTIONS_MAX)
};

/* ---- a batch ------------------------------------------------------------------------------------------- */

/* Adds the request's captions to those of the batch; one that cannot be encoded makes it fail. */
static int add_captions(struct run *run, struct rank_request *request, struct err *err)
{
    const size_t first = run->rows.count;
    struct err problem;
    for (size_t i = 0; i < request->count; i++) {
        const int rc =
            token_rows_add(&run->rows, encoder_model(run->encoder), request->captions[i], &problem);
        if (rc == ERR_MEMORY)
            return err_set(err, rc, "%s", problem.msg);
        if (rc) {
            err_wrap(&problem, "caption %zu of '%s'", i + 1, picture_source_name(&request->picture));
            run->rows.count = first;
            return rank_request_fail(run->requests, request, problem.msg, err);
        }
    }
    return 0;
}

static int encode_captions(struct run *run, struct err *err)
{
    if (!run->rows.count)
        return 0;
    float *texts = mem_grow(run->texts, run->rows.count, run->width * sizeof *texts);
    if (!texts)
        return err_memory(err, run->rows.count * run->width * sizeof *texts);
    run->texts = texts;
    return encoder_ids(run->encoder, texts, run->rows.ids, run->rows.lengths, run->rows.count, run->job, err);
}

static int note_warning(
    struct rank_requests *requests, struct rank_request *request, const char *warning, struct err *err)
{
    if (*warning)
        request->warning = arena_copy(&requests->arena, warning, strlen(warning));
    return request->warning || !*warning ? 0 : err_memory(err, strlen(warning));
}

/* Takes the requests of the batch's pictures and encodes their captions. */
static int take_batch(
    struct run *run, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    const bool *outside = encoder_outside(run->encoder);
    int rc = 0;
    run->rows.count = 0;
    for (size_t i = 0; i < batch->count && !rc; i++) {
        while (run->requests->items[run->taken].error)
            run->taken++;
        const size_t taken = run->taken++;
        struct rank_request *request = &run->requests->items[taken];
        if (batch->errs[i].code) {
            rc = rank_request_fail(run->requests, request, batch->errs[i].msg, err);
        } else {
            request->outside = *outside++;
            rc = note_warning(run->requests, request, batch->errs[i].msg, err);
            run->pictures[taken] = embeddings;
            embeddings += run->width;
            rc = rc ? rc : add_captions(run, request, err);
        }
    }
    return rc ? rc : encode_captions(run, err);
}

/* Hands over the requests up to `end`; texts of those of the batch follow each other. */
static int visit_until(struct run *run, size_t end, struct err *err)
{
    const float *texts = run->texts;
    const struct score_rule score = model_score(encoder_model(run->encoder));
    int rc = 0;
    for (; run->visited < end && !rc; run->visited++) {
        const struct rank_request *request = &run->requests->items[run->visited];
        if (!request->error) {
            rank_rows(run->best, request->count, run->pictures[run->visited], texts, request->count,
                run->width, score);
            texts += request->count * run->width;
        }
        rc = run->visit(run->context, request, request->error ? NULL : run->best, err);
    }
    return rc;
}

static int visit_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct run *run = context;
    int rc = take_batch(run, batch, embeddings, err);
    if (!rc)
        rc = visit_until(run, run->taken, err);
    return rc ? rc : job_step(run->job, "pictures", run->visited, run->requests->count, err);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* The pictures of the requests that are good so far. */
static size_t list_pictures(struct picture_source *pictures, const struct rank_requests *requests)
{
    size_t count = 0;
    for (size_t i = 0; i < requests->count; i++)
        if (!requests->items[i].error)
            pictures[count++] = requests->items[i].picture;
    return count;
}

static int run_all(struct run *run, struct loader *loader, struct picture_source *pictures, struct err *err)
{
    const size_t total = run->requests->count, count = list_pictures(pictures, run->requests);
    int rc = job_step(run->job, "pictures", 0, total, err);
    if (!rc)
        rc = encode_pictures(run->encoder, loader, pictures, count, visit_batch, run, err);
    return rc ? rc : visit_until(run, total, err); /* bad lines behind all pictures */
}

int rank_requests_run(struct rank_requests *requests, size_t *truncated, struct encoder *encoder,
    struct loader *loader, rank_visit *visit, void *context, const struct job *job, struct err *err)
{
    struct run run = {
        .requests = requests,
        .encoder = encoder,
        .visit = visit,
        .context = context,
        .job = job,
        .width = model_width(encoder_model(encoder)),
        .pictures = mem_new(requests->count + 1, sizeof *run.pictures),
        .best = mem_new(RANK_CAPTIONS_MAX, sizeof *run.best),
    };
    struct picture_source *pictures = mem_new(requests->count + 1, sizeof *pictures);
    const int rc = run.pictures && run.best && pictures ? run_all(&run, loader, pictures, err)
                                                        : err_memory(err, requests->count * sizeof *pictures);
    *truncated = run.rows.truncated;
    token_rows_release(&run.rows);
    free(pictures);
    free(run.pictures);
    free(run.best);
    free(run.texts);
    return rc;
}
