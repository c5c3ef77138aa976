// SPDX-License-Identifier: Apache-2.0
#include "service/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A target is a path, or absolute: "http://HOST/path", as for a proxy (RFC 9112, 3.2.2). */
static void set_target(struct exchange *exchange, const char *target)
{
    static const char scheme[] = "http://";
    const bool absolute = !strncasecmp(target, scheme, strlen(scheme));
    exchange->authority = absolute ? target + strlen(scheme) : "";
    exchange->request.path = absolute ? strchr(exchange->authority, '/') : target;
    if (!exchange->request.path)
        exchange->request.path = "/";
}

static struct exchange *exchange_new(
    struct http_server *server, struct http_connection *connection, const char *method, const char *target)
{
    struct exchange *exchange = mem_new(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->request =
        (struct http_request){.method = method, .begun = time_now(), .connection = connection};
    set_target(exchange, target);
    pthread_mutex_lock(&server->lock);
    const uint64_t number = server->requests++;
    pthread_mutex_unlock(&server->lock);
    /* The start of the server tells its requests from those of the one before. */
    const uint64_t id = random_mix((uint64_t)(uintptr_t)server ^ random_mix(number) ^ (uint64_t)server->port);
    snprintf(exchange->request.id, sizeof exchange->request.id, "%016llx", (unsigned long long)id);
    return exchange;
}

void exchange_refuse(struct exchange *exchange, int status, const char *why)
{
    const struct http_handlers *handlers = &exchange->server->handlers;
    handlers->refuse(handlers->context, &exchange->request, status, why, &exchange->response);
}

/* ---- handling ------------------------------------------------------------------------------------------ */

static int job_goes_on(void *context, const char *unit, size_t done, size_t total)
{
    const struct exchange *exchange = context;
    (void)unit, (void)done, (void)total;
    return exchange->server->stopping || exchange->request.connection->gone ||
           time_now() > exchange->deadline;
}

/* On a thread of the pool, its connection suspended. */
static void handle(void *context)
{
    struct exchange *exchange = context;
    struct http_server *server = exchange->server;
    struct http_connection *connection = exchange->request.connection;

    pthread_mutex_lock(&server->lock);
    server->handling++;
    pthread_mutex_unlock(&server->lock);
    server->handlers.handle(server->handlers.context, &exchange->request, &exchange->response);

    pthread_mutex_lock(&server->lock);
    exchange->handled = true;
    server->handling--;
    server->accepted--;
    connection->state = CONNECTION_ANSWER;
    connection->since = time_now();
    pthread_mutex_unlock(&server->lock);
    MHD_resume_connection(connection->mhd); /* from here on the exchange is the server's threads' again */

    pthread_mutex_lock(&server->lock);
    if (!--server->suspended)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

/* Counts a request among those that wait or are handled, where that may be. */
static void accept_request(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    const size_t most = (size_t)server->options.threads + server->options.waiting;
    pthread_mutex_lock(&server->lock);
    if (server->closing) {
        exchange->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
        exchange->why = "the service is ending";
    } else if (server->accepted >= most) {
        exchange->refused = MHD_HTTP_TOO_MANY_REQUESTS;
        exchange->why = "too many requests are waiting already; try again soon";
    } else {
        exchange->counted = true;
        server->accepted++;
        server->suspended++;
        server->unanswered++;
    }
    pthread_mutex_unlock(&server->lock);
}

/* The whole request is here. Whether it is handled now; otherwise `response` is its answer. */
static bool start_handling(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    if (!exchange->refused)
        accept_request(exchange);
    if (exchange->refused) {
        exchange_refuse(exchange, exchange->refused, exchange->why);
        return false;
    }
    exchange->request.body = exchange->body ? exchange->body : "";
    exchange->deadline = time_now() + server->options.seconds;
    exchange->request.job = (struct job){.step = job_goes_on, .context = exchange};
    exchange->task = (struct pool_task){.run = handle, .context = exchange};
    connection_enter(server, exchange->request.connection, CONNECTION_HANDLED);
    MHD_suspend_connection(exchange->request.connection->mhd);
    pool_submit(server->pool, &exchange->task);
    return true;
}

/* ---- libmicrohttpd's calls ----------------------------------------------------------------------------- */

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Called when the head is there, for each part of the body, at its end, and again when an answer is ready. */
enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *mhd, const char *target,
    const char *method, const char *version, const char *bytes, size_t *size, void **kept)
{
    struct http_server *server = context;
    struct exchange *exchange = *kept;
    (void)version;
    if (!exchange) {
        struct http_connection *connection = connection_of(mhd);
        *kept = exchange = connection ? exchange_new(server, connection, method, target) : NULL;
        if (!exchange)
            return MHD_NO;
        connection_enter(server, connection, CONNECTION_BODY);
        exchange_begin(exchange);
        return exchange->response.status && !exchange->refused_early ? exchange_answer(exchange) : MHD_YES;
    }
    if (exchange->handled)
        return exchange_answer(exchange);
    if (*size) {
        exchange_take_body(exchange, bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    return !exchange->refused_early && start_handling(exchange) ? MHD_YES : exchange_answer(exchange);
}

void exchange_on_completed(
    void *context, struct MHD_Connection *mhd, void **kept, enum MHD_RequestTerminationCode code)
{
    struct http_server *server = context;
    struct exchange *exchange = *kept;
    (void)mhd, (void)code;
    if (!exchange)
        return;
    pthread_mutex_lock(&server->lock);
    server->body_bytes -= exchange->room;
    server->answer_bytes -= exchange->answer_bytes;
    server->unanswered -= exchange->counted;
    if (!server->unanswered)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
    connection_enter(server, exchange->request.connection, CONNECTION_HEAD);
    arena_release(&exchange->request.arena);
    if (exchange->response.file)
        close(exchange->response.fd);
    if (exchange->response.stream.read)
        exchange->response.stream.free(exchange->response.stream.context);
    if (!exchange->response.body_static)
        free(exchange->response.body);
    free(exchange->body);
    free(exchange);
    *kept = NULL;
}
