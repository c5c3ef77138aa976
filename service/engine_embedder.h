// SPDX-License-Identifier: Apache-2.0
/* Inside service: the engine as a collection's embedder, for work in the background. */
#ifndef DIPTYCH_SERVICE_ENGINE_EMBEDDER_H
#define DIPTYCH_SERVICE_ENGINE_EMBEDDER_H

#include "joint/collection/collection.h"
#include "service/engine.h"

/* All of it outlives the embedder. */
struct engine_embedder {
    struct engine *engine;
    enum alpha_rule alpha; /* how pictures are prepared: collection_alpha's */
    const struct job *job; /* ends the waiting */
};

/* Pictures and texts go through the engine's queues a few at a time, so that requests meanwhile get their turns, and
 * where a queue is full they wait. It makes no vectors of queries. */
struct embedder embedder_of_engine(struct engine_embedder *embedder);

#endif
