// SPDX-License-Identifier: Apache-2.0
/*
 * Watches the connections of a server from a thread of its own, a few times a second: a head or body that takes too
 * long, whether it trickles or stands, ends its connection; a client that hangs up while its request is handled is
 * noticed, and the request's job ends.
 */
#include "service/http_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static double time_allowed(const struct http_options *options, enum connection_state state)
{
    switch (state) {
    case CONNECTION_HEAD:
        return options->idle_seconds + options->head_seconds;
    case CONNECTION_BODY:
        return options->body_seconds;
    default:
        return -1; /* the job has a deadline; an answer that nobody reads ends as idle */
    }
}

/* Shutting a socket down is safe while its connection is in the list, since it leaves that before it is closed. */
static void look_at_times(struct http_server *server)
{
    const double now = time_now();
    for (struct http_connection *c = server->connections; c; c = c->next) {
        const double allowed = time_allowed(&server->options, c->state);
        if (allowed >= 0 && now - c->since > allowed)
            shutdown(c->fd, SHUT_RDWR);
    }
}

static bool has_hung_up(const struct http_connection *connection)
{
    struct pollfd look = {
        .fd = connection->fd, .events = POLLRDHUP}; /* not waiting, it takes half a microsecond */
    return poll(&look, 1, 0) > 0 && look.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Epoll as libmicrohttpd 0.9.75 uses it tells of an end once, together with the last bytes: after reading those it
 * waits for more until the connection has been idle for too long. Shutting the socket down is told anew. */
static void look_for_hangups(struct http_server *server)
{
    for (struct http_connection *c = server->connections; c; c = c->next) {
        if (c->state == CONNECTION_ANSWER || !has_hung_up(c))
            continue;
        if (c->state == CONNECTION_HANDLED)
            c->gone = true;
        else
            shutdown(c->fd, SHUT_RDWR);
    }
}

static void *watch(void *context)
{
    struct http_server *server = context;
    const struct timespec pause = {.tv_nsec = 100000000};
    while (!server->watch.stop) {
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&server->lock);
        look_at_times(server);
        look_for_hangups(server);
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

int watch_open(struct http_server *server, struct err *err)
{
    if (pthread_create(&server->watch.thread, NULL, watch, server))
        return err_set(err, ERR_LIMIT, "no thread to watch connections: the system gives no more");
    server->watch.started = true;
    return 0;
}

void watch_close(struct http_server *server)
{
    if (!server->watch.started)
        return;
    server->watch.stop = true;
    pthread_join(server->watch.thread, NULL);
}
