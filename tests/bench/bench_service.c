// SPDX-License-Identifier: Apache-2.0
/*
 * A number of clients that each send a request, read the answer, and send the next, for some seconds:
 *
 *     bench_service PORT CLIENTS[@RATE] SECONDS PATH BODY-FILE...
 *
 * Each client takes the bodies (JSON) in turn, from a place of its own. With a RATE, that many requests a second are
 * sent by all clients together, each when its time has come, and its time counts from then on: a client that is late
 * because the answer before was late hides nothing. Prints one line: requests a second, and the median, 99th
 * percentile and longest time to the end of an answer. Any answer but 200 ends it. Whatever serves HTTP can be asked,
 * so that services are compared by the same client.
 */
#include "base/base.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    char *bytes; /* head and body */
    size_t size;
};

struct client {
    pthread_t thread;
    size_t first;    /* the request to begin with */
    size_t place;    /* of this client among all */
    double *seconds; // (count): of each request
    size_t count, room;
};

static struct request *requests; // (request_count)
static size_t request_count;
static int port;
static size_t client_count;
static double rate,
    started; /* requests a second of all clients, 0: as many as they can; when the first is due */
static atomic_bool stop;

static void fail(const char *what)
{
    fprintf(stderr, "bench_service: %s\n", what);
    exit(1);
}

/* ---- one client ---------------------------------------------------------------------------------------- */

static int connect_to_service(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("cannot connect");
    return fd;
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* reading finds the same */
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Reads an answer that says its length, and throws it away. false: the connection ended before it began. */
static bool read_answer(int fd)
{
    char bytes[1 << 16];
    size_t size = 0, need = sizeof bytes;
    bool head = true;
    while (head || size < need) {
        const ssize_t got =
            recv(fd, bytes + (head ? size : 0), head ? sizeof bytes - size - 1 : sizeof bytes, 0);
        if (got <= 0 && !size)
            return false;
        if (got <= 0)
            fail("the connection ended within an answer");
        size += (size_t)got;
        if (!head)
            continue;
        bytes[size] = '\0';
        const char *end = strstr(bytes, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(bytes, "\r\ncontent-length:");
        if (strncmp(bytes + 8, " 200", 4) || !length)
            fail(bytes);
        need = (size_t)(end - bytes) + 4 + strtoull(length + 17, NULL, 10);
        head = false;
    }
    return true;
}

/* Sends a request and reads the answer; on a new connection where the server has ended the old one, which had been idle
 * for too long. */
static void ask(int *fd, const struct request *request)
{
    send_all(*fd, request->bytes, request->size);
    if (read_answer(*fd))
        return;
    close(*fd);
    *fd = connect_to_service();
    send_all(*fd, request->bytes, request->size);
    if (!read_answer(*fd))
        fail("the connection ended without an answer");
}

/* When the client's nth request is due; waits until then. */
static double wait_until_due(const struct client *client, size_t n)
{
    const double now = time_now();
    if (rate <= 0)
        return now;
    const double due = started + (double)(client->place + n * client_count) / rate;
    if (due > now)
        usleep((useconds_t)(1e6 * (due - now)));
    return due;
}

static void *run(void *context)
{
    struct client *client = context;
    int fd = connect_to_service();
    while (!stop) {
        const struct request *request = &requests[(client->first + client->count) % request_count];
        const double begun = wait_until_due(client, client->count);
        ask(&fd, request);
        if (array_grow(client->seconds, &client->room, client->count + 1, NULL))
            fail("out of memory");
        client->seconds[client->count++] = time_now() - begun;
    }
    close(fd);
    return NULL;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static void read_request(struct request *out, const char *path, const char *file)
{
    struct err err;
    char *body;
    size_t size;
    if (file_read(&body, &size, file, 1 << 28, &err))
        fail(err.msg);
    FILE *stream = open_memstream(&out->bytes, &out->size);
    fprintf(stream,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        "%zu\r\n\r\n",
        path, size);
    fwrite(body, 1, size, stream);
    fclose(stream);
    free(body);
}

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static void report(struct client *clients, size_t count, double seconds)
{
    double *all = NULL;
    size_t total = 0, room = 0;
    for (size_t i = 0; i < count; i++) {
        if (array_grow(all, &room, total + clients[i].count, NULL))
            fail("out of memory");
        memcpy(all + total, clients[i].seconds, clients[i].count * sizeof *all);
        total += clients[i].count;
    }
    qsort(all, total, sizeof *all, by_value);
    if (total)
        printf("%zu requests, %.1f a second, median %.1f ms, p99 %.1f ms, longest %.1f ms\n", total,
            (double)total / seconds, 1e3 * all[total / 2], 1e3 * all[total * 99 / 100], 1e3 * all[total - 1]);
    free(all);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        fail("usage: bench_service PORT CLIENTS[@RATE] SECONDS PATH BODY-FILE...");
    port = atoi(argv[1]);
    char *at;
    const size_t count = client_count = strtoul(argv[2], &at, 10);
    rate = *at == '@' ? atof(at + 1) : 0;
    request_count = (size_t)argc - 5;
    requests = mem_new(request_count, sizeof *requests);
    struct client *clients = mem_new(count, sizeof *clients);
    if (!requests || !clients)
        fail("out of memory");
    for (size_t i = 0; i < request_count; i++)
        read_request(&requests[i], argv[4], argv[5 + i]);
    started = time_now();
    for (size_t i = 0; i < count; i++) {
        clients[i].first = i * 7919;
        clients[i].place = i;
        if (pthread_create(&clients[i].thread, NULL, run, &clients[i]))
            fail("no thread to be had");
    }
    usleep((useconds_t)(1e6 * atof(argv[3])));
    stop = true;
    for (size_t i = 0; i < count; i++)
        pthread_join(clients[i].thread, NULL);
    report(clients, count, time_now() - started);
    for (size_t i = 0; i < count; i++)
        free(clients[i].seconds);
    for (size_t i = 0; i < request_count; i++)
        free(requests[i].bytes);
    free(clients);
    free(requests);
    return 0;
}
