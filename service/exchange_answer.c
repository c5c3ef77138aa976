// SPDX-License-Identifier: Apache-2.0
/* What goes out: answers that are whole, of memory or of a file, and those that come bit by bit. */
#include "service/exchange.h"

#include <stdlib.h>

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

enum MHD_Result exchange_answer(struct exchange *exchange)
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
