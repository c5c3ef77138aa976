// SPDX-License-Identifier: Apache-2.0
/* A request on its way through the server: head, body, handling, answer. */
#include "service/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A request on its way through the server. libmicrohttpd keeps it for us while it calls us about the request. */
struct exchange {
    struct http_server *server;
    struct http_request request;
    struct http_response response;
    char *body;
    size_t room, limit, answer_bytes;
    int refused; /* a status: what else comes in is not kept */
    const char *why;
    bool refused_early;    /* `response` is its answer already, which waits for the end of the body */
    bool handled, counted; /* `response` is its answer; it is one of server->unanswered */
    double deadline;
    struct pool_task task;
};

/* ---- requests ------------------------------------------------------------------------------------------ */

const char *request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

const char *request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_GET_ARGUMENT_KIND, name);
}

/* A visit under way. */
struct visiting {
    request_visit *visit;
    void *context;
    int rc;
};

static enum MHD_Result visit_query(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct visiting *visiting = context;
    (void)kind;
    visiting->rc = visiting->visit(visiting->context, name, value);
    return visiting->rc ? MHD_NO : MHD_YES;
}

int request_each_query(const struct http_request *request, request_visit *visit, void *context)
{
    struct visiting visiting = {visit, context, 0};
    MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, visit_query, &visiting);
    return visiting.rc;
}

const char *request_cookie(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection->mhd, MHD_COOKIE_KIND, name);
}

