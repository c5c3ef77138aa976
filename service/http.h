// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: HTTP, by libmicrohttpd, as requests that are whole, and answers that are whole or come bit by bit.
 *
 * Connections are read and written by epoll on a few threads, however many there are; a request that has all come
 * in is handled on a thread of a pool, where straight code may wait. Meanwhile its connection is suspended.
 * libmicrohttpd 0.9.75 looks neither for the end nor for the age of a connection then, and otherwise counts only how
 * long it has been idle; so there is a watch of our own (watch.c).
 */
#ifndef DIPTYCH_SERVICE_HTTP_H
#define DIPTYCH_SERVICE_HTTP_H

#include "base/base.h"

#include <stdatomic.h>

struct http_server;
struct http_connection;
struct sockaddr;

/* ---- a request and its answer -------------------------------------------------------------------------- */

struct http_request {
    const char *method, *path; /* the path decoded, without what follows '?' */
    const char *body;          // (size), and a NUL behind it
    size_t size;
    char id[17];        /* of this request, in the log and in X-Request-Id */
    double begun;       /* time_now() when its head was there */
    struct arena arena; /* memory until it is answered */
    struct job job;     /* ends at the deadline, when the client goes, and when the server must stop */
    struct http_connection *connection;
    void *context; /* of http_handlers.begin's choice */
};

/* NULL where there is none. Names of headers in letters of either case. */
const char *request_header(const struct http_request *request, const char *name);
const char *request_query(const struct http_request *request, const char *name);
const char *request_cookie(const struct http_request *request, const char *name);

/* The address at the other end of the connection; NULL, or of AF_UNIX, where it has none. */
const struct sockaddr *request_peer(const struct http_request *request);

/* Visits the parameters of the query string in their order; those without a '=' have NULL for a value. A non-zero return
 * ends it, and is returned. */
typedef int request_visit(void *context, const char *name, const char *value);
int request_each_query(const struct http_request *request, request_visit *visit, void *context);

enum { HTTP_HEADERS_MAX = 12 };

/* A body that comes bit by bit, while what it tells of goes on; read is NULL where there is none. Both are called on
 * threads of the server and must not wait. */
struct http_stream {
    /* Fills in up to size bytes and returns how many; 0: none yet, ask again soon; -1: that was all. */
    ptrdiff_t (*read)(void *context, char *out, size_t size);
    void (*free)(void *context);
    void *context;
};

struct http_response {
    int status; /* 0: there is no answer yet */
    char *body; // (size): malloc's, or static; becomes the server's
    size_t size;
    bool body_static;
    bool file; /* instead of a body: `size` bytes of fd from `offset` on; fd becomes the server's */
    int fd;
    uint64_t offset;
    struct http_stream stream; /* instead of both; becomes the server's */
    const char *type; /* of the body: static, as all names and values of headers, or in the request's arena */
    struct http_field {
        const char *name, *value;
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
};

void response_add_header(struct http_response *response, const char *name, const char *value);

/* ---- a server ------------------------------------------------------------------------------------------ */

struct http_handlers {
    /* The head of a request is there, its body is not: an answer given here (status not 0) spares reading it.
     * *body_limit is how many bytes the body may have. On a thread of the server: it must not wait. */
    void (*begin)(
        void *context, struct http_request *request, size_t *body_limit, struct http_response *response);

    /* All of it is there. On a thread of the pool. */
    void (*handle)(void *context, struct http_request *request, struct http_response *response);

    /* What the server answers on its own account, such as 413 and 429. */
    void (*refuse)(void *context, struct http_request *request, int status, const char *why,
        struct http_response *response);

    /* An answer is on its way; `seconds` since the head of the request was there. */
    void (*done)(void *context, const struct http_request *request, const struct http_response *response,
        double seconds);
    void *context;
};

struct http_options {
    const char *address;   /* "127.0.0.1", "::1" ... */
    int port;              /* 0: any that is free */
    const char *unix_path; /* instead of these; NULL: none */
    int socket;            /* one that listens already, instead of all of these; -1: none */
    int threads;           /* that handle requests, which is how many are handled at once */
    size_t waiting;        /* requests that may wait for such a thread; more are answered 429 */
    size_t connections;    /* more have to wait until others end: see silent_seconds */
    size_t body_bytes;     /* of all requests together, in memory; and of answers that are not read yet */
    double head_seconds;   /* from the first byte of a connection, or the last answer, to a whole head */
    double body_seconds;   /* from the head to the whole body */
    double seconds;        /* from the whole request to its answer: then its job ends */
    double idle_seconds;   /* between requests */
    double
        silent_seconds; /* after so long without a whole head a connection may have to make room for others, */
    double unread_seconds; /* and after so long with an answer that is not read to its end */
};

/* ERR_IO: the address is taken, none of this machine's, or not allowed; ERR_LIMIT: no thread; ERR_MEMORY. */
int server_open(struct http_server **out, const struct http_options *options,
    const struct http_handlers *handlers, struct err *err);
int server_port(const struct http_server *server);

struct http_counts {
    size_t connections, handling, waiting, body_bytes;
};
struct http_counts server_counts(struct http_server *server);

/* Takes no more connections, lets requests that are being handled end, and answers be read, for so many seconds, then
 * ends their jobs and connections, and frees all. */
void server_close(struct http_server *server, double seconds);

#endif
