// SPDX-License-Identifier: Apache-2.0
/* The server alone, with limits of tenths of seconds: clients that are slow, silent, or never read cost nobody else
 * anything. */
#include "service/http.h"
#include "tests/service/client.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE_ANSWER = 32 << 20 /* more than the system keeps for one that does not read */, DEADLINE = 60 };

/* ---- a server ------------------------------------------------------------------------------------------ */

/* Requests of "/gate" wait until it is open. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t waiting;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_at_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_for_waiting(size_t count)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting < count)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void say(struct http_response *response, int status, const char *text)
{
    response->status = status;
    response->body = (char *)text;
    response->size = strlen(text);
    response->body_static = true;
    response->type = "text/plain";
}

/* A stream that begins, and then has no news. */
static ptrdiff_t read_beginning(void *context, char *out, size_t size)
{
    bool *told = context;
    if (*told || !size)
        return 0;
    *told = true;
    *out = ':';
    return 1;
}

static void begin(
    void *context, struct http_request *request, size_t *body_limit, struct http_response *response)
{
    (void)context;
    *body_limit = 1 << 20;
    if (!strcmp(request->path, "/refused"))
        say(response, 401, "refused");
}

static void handle(void *context, struct http_request *request, struct http_response *response)
{
    (void)context;
    if (!strcmp(request->path, "/gate"))
        wait_at_gate();
    say(response, 200, "done");
    if (!strcmp(request->path, "/large")) {
        response->body = calloc(1, LARGE_ANSWER);
        response->body_static = false;
        response->size = LARGE_ANSWER;
    }
    if (!strcmp(request->path, "/stream")) {
        response->body = NULL;
        response->stream = (struct http_stream){read_beginning, free, calloc(1, sizeof(bool))};
    }
}

static void refuse(
    void *context, struct http_request *request, int status, const char *why, struct http_response *response)
{
    (void)context, (void)request;
    say(response, status, why);
}

static void done(
    void *context, const struct http_request *request, const struct http_response *response, double seconds)
{
    (void)context, (void)request, (void)response, (void)seconds;
}

/* Nothing takes long, unless `change` says so. */
static struct http_server *open_server(void (*change)(struct http_options *options))
{
    const struct http_handlers handlers = {begin, handle, refuse, done, NULL};
    struct http_options options = {.address = "127.0.0.1",
        .socket = -1,
        .threads = 2,
        .waiting = 2,
        .connections = 64,
        .body_bytes = 64 << 20,
        .head_seconds = 3600,
        .body_seconds = 3600,
        .seconds = 3600,
        .idle_seconds = 3600,
        .silent_seconds = 3600,
        .unread_seconds = 3600};
    struct http_server *server;
    struct err err;
    if (change)
        change(&options);
    if (server_open(&server, &options, &handlers, &err))
        fail_msg("%s", err.msg);
    gate.open = false;
    gate.waiting = 0;
    return server;
}

/* ---- clients ------------------------------------------------------------------------------------------- */

static void expect(int fd, const char *path, const char *body, int status)
{
    struct answer answer = client_ask(fd, body ? "POST" : "GET", path, NULL, body);
    if (answer.status != status)
        fail_msg("%s: %d, expected %d", path, answer.status, status);
    answer_release(&answer);
}

static void expect_once(struct http_server *server, const char *path, const char *body, int status)
{
    const int fd = client_connect(server_port(server));
    expect(fd, path, body, status);
    close(fd);
}

/* Whether the server ends a connection, to which `drip` is sent a byte at a time meanwhile. */
static bool is_ended(int fd, const char *drip)
{
    const double until = time_now() + DEADLINE;
    char byte;
    while (time_now() < until) {
        struct pollfd look = {.fd = fd, .events = POLLIN};
        if (poll(&look, 1, 20) > 0)
            return recv(fd, &byte, 1, 0) <= 0;
        if (*drip)
            client_send(fd, drip++, 1);
    }
    return false;
}

/* A connection that asks for more than the system keeps, and reads nothing of it. */
static int ask_and_not_read(struct http_server *server)
{
    const char *text = "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const int fd = client_connect(server_port(server));
    client_send(fd, text, strlen(text));
    return fd;
}

