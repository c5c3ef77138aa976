// SPDX-License-Identifier: Apache-2.0
/* Inside service: what http.c, exchange.c and watch.c know together. */
#ifndef DIPTYCH_SERVICE_HTTP_INTERNAL_H
#define DIPTYCH_SERVICE_HTTP_INTERNAL_H

#include "service/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <time.h>

enum connection_state {
    CONNECTION_HEAD, /* waits for a request, or has a part of its head */
    CONNECTION_BODY,
    CONNECTION_HANDLED, /* suspended, while its request waits or is handled */
    CONNECTION_ANSWER,  /* an answer is being written */
    CONNECTION_STREAM,  /* ... that comes bit by bit: suspended while there is none */
};

struct http_connection {
    struct http_connection *next, *previous; /* in the server's list */
    struct MHD_Connection *mhd;
    int fd;
    enum connection_state state;
    double since;     /* when the state began */
    atomic_bool gone; /* the client has hung up */
    bool resting;     /* of CONNECTION_STREAM: it is suspended, and the watch resumes it */
};

struct watch {
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

struct http_server {
    struct http_options options;
    struct http_handlers handlers;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    struct watch watch;
    int port;
    atomic_bool stopping; /* jobs end */

    pthread_mutex_t lock; /* of all that follows, and of connections' states */
    pthread_cond_t idle;  /* no request is suspended, or none is unanswered */
    struct http_connection *connections;
    size_t connection_count;
    size_t accepted, handling;    /* requests that wait or are handled; that are handled */
    size_t suspended, unanswered; /* those whose connection is suspended; that are not answered to the end */
    size_t body_bytes, answer_bytes;
    bool closing; /* no connection and no request is accepted any more */
    uint64_t requests;
};

/* libmicrohttpd calls the first when the head of a request is there, for each part of its body, at its end, and again
 * when an answer is ready; the second when the request has been answered, or its connection has ended. *kept is the
 * exchange's. */
enum MHD_Result exchange_on_request(void *server, struct MHD_Connection *mhd, const char *path,
    const char *method, const char *version, const char *bytes, size_t *size, void **kept);
void exchange_on_completed(
    void *server, struct MHD_Connection *mhd, void **kept, enum MHD_RequestTerminationCode code);

void connection_enter(
    struct http_server *server, struct http_connection *connection, enum connection_state state);

/* A socket that listens at a numeric address; port 0: any that is free. ERR_ARGUMENT: no such address; ERR_IO. */
int listen_open(int *out, const char *address, int port, struct err *err);

/* The same at a path. What is there already is removed if it is a socket that nobody listens at; else ERR_IO. */
int listen_open_unix(int *out, const char *path, struct err *err);
int listen_port(int fd); /* 0 where it has none */
void listen_close(int fd);

/* A thread that ends connections whose time is up and notices clients that have gone. ERR_LIMIT. */
int watch_open(struct http_server *server, struct err *err);
void watch_close(struct http_server *server);

#endif
