// SPDX-License-Identifier: Apache-2.0
#include "service/engine_embedder.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 8 };

/* Requests come first: what finds no room in the queue tries again. */
static int encode(
    struct engine_embedder *e, float *embeddings, const struct input *inputs, size_t count, struct err *err)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    size_t tokens;
    for (;;) {
        for (size_t i = 0; i < count; i++)
            *inputs[i].problem = (struct err){0};
        int rc = engine_encode(e->engine, embeddings, inputs, count, &tokens, e->job, err);
        if (rc != ERR_BUSY)
            return rc;
        nanosleep(&pause, NULL);
        rc = job_step(e->job, "waiting", 0, 0, err);
        if (rc)
            return rc;
    }
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

/* Room for a few pictures. */
struct few {
    struct input inputs[AT_ONCE];
    int edges[AT_ONCE][2];
    struct picture_size sizes[AT_ONCE];
    struct input_notes notes[AT_ONCE];
    struct err errs[AT_ONCE];
};

/* Moves the embeddings (good, E) of pictures without an error to the front of all (count, E). */
static size_t gather(float *embeddings, const struct err *errs, size_t count, size_t width)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        if (errs[i].code)
            continue;
        memmove(embeddings + good * width, embeddings + i * width, width * sizeof *embeddings);
        good++;
    }
    return good;
}

static int embed_few(struct engine_embedder *e, struct few *few, float *embeddings,
    const struct picture_source *pictures, struct loaded_batch *batch, struct err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        few->errs[i] = (struct err){0};
        few->notes[i] = (struct input_notes){0};
        few->inputs[i] = (struct input){.kind = INPUT_PICTURE,
            .picture = pictures[batch->first + i],
            .alpha = e->alpha,
            .edges = few->edges[i],
            .notes = &few->notes[i],
            .problem = &few->errs[i]};
    }
    const int rc = encode(e, embeddings, few->inputs, batch->count, err);
    for (size_t i = 0; i < batch->count; i++) {
        few->sizes[i] = (struct picture_size){few->edges[i][0], few->edges[i][1]};
        if (!few->errs[i].code)
            picture_say_warning(&few->errs[i], pictures[batch->first + i], few->notes[i].warning);
    }
    batch->errs = few->errs;
    batch->sizes = few->sizes;
    batch->good = rc ? 0 : gather(embeddings, few->errs, batch->count, engine_width(e->engine));
    return rc;
}

static int embed_pictures(void *context, const struct picture_source *pictures, size_t count,
    picture_visit *visit, void *visit_context, struct err *err)
{
    struct engine_embedder *e = context;
    struct few *few = mem_new(1, sizeof *few);
    float *embeddings = mem_new(AT_ONCE, engine_width(e->engine) * sizeof *embeddings); // (AT_ONCE, E)
    int rc = few && embeddings ? 0 : err_memory(err, sizeof *few);
    for (size_t first = 0; first < count && !rc; first += AT_ONCE) {
        struct loaded_batch batch = {
            .first = first, .count = count - first < AT_ONCE ? count - first : AT_ONCE};
        rc = embed_few(e, few, embeddings, pictures, &batch, err);
        if (!rc)
            rc = visit(visit_context, &batch, embeddings, err);
    }
    free(embeddings);
    free(few);
    return rc;
}

/* ---- texts --------------------------------------------------------------------------------------------- */

static int embed_texts(void *context, float *embeddings, struct err *errs, const char *const *texts,
    size_t count, size_t *truncated, const struct job *job, struct err *err)
{
    struct engine_embedder *e = context;
    const size_t width = engine_width(e->engine);
    struct input inputs[AT_ONCE];
    int rc = 0;
    (void)job;
    *truncated = 0; /* nobody reads it of an update in the background */
    for (size_t first = 0; first < count && !rc; first += AT_ONCE) {
        const size_t some = count - first < AT_ONCE ? count - first : AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            errs[first + i] = (struct err){0};
            inputs[i] =
                (struct input){.kind = INPUT_TEXT, .text = texts[first + i], .problem = &errs[first + i]};
        }
        rc = encode(e, embeddings + first * width, inputs, some, err);
    }
    return rc;
}

struct embedder embedder_of_engine(struct engine_embedder *embedder)
{
    return (struct embedder){.context = embedder,
        .width = engine_width(embedder->engine),
        .pictures = embed_pictures,
        .texts = embed_texts};
}