/* Until so many connections are there, and nothing is handled. */
static void wait_for_connections(struct http_server *server, size_t count)
{
    const double until = time_now() + DEADLINE;
    struct http_counts counts;
    do {
        counts = server_counts(server);
        if (time_now() > until)
            fail_msg("%zu connections, %zu handled, %zu waiting", counts.connections, counts.handling,
                counts.waiting);
    } while (counts.connections != count || counts.handling || counts.waiting);
}

static char *long_body(size_t size)
{
    char *body = malloc(size + 1);
    memset(body, 'x', size);
    body[size] = '\0';
    return body;
}

/* ---- slow ones ----------------------------------------------------------------------------------------- */

static void short_head(struct http_options *options)
{
    options->head_seconds = options->idle_seconds = 1;
}

static void heads_that_trickle_are_ended(void **state)
{
    (void)state;
    struct http_server *server = open_server(short_head);
    char head[4096] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    memset(head + strlen(head), 'x', sizeof head - strlen(head) - 1);
    const int slow = client_connect(server_port(server));
    expect_once(server, "/", NULL, 200);
    assert_true(is_ended(slow, head));
    close(slow);
    server_close(server, 0);
}

static void short_body(struct http_options *options)
{
    options->body_seconds = 0.3;
}

static void bodies_that_trickle_or_stop_are_ended(void **state)
{
    (void)state;
    const char *head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nabc";
    char *body = long_body(100000);
    const char *const drips[] = {"", body};
    struct http_server *server = open_server(short_body);
    for (size_t i = 0; i < 2; i++) {
        const int slow = client_connect(server_port(server));
        client_send(slow, head, strlen(head));
        expect_once(server, "/", "abc", 200);
        assert_true(is_ended(slow, drips[i]));
        close(slow);
    }
    wait_for_connections(server, 0);
    assert_int_equal(server_counts(server).body_bytes, 0);
    free(body);
    server_close(server, 0);
}

static void little_room(struct http_options *options)
{
    options->body_bytes = 400 << 10;
}

/* Uploads that stop on their way have taken all the room there is: small bodies are no uploads. */
static void small_bodies_pass_stuck_uploads(void **state)
{
    (void)state;
    enum { STUCK = 390 << 10 };
    char head[128], *body = long_body(STUCK - 1);
    const double until = time_now() + DEADLINE;
    struct http_server *server = open_server(little_room);
    const int stuck = client_connect(server_port(server));
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", STUCK);
    client_send(stuck, head, strlen(head));
    client_send(stuck, body, STUCK - 1);
    while (server_counts(server).body_bytes < STUCK && time_now() < until)
        ;
    expect_once(server, "/", "a small body", 200);
    expect_once(server, "/", body, 429);
    client_send(stuck, body, 1);
    struct answer answer = client_read(stuck);
    assert_true(answer.status == 200 || answer.status == 429); /* room for it doubles as it grows */
    answer_release(&answer);
    close(stuck);
    free(body);
    server_close(server, 0);
}

/* ---- ones that do not read ----------------------------------------------------------------------------- */

/* More of them than requests may be handled and wait. */
static void unread_answers_take_no_ones_place(void **state)
{
    (void)state;
    enum { UNREAD = 6 };
    int fds[UNREAD];
    struct http_server *server = open_server(NULL);
    for (size_t i = 0; i < UNREAD; i++) {
        fds[i] = ask_and_not_read(server);
        wait_for_connections(server, i + 1);
    }
    expect_once(server, "/", NULL, 200);
    server_close(server, 0.1); /* does not wait for them */
    for (size_t i = 0; i < UNREAD; i++)
        close(fds[i]);
}

static void little_memory(struct http_options *options)
{
    options->body_bytes = LARGE_ANSWER / 2;
    options->unread_seconds = 0.2;
}

static void unread_answers_give_back_their_memory(void **state)
{
    (void)state;
    struct http_server *server = open_server(little_memory);
    const int fd = ask_and_not_read(server);
    wait_for_connections(server, 1);
    wait_for_connections(server, 0);
    expect_once(server, "/", NULL, 200);
    close(fd);
    server_close(server, 0);
}

