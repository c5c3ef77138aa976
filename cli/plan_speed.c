// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_speed.h"

#include <stdlib.h>

enum { PICTURES_MOST = 1024 };
static const double seconds_least = 1, seconds_most = 5;

struct measuring {
    struct measured_speed *out;
    struct session *session;
    double start;
    struct err first; /* why a picture cannot be read */
};

static void finish(struct measuring *m)
{
    m->out->seconds = time_now() - m->start;
    m->out->per_second = (double)m->out->pictures / m->out->seconds;
}

/* ---- pictures that are read ---------------------------------------------------------------------------- */

/* ERR_CANCELLED ends it when the time is up. */
static int count(void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct measuring *m = context;
    const struct job job = session_job(m->session);
    (void)embeddings;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->errs[i].code) {
            m->first = m->out->failed ? m->first : batch->errs[i];
            m->out->failed++;
        }
    m->out->pictures += batch->count;
    const int rc = job_step(&job, "pictures", m->out->pictures, 0, err);
    return rc ? rc : time_now() - m->start > seconds_most ? ERR_LIMIT : 0;
}

static int encode(struct measuring *m, const struct picture_source *sources, size_t most, struct err *err)
{
    const int rc = encode_pictures(m->session->encoder, m->session->loader, sources, most, count, m, err);
    return rc == ERR_LIMIT ? 0 : rc;
}

static int measure_read(struct measuring *m, const struct picture_list *list, struct err *err)
{
    struct session *session = m->session;
    struct picture_source *sources = picture_list_sources(list);
    const size_t all = list->paths.count < PICTURES_MOST ? list->paths.count : PICTURES_MOST,
                 batch = session->loader_options.batch;
    int rc = sources ? session_loader(session, err) : err_memory(err, list->paths.count * sizeof *sources);
    if (!rc)
        rc = encode(m, sources, all < batch ? all : batch, err);
    *m->out = (struct measured_speed){.read = true};
    m->start = time_now();
    do { /* few pictures again and again */
        rc = rc ? rc : encode(m, sources, all, err);
    } while (!rc && time_now() - m->start < seconds_least);
    if (!rc && m->out->failed == m->out->pictures)
        rc = err_set(err, ERR_ARGUMENT, "none of %zu pictures can be read: %s", all, m->first.msg);
    finish(m);
    free(sources);
    return rc;
}

/* ---- pictures that are made up ------------------------------------------------------------------------- */

/* Any bytes are pixels. */
static void make_up(uint8_t *pixels, size_t batch, const struct preprocess *preprocess)
{
    const size_t bytes = preprocess_bytes(preprocess);
    for (size_t i = 0; i < batch * bytes; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 16);
    for (size_t i = 0; i < batch; i++)
        preprocess_blank(pixels + i * bytes, preprocess);
}

static int measure_made_up(struct measuring *m, struct err *err)
{
    struct session *session = m->session;
    const struct preprocess *preprocess = model_preprocess(session->model);
    const struct job job = session_job(session);
    const size_t batch = session->loader_options.batch;
    uint8_t *pixels = mem_new(batch, preprocess_bytes(preprocess));
    float *embeddings = mem_new(batch, model_width(session->model) * sizeof *embeddings);
    int rc = pixels && embeddings ? 0 : err_memory(err, batch * preprocess_bytes(preprocess));
    if (!rc) {
        make_up(pixels, batch, preprocess);
        rc = encoder_pixels(session->encoder, embeddings, pixels, batch, err);
    }
    m->start = time_now();
    do {
        if (!rc)
            rc = encoder_pixels(session->encoder, embeddings, pixels, batch, err);
        m->out->pictures += batch;
        if (!rc)
            rc = job_step(&job, "pictures", m->out->pictures, 0, err);
    } while (!rc && time_now() - m->start < seconds_least);
    finish(m);
    free(embeddings);
    free(pixels);
    return rc;
}

int speed_measure(struct measured_speed *out, struct session *session,
    const struct picture_arguments *pictures, struct err *err)
{
    struct measuring m = {.out = out, .session = session};
    const struct job job = session_job(session);
    struct picture_list list = {0};
    *out = (struct measured_speed){0};
    int rc = pictures->count ? picture_arguments_list(&list, pictures, &job, err) : 0;
    if (!rc && pictures->count && !list.paths.count)
        rc = err_set(err, ERR_ARGUMENT, "there are no pictures to measure with");
    if (!rc)
        rc = session_open(session, err);
    if (!rc)
        rc = list.paths.count ? measure_read(&m, &list, err) : measure_made_up(&m, err);
    progress_clear(&session->progress);
    picture_list_release(&list);
    return rc;
}
