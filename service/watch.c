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

/* One connection at a time: a poll that does not wait is half a microsecond. */
static void look_for_hangups(struct http_server *server)
{
    for (struct http_connection *c = server->connections; c; c = c->next) {
        struct pollfd look = {.fd = c->fd, .events = POLLRDHUP};
        if (c->state == CONNECTION_HANDLED && poll(&look, 1, 0) > 0 &&
            look.revents & (POLLRDHUP | POLLHUP | POLLERR))
            c->gone = true;
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
