// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi/port.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;   /* -1: there is none */
    char *in; // (PORT_LINE_MAX + 1): bytes[first, used) have come and are no answered lines
    size_t first, used, lines;
    bool over;     /* nothing more will come */
    bool skipping; /* the rest of a line that was too long */
    char *out;     // (size): answers, of which `sent` bytes are gone
    size_t sent, size, room;
    double active; /* when something came or went, on time_now's clock */
};

struct port {
    int fd, number;
    struct client clients[PORT_CLIENTS];
};

/* ---- listening ----------------------------------------------------------------------------------------- */

static int read_number(int *out, const char *address, struct err *err)
{
    const char *colon = strrchr(address, ':'), *digits = colon ? colon + 1 : address;
    const size_t length = colon ? (size_t)(colon - address) : 0;
    const struct span host = {address, length};
    const bool here =
        !length || span_equal(host, span_of("127.0.0.1")) || span_equal(host, span_of("localhost"));
    char *end;
    const long number = strtol(digits, &end, 10);
    if (!here || end == digits || *end || number < 0 || number > 65535)
        return err_set(
            err, ERR_ARGUMENT, "'%s' is no port of 127.0.0.1, and no other address is listened at", address);
    *out = (int)number;
    return 0;
}

static int listen_here(struct port *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port->number),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    const int yes = 1;
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd >= 0)
        setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (port->fd < 0 || bind(port->fd, (struct sockaddr *)&address, sizeof address) ||
        listen(port->fd, SOMAXCONN) || getsockname(port->fd, (struct sockaddr *)&address, &length))
        return err_set(err, ERR_IO, "cannot listen on 127.0.0.1:%d: %s", port->number, strerror(errno));
    port->number = ntohs(address.sin_port);
    return 0;
}

int port_open(struct port **out, const char *address, struct err *err)
{
    struct port *port = *out = mem_new(1, sizeof *port);
    if (!port)
        return err_memory(err, sizeof *port);
    port->fd = -1;
    for (size_t i = 0; i < PORT_CLIENTS; i++)
        port->clients[i].fd = -1;
    int rc = read_number(&port->number, address, err);
    if (!rc)
        rc = listen_here(port, err);
    if (rc) {
        port_close(port);
        *out = NULL;
    }
    return rc;
}

int port_number(const struct port *port)
{
    return port->number;
}

static void hang_up(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->in);
    free(client->out);
    *client = (struct client){.fd = -1};
}

void port_close(struct port *port)
{
    if (!port)
        return;
    for (size_t i = 0; i < PORT_CLIENTS; i++)
        hang_up(&port->clients[i]);
    if (port->fd >= 0)
        close(port->fd);
    free(port);
}

/* ---- clients ------------------------------------------------------------------------------------------- */

static bool waits_to_send(const struct client *client)
{
    return client->sent < client->size;
}

/* A place for one more: a free one, or that of whoever has been idle the longest. */
static struct client *find_place(struct port *port)
{
    struct client *place = port->clients;
    for (struct client *c = port->clients; c < port->clients + PORT_CLIENTS && place->fd >= 0; c++)
        if (c->fd < 0 || c->active < place->active)
            place = c;
    return place;
}

static void welcome(struct port *port)
{
    const int fd = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return; /* it has gone again, or there are too many files, of which it waits for one */
    struct client *client = find_place(port);
    hang_up(client);
    *client = (struct client){.fd = fd, .in = mem_new(PORT_LINE_MAX + 1, 1), .active = time_now()};
    if (!client->in)
        hang_up(client);
}

static void receive(struct client *client)
{
    memmove(client->in, client->in + client->first, client->used - client->first);
    client->used -= client->first;
    client->first = 0;
    const ssize_t got = recv(client->fd, client->in + client->used, PORT_LINE_MAX - client->used, 0);
    if (got > 0) {
        client->used += (size_t)got;
        client->active = time_now();
    } else if (!got) {
        client->over = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        hang_up(client);
    }
}

