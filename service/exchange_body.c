// SPDX-License-Identifier: Apache-2.0
/* What comes in: whether a head may go on, and the bytes of its body, counted among those of all requests. */
#include "service/exchange.h"

#include <stdlib.h>
#include <string.h>

/* -1 where it is not said. */
static long long content_length(const struct http_request *request)
{
    const char *text = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text ? strtoll(text, NULL, 10) : -1; /* libmicrohttpd has checked it */
}

/* Bodies up to this size are taken however much is being uploaded: others' large ones, or ones that stop on their way,
 * are nothing to them. */
enum { SMALL_BODY = 64 << 10 };

/* How often a head says what it may say once, and names that have a blank in them. */
struct said {
    int host, length, coding, blank;
};

static enum MHD_Result count_said(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct said *said = context;
    (void)kind, (void)value;
    said->host += !strcasecmp(name, MHD_HTTP_HEADER_HOST);
    said->length += !strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH);
    said->coding += !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    said->blank += strpbrk(name, " \t") != NULL;
    return MHD_YES;
}

/* Whether a target that names a host names the one that Host does: that is the one that is looked at. */
static bool is_to_host(const struct exchange *exchange)
{
    const char *host = request_header(&exchange->request, MHD_HTTP_HEADER_HOST);
    const size_t length = strcspn(exchange->authority, "/");
    return !*exchange->authority ||
           (host && strlen(host) == length && !strncasecmp(host, exchange->authority, length));
}

/* 0, or a status and why: where a proxy may have understood the head in another way, whose request it is, or where it ends
 * (RFC 9112, 3.2, 5.1 and 6.3; libmicrohttpd 0.9.75 takes the first of each, and "Content-Length " for none), or where
 * there is no telling where it ends (6.1). */
static int check_head(const char **why, const struct exchange *exchange)
{
    const char *coding = request_header(&exchange->request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    struct said said = {0};
    MHD_get_connection_values(exchange->request.connection->mhd, MHD_HEADER_KIND, count_said, &said);
    *why = said.host > 1 || said.length + said.coding > 1
               ? "the head says more than once to whom it goes, or how long the body is"
           : said.blank            ? "the name of a header has a blank in it"
           : !is_to_host(exchange) ? "the address and the header Host are of two hosts"
                                   : NULL;
    if (*why)
        return MHD_HTTP_BAD_REQUEST;
    if (!coding || !strcasecmp(coding, "chunked"))
        return 0;
    *why = "a body comes as it is or chunked, in no other transfer coding";
    return MHD_HTTP_NOT_IMPLEMENTED;
}

static const char *too_large(const struct exchange *exchange)
{
    return exchange->limit ? "the body is larger than what is taken here" : "no body is taken here";
}

/* 0, or a status and why. */
static int check_body(const char **why, const struct exchange *exchange, long long length)
{
    struct http_server *server = exchange->server;
    const char *coding = request_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_ENCODING);
    if (length > 0 && (unsigned long long)length > exchange->limit) {
        *why = too_large(exchange);
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    if (length > SMALL_BODY &&
        (unsigned long long)length + server_counts(server).body_bytes > server->options.body_bytes) {
        *why = "too much is being uploaded already; try again soon";
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    *why = "a body comes as it is, not compressed";
    return coding && strcasecmp(coding, "identity") ? MHD_HTTP_UNSUPPORTED_MEDIA_TYPE : 0;
}

void exchange_begin(struct exchange *exchange)
{
    enum { READ_ANYWAY = 1 << 20 };
    const struct http_handlers *handlers = &exchange->server->handlers;
    const char *why;
    handlers->begin(handlers->context, &exchange->request, &exchange->limit, &exchange->response);
    int status = check_head(&why, exchange);
    if (status) {
        if (!exchange->response.status)
            exchange_refuse(exchange, status, why);
        return; /* the connection ends with an answer to the head alone */
    }
    const long long length = content_length(&exchange->request);
    if (!exchange->response.status && (status = check_body(&why, exchange, length)))
        exchange_refuse(exchange, status, why);
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

void exchange_take_body(struct exchange *exchange, const char *bytes, size_t size)
{
    if (exchange->refused_early)
        return;
    if (!exchange->refused && size > exchange->limit - exchange->request.size) {
        exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE; /* of a body that did not say its length */
        exchange->why = too_large(exchange);
    }
    if (exchange->refused || !grow(exchange, size))
        return;
    memcpy(exchange->body + exchange->request.size, bytes, size);
    exchange->request.size += size;
    exchange->body[exchange->request.size] = 0;
}
