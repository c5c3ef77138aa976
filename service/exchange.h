// SPDX-License-Identifier: Apache-2.0
/* Inside service: a request on its way through the server: head, body, handling, answer. libmicrohttpd keeps it for us
 * while it calls us about the request. */
#ifndef DIPTYCH_SERVICE_EXCHANGE_H
#define DIPTYCH_SERVICE_EXCHANGE_H

#include "service/http_internal.h"

struct exchange {
    struct http_server *server;
    struct http_request request;
    struct http_response response;
    const char *authority; /* in the target, up to a '/' or its end; "": it has none */
    char *body;
    size_t room, limit, answer_bytes;
    int refused; /* a status: what else comes in is not kept */
    const char *why;
    bool refused_early;    /* `response` is its answer already, which waits for the end of the body */
    bool handled, counted; /* `response` is its answer; it is one of server->unanswered */
    double deadline;
    struct pool_task task;
};

/* Makes `response` say why not. */
void exchange_refuse(struct exchange *exchange, int status, const char *why);

/* exchange_body.c: the head is there; `response` has a status then where it is refused already. And a part of the body;
 * `refused` is set where it may not be taken. */
void exchange_begin(struct exchange *exchange);
void exchange_take_body(struct exchange *exchange, const char *bytes, size_t size);

/* exchange_answer.c: sends `response`. */
enum MHD_Result exchange_answer(struct exchange *exchange);

#endif
