// SPDX-License-Identifier: Apache-2.0
#include "service/http_internal.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- connections --------------------------------------------------------------------------------------- */

void connection_enter(
    struct http_server *server, struct http_connection *connection, enum connection_state state)
{
    pthread_mutex_lock(&server->lock);
    connection->state = state;
    connection->since = time_now();
    pthread_mutex_unlock(&server->lock);
}

static void add_connection(struct http_server *server, struct http_connection *connection)
{
    pthread_mutex_lock(&server->lock);
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->connection_count++;
    pthread_mutex_unlock(&server->lock);
}

static void remove_connection(struct http_server *server, struct http_connection *connection)
{
    pthread_mutex_lock(&server->lock);
    *(connection->previous ? &connection->previous->next : &server->connections) = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    server->connection_count--;
    pthread_mutex_unlock(&server->lock);
    free(connection);
}

static void on_connection(
    void *context, struct MHD_Connection *mhd, void **kept, enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    struct http_connection *connection = *kept;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (connection)
            remove_connection(server, connection);
        *kept = NULL;
        return;
    }
    *kept = connection = mem_new(1, sizeof *connection);
    if (!connection)
        return; /* its first request ends it */
    connection->mhd = mhd;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    connection->since = time_now();
    add_connection(server, connection);
}

/* ---- opening and closing ------------------------------------------------------------------------------- */

/* So many that files are left for all else: the system would take more connections than this process can. */
static size_t connections_allowed(size_t wanted)
{
    enum { OTHER_FILES = 256 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    const size_t files =
        limit.rlim_cur < 2 * OTHER_FILES ? OTHER_FILES : (size_t)limit.rlim_cur - OTHER_FILES;
    return wanted < files ? wanted : files;
}

/* While the server closes, connections are ended as soon as they are there. MHD_quiesce_daemon, which would leave them to
 * wait, takes the listening socket out of the readers' epoll sets itself, although they may be doing the same at that moment:
 * whoever comes second then ends the process (libmicrohttpd 0.9.75, daemon.c). */
static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t length)
{
    struct http_server *server = context;
    (void)address, (void)length;
    pthread_mutex_lock(&server->lock);
    const bool closing = server->closing;
    pthread_mutex_unlock(&server->lock);
    return closing ? MHD_NO : MHD_YES;
}

static int start_daemon(struct http_server *server, struct err *err)
{
    enum { READERS = 2, CONNECTION_MEMORY = 64 << 10 };
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    server->daemon =
        MHD_start_daemon(flags, 0, on_accept, server, exchange_on_request, server, MHD_OPTION_LISTEN_SOCKET,
            server->options.socket,                                                //
            MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server,            //
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,                   //
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->options.connections,    //
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)server->options.idle_seconds, //
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,         //
            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)READERS,                        //
            MHD_OPTION_STRICT_FOR_CLIENT, 1,                                       //
            MHD_OPTION_END);
    return server->daemon ? 0 : err_set(err, ERR_IO, "cannot serve: libmicrohttpd does not start");
}

static void server_free(struct http_server *server)
{
    watch_close(server);
    pool_free(server->pool);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int server_open(struct http_server **out, const struct http_options *options,
    const struct http_handlers *handlers, struct err *err)
{
    struct http_server *server = mem_new(1, sizeof *server);
    if (!server)
        return err_memory(err, sizeof *server);
    server->options = *options;
    server->options.connections = connections_allowed(options->connections);
    server->handlers = *handlers;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    int rc = 0;
    if (options->socket < 0 && options->unix_path)
        rc = listen_open_unix(&server->options.socket, options->unix_path, err);
    else if (options->socket < 0)
        rc = listen_open(&server->options.socket, options->address, options->port, err);
    server->port = rc ? 0 : listen_port(server->options.socket);
    if (!rc)
        rc = pool_open(&server->pool, options->threads, err);
    if (!rc)
        rc = watch_open(server, err);
    if (!rc)
        rc = start_daemon(server, err);
    if (rc) {
        listen_close(server->options.socket);
        server_free(server);
        return rc;
    }
    *out = server;
    return 0;
}

int server_port(const struct http_server *server)
{
    return server->port;
}

struct http_counts server_counts(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    const struct http_counts counts = {
        server->connection_count, server->handling, server->accepted - server->handling, server->body_bytes};
    pthread_mutex_unlock(&server->lock);
    return counts;
}

/* Until all is answered, or the time is up; none comes after it. libmicrohttpd must not be stopped while a connection is
 * suspended; one whose client does not read its answer is not waited for. */
static void wait_until_idle(struct http_server *server, double seconds)
{
    const double until = time_now() + seconds;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += (time_t)seconds + 1;
    pthread_mutex_lock(&server->lock);
    server->closing = true;
    while (server->unanswered && time_now() < until)
        pthread_cond_timedwait(&server->idle, &server->lock, &deadline);
    server->stopping = true;
    while (server->suspended)
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void server_close(struct http_server *server, double seconds)
{
    if (!server)
        return;
    wait_until_idle(server, seconds);
    MHD_stop_daemon(server->daemon); /* closes the socket */
    if (server->options.unix_path)
        unlink(server->options.unix_path);
    server_free(server);
}