static void send_some(struct client *client)
{
    const ssize_t gone =
        send(client->fd, client->out + client->sent, client->size - client->sent, MSG_NOSIGNAL);
    if (gone > 0) {
        client->sent += (size_t)gone;
        client->active = time_now();
    } else if (gone < 0 && errno != EAGAIN && errno != EINTR) {
        hang_up(client);
    }
    if (client->sent == client->size)
        client->sent = client->size = 0;
}

/* Forgets what there is of a line that was too long. */
static void skip(struct client *client)
{
    const char *end = memchr(client->in + client->first, '\n', client->used - client->first);
    client->skipping = !end;
    client->first = end ? (size_t)(end - client->in) + 1 : client->used;
}

/* The next line of a client who has all its answers to earlier ones, if it is there. */
static bool take_line(struct asked *out, struct client *client, size_t number)
{
    if (client->skipping)
        skip(client);
    char *begin = client->in + client->first;
    const size_t left = client->used - client->first;
    char *end = left ? memchr(begin, '\n', left) : NULL;
    const bool too_long = !end && left == PORT_LINE_MAX;
    if (!end && !too_long && (!client->over || !left))
        return false;
    *out =
        (struct asked){number, too_long ? NULL : begin, end ? (size_t)(end - begin) : left, ++client->lines};
    client->first += out->length + (end != NULL);
    client->skipping = too_long;
    if (out->length && begin[out->length - 1] == '\r')
        out->length--;
    begin[out->length] = '\0'; /* in the place of the end, or of the byte behind all */
    return true;
}

static size_t take_lines(struct asked *out, size_t most, struct port *port)
{
    size_t count = 0;
    bool any = true;
    while (any && count < most) { /* a line of each in turn */
        any = false;
        for (size_t i = 0; i < PORT_CLIENTS && count < most; i++) {
            struct client *client = &port->clients[i];
            if (client->fd >= 0 && !waits_to_send(client) && take_line(&out[count], client, i)) {
                any = true;
                count++;
            }
        }
    }
    return count;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* Waits a little for something to happen, and does it. */
static int turn(struct port *port, struct err *err)
{
    enum { LOOK_MS = 250 };
    struct pollfd all[PORT_CLIENTS + 1];
    for (size_t i = 0; i < PORT_CLIENTS; i++) {
        const struct client *client = &port->clients[i];
        all[i] = (struct pollfd){.fd = client->fd, .events = waits_to_send(client) ? POLLOUT : POLLIN};
    }
    all[PORT_CLIENTS] = (struct pollfd){.fd = port->fd, .events = POLLIN};
    if (poll(all, PORT_CLIENTS + 1, LOOK_MS) < 0 && errno != EINTR)
        return err_set(err, ERR_IO, "cannot wait for clients: %s", strerror(errno));
    for (size_t i = 0; i < PORT_CLIENTS; i++) {
        struct client *client = &port->clients[i];
        if (client->fd < 0 || !all[i].revents)
            continue;
        if (waits_to_send(client))
            send_some(client);
        else
            receive(client);
        if (client->over && client->first == client->used && !waits_to_send(client))
            hang_up(client);
    }
    if (all[PORT_CLIENTS].revents)
        welcome(port);
    return 0;
}

int port_next(
    struct asked *out, size_t *count, size_t most, struct port *port, const struct job *job, struct err *err)
{
    int rc = 0;
    *count = 0;
    while (!rc && !(*count = take_lines(out, most, port))) {
        rc = job_step(job, "waiting for queries", 0, 0, err);
        if (!rc)
            rc = turn(port, err);
    }
    return rc;
}

int port_answer(struct port *port, const struct asked *asked, const char *bytes, size_t size, struct err *err)
{
    struct client *client = &port->clients[asked->client];
    const int rc = client->fd < 0 ? 0 : array_grow(client->out, &client->room, client->size + size, err);
    if (rc || client->fd < 0)
        return rc;
    memcpy(client->out + client->size, bytes, size);
    client->size += size;
    return 0;
}
