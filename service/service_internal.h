// SPDX-License-Identifier: Apache-2.0
/* Inside service: what a service is made of. */
#ifndef DIPTYCH_SERVICE_INTERNAL_H
#define DIPTYCH_SERVICE_INTERNAL_H

#include "service/call.h"
#include "service/classes.h"
#include "service/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

struct service {
    struct service_options options; /* with its defaults filled in */
    const char *model_name;
    struct http_server *http;
    struct metrics *metrics;
    pthread_mutex_t log_lock;
    struct arena arena;

    /* Loaded behind the listening. */
    pthread_t loader;
    bool loading; /* the thread has been started */
    struct engine *engine;
    struct shelf *shelf;
    struct classes *classes;
    struct err problem; /* why it is not loaded */
    double started;

    pthread_mutex_t lock; /* of state */
    pthread_cond_t loaded;
    enum { SERVICE_LOADING, SERVICE_READY, SERVICE_FAILED } state;
};

/* The answer to an error, in the route's manners. */
void answer_error(struct call *call, int status, const struct err *err);

bool service_ready(struct service *service);

#endif