const struct sockaddr *request_peer(const struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

void response_add_header(struct http_response *response, const char *name, const char *value)
{
    if (response->header_count < HTTP_HEADERS_MAX)
        response->headers[response->header_count++] = (struct http_field){name, value};
}

/* ---- handling ------------------------------------------------------------------------------------------ */

static int job_goes_on(void *context, const char *unit, size_t done, size_t total)
{
    const struct exchange *exchange = context;
    (void)unit, (void)done, (void)total;
    return exchange->server->stopping || exchange->request.connection->gone ||
           time_now() > exchange->deadline;
}

static void refuse(struct exchange *exchange, int status, const char *why)
{
    const struct http_handlers *handlers = &exchange->server->handlers;
    handlers->refuse(handlers->context, &exchange->request, status, why, &exchange->response);
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
        refuse(exchange, exchange->refused, exchange->why);
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

/* ---- the head and the body ----------------------------------------------------------------------------- */

/* -1 where it is not said. */
static long long content_length(const struct http_request *request)
{
    const char *text = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text ? strtoll(text, NULL, 10) : -1; /* libmicrohttpd has checked it */
}

static struct exchange *exchange_new(
    struct http_server *server, struct http_connection *connection, const char *method, const char *path)
{
    struct exchange *exchange = mem_new(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->request =
        (struct http_request){.method = method, .path = path, .begun = time_now(), .connection = connection};
    pthread_mutex_lock(&server->lock);
    const uint64_t number = server->requests++;
    pthread_mutex_unlock(&server->lock);
    /* The start of the server tells its requests from those of the one before. */
    const uint64_t id = random_mix((uint64_t)(uintptr_t)server ^ random_mix(number) ^ (uint64_t)server->port);
    snprintf(exchange->request.id, sizeof exchange->request.id, "%016llx", (unsigned long long)id);
    return exchange;
}

/* Bodies up to this size are taken however much is being uploaded: others' large ones, or ones that stop on their way,
 * are nothing to them. */
enum { SMALL_BODY = 64 << 10 };

/* How often a head says what it may say once. */
struct said {
    int host, length, coding;
};

static enum MHD_Result count_said(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct said *said = context;
    (void)kind, (void)value;
    said->host += !strcasecmp(name, MHD_HTTP_HEADER_HOST);
    said->length += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
    said->coding += !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    return MHD_YES;
}

/* Whether a proxy may have understood the head in another way: whose request it is, or where it ends (RFC 9112, 3.2 and
 * 6.3). libmicrohttpd 0.9.75 takes the first of each. */
static bool is_ambiguous(const struct http_request *request)
{
    struct said said = {0};
    MHD_get_connection_values(request->connection->mhd, MHD_HEADER_KIND, count_said, &said);
    return said.host > 1 || said.length + said.coding > 1;
}

static void begin(struct exchange *exchange)
{
    enum { READ_ANYWAY = 1 << 20 };
    struct http_server *server = exchange->server;
    const struct http_handlers *handlers = &server->handlers;
    handlers->begin(handlers->context, &exchange->request, &exchange->limit, &exchange->response);
    if (is_ambiguous(&exchange->request)) {
        if (!exchange->response.status)
            refuse(exchange, MHD_HTTP_BAD_REQUEST,
                "the head says more than once to whom it goes, or how long the body is");
        return; /* the connection ends with an answer to the head alone */
    }
    const long long length = content_length(&exchange->request);
    if (!exchange->response.status && length > 0) {
        if ((unsigned long long)length > exchange->limit)
            refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than what is taken here");
        else if (length > SMALL_BODY &&
                 (unsigned long long)length + server_counts(server).body_bytes > server->options.body_bytes)
            refuse(
                exchange, MHD_HTTP_TOO_MANY_REQUESTS, "too much is being uploaded already; try again soon");
    }
    /* libmicrohttpd closes the connection behind an answer to the head alone, and a client that is still sending then may
     * lose it. One that waits for the answer before it sends gets it at once. */
    exchange->refused_early = exchange->response.status && length <= READ_ANYWAY &&
                              !request_header(&exchange->request, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
                              !request_header(&exchange->request, MHD_HTTP_HEADER_EXPECT);
}

/* Room for `size` bytes more and a NUL, counted among those of all requests. */
static bool grow(struct exchange *exchange, size_t size)
{
    struct http_server *server = exchange->server;
    const size_t old = exchange->room, needed = exchange->request.size + size + 1;
    if (needed <= old)
        return true;
    size_t room = old;
    if (array_grow(exchange->body, &room, needed, NULL)) {
        exchange->refused = MHD_HTTP_INTERNAL_SERVER_ERROR;
        exchange->why = "out of memory";
        return false;
    }
    exchange->room = room;
    pthread_mutex_lock(&server->lock);
    server->body_bytes += room - old;
    const bool full = room > SMALL_BODY && server->body_bytes > server->options.body_bytes;
    pthread_mutex_unlock(&server->lock);
    if (full) {
        exchange->refused = MHD_HTTP_TOO_MANY_REQUESTS;
        exchange->why = "too much is being uploaded already; try again soon";
    }
    return !full;
}

static void take_body(struct exchange *exchange, const char *bytes, size_t size)
{
    if (exchange->refused_early)
        return;
    if (!exchange->refused && size > exchange->limit - exchange->request.size) {
        exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE; /* of a body that did not say its length */
        exchange->why = "the body is larger than what is taken here";
    }
    if (exchange->refused || !grow(exchange, size))
        return;
    memcpy(exchange->body + exchange->request.size, bytes, size);
    exchange->request.size += size;
    exchange->body[exchange->request.size] = 0;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

struct streaming {
    struct http_server *server;
    struct http_connection *connection;
    struct http_stream stream;
};

/* Without news the connection rests until the watch looks again, unless the server is ending. */
static ssize_t read_stream(void *context, uint64_t position, char *out, size_t size)
{
    struct streaming *streaming = context;
    struct http_server *server = streaming->server;
    struct http_connection *connection = streaming->connection;
    (void)position;
    if (server->stopping || connection->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    const ptrdiff_t got = streaming->stream.read(streaming->stream.context, out, size);
    if (got)
        return got < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)got;
    pthread_mutex_lock(&server->lock);
    const bool closing = server->closing;
    if (!closing) {
        connection->resting = true;
        server->suspended++;
        MHD_suspend_connection(connection->mhd);
    }
    pthread_mutex_unlock(&server->lock);
    return closing ? MHD_CONTENT_READER_END_OF_STREAM : 0;
}

static void free_stream(void *context)
{
    struct streaming *streaming = context;
    streaming->stream.free(streaming->stream.context);
    free(streaming);
}

static struct MHD_Response *make_stream(struct exchange *exchange)
{
    enum { BLOCK = 4096 };
    struct http_stream *stream = &exchange->response.stream;
    struct streaming *streaming = mem_new(1, sizeof *streaming);
    if (!streaming)
        return NULL;
    *streaming = (struct streaming){exchange->server, exchange->request.connection, *stream};
    struct MHD_Response *mhd =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, streaming, free_stream);
    if (mhd)
        stream->read = NULL;
    else
        free(streaming);
    return mhd;
}

/* Takes over the body or the file. */
static struct MHD_Response *make_response(struct http_response *response)
{
    struct MHD_Response *mhd =
        response->file
            ? MHD_create_response_from_fd_at_offset64(response->size, response->fd, response->offset)
            : MHD_create_response_from_buffer(response->size, response->body,
                  response->body_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (mhd && response->file)
        response->file = false;
    else if (mhd && !response->body_static)
        response->body = NULL;
    return mhd;
}

/* The memory that it takes until the client has read it. */
static void count_answer(struct exchange *exchange)
{
    const struct http_response *response = &exchange->response;
    struct http_server *server = exchange->server;
    exchange->answer_bytes = response->file || response->body_static ? 0 : response->size;
    pthread_mutex_lock(&server->lock);
    server->answer_bytes += exchange->answer_bytes;
    pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result answer(struct exchange *exchange)
{
    struct http_response *response = &exchange->response;
    struct http_server *server = exchange->server;
    const bool stream = response->stream.read;
    connection_enter(server, exchange->request.connection, stream ? CONNECTION_STREAM : CONNECTION_ANSWER);
    count_answer(exchange);
    struct MHD_Response *mhd = stream ? make_stream(exchange) : make_response(response);
    if (!mhd)
        return MHD_NO;
    if (response->type)
        MHD_add_response_header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE, response->type);
    MHD_add_response_header(mhd, "X-Request-Id", exchange->request.id);
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(mhd, response->headers[i].name, response->headers[i].value);
    const enum MHD_Result queued =
        MHD_queue_response(exchange->request.connection->mhd, (unsigned)response->status, mhd);
    MHD_destroy_response(mhd);
    server->handlers.done(
        server->handlers.context, &exchange->request, response, time_now() - exchange->request.begun);
    return queued;
}

/* ---- libmicrohttpd's calls ----------------------------------------------------------------------------- */

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Called when the head is there, for each part of the body, at its end, and again when an answer is ready. */
enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *mhd, const char *path,
    const char *method, const char *version, const char *bytes, size_t *size, void **kept)
{
    struct http_server *server = context;
    struct exchange *exchange = *kept;
    (void)version;
    if (!exchange) {
        struct http_connection *connection = connection_of(mhd);
        *kept = exchange = connection ? exchange_new(server, connection, method, path) : NULL;
        if (!exchange)
            return MHD_NO;
        connection_enter(server, connection, CONNECTION_BODY);
        begin(exchange);
        return exchange->response.status && !exchange->refused_early ? answer(exchange) : MHD_YES;
    }
    if (exchange->handled)
        return answer(exchange);
    if (*size) {
        take_body(exchange, bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    return !exchange->refused_early && start_handling(exchange) ? MHD_YES : answer(exchange);
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
