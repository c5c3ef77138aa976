// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <stdlib.h>

static void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    loader_free(lane->loader);
    encoder_free(lane->encoder);
    free(lane);
}

void lanes_free(struct diptych_model *model)
{
    while (model->idle) {
        struct lane *lane = model->idle;
        model->idle = lane->next;
        lane_free(lane);
    }
}

static int lane_open(struct lane **out, const struct diptych_model *model, struct err *err)
{
    struct lane *lane = mem_new(1, sizeof *lane);
    if (!lane)
        return err_memory(err, sizeof *lane);
    const int rc = encoder_open(&lane->encoder, model->model, model->loading.batch, err);
    if (rc) {
        lane_free(lane);
        return rc;
    }
    *out = lane;
    return 0;
}

/* A loader that prepares pictures by that rule. */
static int lane_load(struct lane *lane, const struct diptych_model *model, int alpha, struct err *err)
{
    struct loader_options options = model->loading;
    if (alpha >= 0)
        options.alpha = (enum alpha_rule)alpha;
    if (lane->loader && lane->alpha == options.alpha)
        return 0;
    loader_free(lane->loader);
    lane->loader = NULL;
    lane->alpha = options.alpha;
    return loader_open(&lane->loader, model_preprocess(model->model), &options, err);
}

/* One that is idle, or a place for a new one: *out is NULL then. Under the lock. */
static int wait_for_lane(
    struct lane **out, struct diptych_model *model, const struct job *job, struct err *err)
{
    int rc = 0;
    while (!rc && !model->idle && model->lanes >= model->most)
        rc = turns_wait(&model->turns, job, "waiting for an encoder", err);
    *out = rc ? NULL : model->idle;
    if (*out)
        model->idle = (*out)->next;
    else if (!rc)
        model->lanes++;
    return rc;
}

/* A new one could not be had. Where there are others, that is no error but the most there can be. */
static bool goes_on_with_fewer(struct diptych_model *model)
{
    pthread_mutex_lock(&model->turns.lock);
    const bool others = --model->lanes > 0;
    if (others)
        model->most = model->lanes;
    pthread_cond_signal(&model->turns.given);
    pthread_mutex_unlock(&model->turns.lock);
    return others;
}

int lane_take(struct lane **out, struct diptych_model *model, bool pictures, int alpha, const struct job *job,
    struct err *err)
{
    struct lane *lane = NULL;
    int rc = job_step(job, "waiting for an encoder", 0, 0, err); /* it may be cancelled already */
    while (!rc && !lane) {
        pthread_mutex_lock(&model->turns.lock);
        rc = wait_for_lane(&lane, model, job, err);
        pthread_mutex_unlock(&model->turns.lock);
        if (!rc && !lane) {
            rc = lane_open(&lane, model, err);
            if (rc && goes_on_with_fewer(model))
                rc = 0;
        }
    }
    if (!rc && pictures)
        rc = lane_load(lane, model, alpha, err);
    if (!rc)
        encoder_normalize(lane->encoder, true);
    else if (lane)
        lane_give(model, lane);
    *out = rc ? NULL : lane;
    return rc;
}

void lane_give(struct diptych_model *model, struct lane *lane)
{
    if (!lane)
        return;
    pthread_mutex_lock(&model->turns.lock);
    lane->next = model->idle;
    model->idle = lane;
    pthread_cond_signal(&model->turns.given);
    pthread_mutex_unlock(&model->turns.lock);
}