/* ---- ones that say nothing ----------------------------------------------------------------------------- */

enum { FEW = 8 };

static void few_connections(struct http_options *options)
{
    options->connections = FEW;
    options->silent_seconds = 0.2;
}

static void silent_connections_make_room(void **state)
{
    (void)state;
    enum { MANY = 4 * FEW };
    int fds[MANY];
    struct http_server *server = open_server(few_connections);
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = client_connect(server_port(server));
        client_send(fds[i], "GET /", i % 2 ? 5 : 0);
    }
    expect_once(server, "/", NULL, 200);
    for (size_t i = 0; i < MANY; i++)
        close(fds[i]);
    wait_for_connections(server, 0);
    server_close(server, 0);
}

/* ---- streams ------------------------------------------------------------------------------------------- */

static int follow_stream(struct http_server *server)
{
    const char *text = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const int fd = client_connect(server_port(server));
    char head[4096];
    size_t size = 0;
    client_send(fd, text, strlen(text));
    do { /* up to the one byte of the stream, in a chunk of its own */
        const ssize_t got = recv(fd, head + size, sizeof head - 1 - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
        head[size] = '\0';
    } while (!strstr(head, "\r\n\r\n1\r\n:"));
    return fd;
}

/* Nothing is written to them, which would find it out. */
static void who_leaves_a_stream_without_news_is_noticed(void **state)
{
    (void)state;
    struct http_server *server = open_server(NULL);
    const int leaver = follow_stream(server), stayer = follow_stream(server);
    wait_for_connections(server, 2);
    close(leaver);
    wait_for_connections(server, 1);
    server_close(server, 0); /* ends the other */
    close(stayer);
}

/* ---- refusals and the end ------------------------------------------------------------------------------ */

/* An answer to the head alone is not lost while the body is still coming, and the connection goes on. */
static void refused_bodies_are_read(void **state)
{
    (void)state;
    char *body = long_body(900 << 10);
    struct http_server *server = open_server(NULL);
    const int fd = client_connect(server_port(server));
    expect(fd, "/refused", body, 401);
    expect(fd, "/", "a", 200);
    expect(fd, "/refused", NULL, 401);
    expect(fd, "/", "a", 200);
    close(fd);
    free(body);
    server_close(server, 0);
}

static void *close_server(void *server)
{
    server_close(server, DEADLINE);
    return NULL;
}

/* What is being handled is answered; what is asked now is refused, and who comes now is sent away. */
static void the_end_answers_what_was_asked(void **state)
{
    (void)state;
    const char *text = "GET /gate HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_server *server = open_server(NULL);
    const int first = client_connect(server_port(server)), second = client_connect(server_port(server));
    const double until = time_now() + DEADLINE;
    pthread_t thread;
    client_send(first, text, strlen(text));
    wait_for_waiting(1);
    expect(second, "/", NULL, 200);
    assert_int_equal(pthread_create(&thread, NULL, close_server, server), 0);
    int status;
    do {
        struct answer answer = client_ask(second, "GET", "/", NULL, NULL);
        status = answer.status;
        answer_release(&answer);
    } while (status == 200 && time_now() < until);
    assert_int_equal(status, 503);
    char byte;
    const int late = client_connect(server_port(server)); /* the system takes it, the server ends it */
    assert_int_equal(recv(late, &byte, 1, 0), 0);
    close(late);
    open_gate();
    struct answer answer = client_read(first);
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    pthread_join(thread, NULL);
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_that_trickle_are_ended),
        cmocka_unit_test(bodies_that_trickle_or_stop_are_ended),
        cmocka_unit_test(small_bodies_pass_stuck_uploads),
        cmocka_unit_test(unread_answers_take_no_ones_place),
        cmocka_unit_test(unread_answers_give_back_their_memory),
        cmocka_unit_test(silent_connections_make_room),
        cmocka_unit_test(who_leaves_a_stream_without_news_is_noticed),
        cmocka_unit_test(refused_bodies_are_read),
        cmocka_unit_test(the_end_answers_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
