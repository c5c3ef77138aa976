// SPDX-License-Identifier: Apache-2.0
/* Inside service: what engine.c, which has the model, and engine_encode.c, which encodes with it, know together. */
#ifndef DIPTYCH_SERVICE_ENGINE_INTERNAL_H
#define DIPTYCH_SERVICE_ENGINE_INTERNAL_H

#include "service/engine.h"
#include "service/residence.h"

struct engine {
    struct engine_options options;
    struct device *device;
    struct batcher *texts, *pictures;
    struct pool *decoders, *thumbnails;

    /* What stays known of a model that has been given back. */
    char fingerprint[FINGERPRINT_SIZE];
    struct model_config config;
    struct preprocess preprocess;
    struct score_rule score;

    struct residence *residence; /* of all that follows */
    struct model *model;
    struct encoder *text_encoder, *picture_encoder;
    int32_t *ids;        // (text_batch, context): of the batch under way
    size_t *lengths;     // (text_batch)
    float *text_rows;    // (text_batch, E)
    uint8_t *pixels;     // (picture_batch, S, S, 3)
    float *picture_rows; // (picture_batch, E)
    bool told_outside;   /* the line has been told */
};

static inline size_t engine_context(const struct engine *engine)
{
    return engine->config.text.context;
}

static inline size_t engine_pixel_bytes(const struct engine *engine)
{
    return preprocess_bytes(&engine->preprocess);
}

/* A batch of texts, or of pictures, as batcher.h wants it. */
int engine_run_texts(void *engine, void *const *items, size_t count, struct err *err);
int engine_run_pictures(void *engine, void *const *items, size_t count, struct err *err);

/* Encodes one text and one black picture, while nobody else does. */
int engine_warm_up(struct engine *engine, struct err *err);

#endif
