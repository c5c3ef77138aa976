// SPDX-License-Identifier: Apache-2.0
/* Inside service: what a service is made of. */
#ifndef DIPTYCH_SERVICE_INTERNAL_H
#define DIPTYCH_SERVICE_INTERNAL_H

#include "service/access.h"
#include "service/call.h"
#include "service/classes.h"
#include "service/keeper.h"
#include "service/metrics.h"
#include "service/update.h"

#include <pthread.h>
#include <stdatomic.h>

struct service {
    struct service_options options; /* with its defaults filled in */
    const char *model_name;
    struct http_server *http;
    struct access *access;
    struct metrics *metrics;
    pthread_mutex_t log_lock; /* of what options.log and options.tell get */
    struct arena arena;

    /* Loaded behind the listening. */
    pthread_t loader;
    bool loading; /* the thread has been started */
    struct engine *engine;
    struct shelf *shelf;
    struct classes *classes;
    struct updates *updates;
    struct keepers *keepers; /* NULL: nobody watches */
    struct err problem;      /* why it is not loaded */
    double started;

    pthread_mutex_t lock; /* of state */
    pthread_cond_t loaded;
    enum { SERVICE_LOADING, SERVICE_READY, SERVICE_FAILED } state;
};

/* ---- answer.c ------------------------------------------------------------------------------------------ */

/* The body of an answer; takes over the value, and NULL is out of memory. */
void answer_json(struct http_response *response, json_t *value);

/* The status of an error's code in the manners of a route, or of none (NULL); and the answer in them. */
int error_status(const struct route *route, int code);
void answer_error(struct call *call, int status, const struct err *err);

/* The same to an error of writing to an index, where others write to it (409) or its disk is full (507), and 0; rc for
 * what error_status knows. */
int answer_unwritten(struct call *call, int rc, const struct err *err);

/* The same to an error that is no library's. */
void answer_status(struct call *call, int status, int code, const char *why);

/* ---- compress.c ---------------------------------------------------------------------------------------- */

/* Whether a client takes gzip rather than the bytes as they are, by its Accept-Encoding (RFC 9110, 12.5.3); NULL: none. */
bool compress_wanted(const char *accepted);

/* Compresses an answer of text or JSON that is not short, where the client wants it. Its ETag must be weak, since it is
 * one for both forms: call_content_tag's are. */
void compress_answer(const struct http_request *request, struct http_response *response);

/* ---- dispatch.c ---------------------------------------------------------------------------------------- */

/* What the server calls: a request is led to its route, and an error to an answer. */
struct http_handlers dispatch_handlers(struct service *service);

bool service_ready(struct service *service);

#endif
