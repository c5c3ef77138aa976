// SPDX-License-Identifier: Apache-2.0
/*
 * Watches the connections of a server from a thread of its own, a few times a second: a head or body that takes too
 * long, whether it trickles or stands, ends its connection; a client that hangs up while its request is handled is
 * noticed, and the request's job ends; and where there is no room for more, those who have kept theirs for longest lose
 * it, so that clients which send nothing, or read nothing, keep nobody out. It also resumes connections
 * whose answers come bit by bit, to ask for more.
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

/* Ends the connections that have been in a state for longest: those for more than half as long as the first of them,
 * and more than so many seconds. */
static void end_longest(struct http_server *server, enum connection_state state, double seconds)
{
    const double now = time_now();
    double longest = seconds;
    for (const struct http_connection *c = server->connections; c; c = c->next)
        if (c->state == state && now - c->since > longest)
            longest = now - c->since;
    const double allowed = longest / 2 > seconds ? longest / 2 : seconds;
    for (struct http_connection *c = server->connections; c; c = c->next)
        if (c->state == state && now - c->since > allowed)
            shutdown(c->fd, SHUT_RDWR);
}

static void make_room(struct http_server *server)
{
    const struct http_options *options = &server->options;
    const bool full = server->connection_count >= options->connections;
    if (full)
        end_longest(server, CONNECTION_HEAD, options->silent_seconds);
    if (full || server->answer_bytes > options->body_bytes)
        end_longest(server, CONNECTION_ANSWER, options->unread_seconds);
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
        if (c->state == CONNECTION_HANDLED || c->state == CONNECTION_STREAM)
            c->gone = true;
        else
            shutdown(c->fd, SHUT_RDWR);
    }
}

static void wake_streams(struct http_server *server)
{
    for (struct http_connection *c = server->connections; c; c = c->next) {
        if (!c->resting)
            continue;
        c->resting = false;
        MHD_resume_connection(c->mhd);
        if (!--server->suspended)
            pthread_cond_broadcast(&server->idle);
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
        make_room(server);
        wake_streams(server);
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
