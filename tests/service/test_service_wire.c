// SPDX-License-Identifier: Apache-2.0
/* What comes over the wire that should not: each the right status, and the next request answered. */
#include "tests/service/served.h"

#include <microhttpd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- bodies -------------------------------------------------------------------------------------------- */

/* A body, and what it gets; `says` is a part of the message. */
static const struct {
    const char *path, *body;
    int status;
    const char *says;
} bodies[] = {
    {"/v1/embeddings", "", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": ", 400, "unable to parse"},
    {"/v1/embeddings", "[1]", 400, "no JSON object"},
    {"/v1/embeddings", "{\"input\": \"a\", \"input\": \"b\"}", 400, "duplicate"},
    {"/v1/embeddings", "{\"input\": NaN}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": \"a\"} {}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": \"\\ud800\"}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": [1e999]}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": [99999999999999999999]}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": [1.5]}", 400, "something else"},
    {"/v1/embeddings", "{\"input\": [1], \"modality\": \"image\"}", 400, "input 0"},
    {"/v1/embeddings", "{\"input\": \"\\u0000\"}", 400, "unable to parse"},
    {"/v1/embeddings", "{\"input\": \"\xff\"}", 400, "unable to parse"},
    {"/v1/embeddings", "{}", 400, "'input' is missing"},
    {"/v1/embeddings", "{\"input\": null}", 400, "input 0"},
    {"/v1/embeddings", "{\"input\": []}", 400, "'input' is missing or empty"},
    {"/v1/embeddings", "{\"input\": \"\"}", 400, "input 0 is empty"},
    {"/v1/embeddings", "{\"input\": [\"a\", 7]}", 400, "input 1"},
    {"/v1/embeddings", "{\"input\": [\"a\", [1, \"b\"]]}", 400, "input 1"},
    {"/v1/embeddings", "{\"input\": [1, 2, -3]}", 400, "input 0"},
    {"/v1/embeddings", "{\"input\": [1, 999999999]}", 400, "vocabulary"},
    {"/v1/embeddings", "{\"input\": \"a\", \"inputs\": 1}", 400, "'inputs' is not known"},
    {"/v1/embeddings", "{\"input\": \"a\", \"dimensions\": 64}", 400, "'dimensions' is 64"},
    {"/v1/embeddings", "{\"input\": \"a\", \"dimensions\": -1}", 400, "'dimensions'"},
    {"/v1/embeddings", "{\"input\": \"a\", \"encoding_format\": \"hex\"}", 400, "hex"},
    {"/v1/embeddings", "{\"input\": \"a\", \"encoding_format\": 1}", 400, "'encoding_format' is no text"},
    {"/v1/embeddings", "{\"input\": \"a\", \"model\": \"other\"}", 404, "'other' is not here"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"https://example.com/a.png\"}}", 400, "not fetched"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"file:///etc/passwd\"}}", 400, "not fetched"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"!!!\"}}", 400, "is not base64"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"aGVsbG8=\"}}", 400, "not a picture"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"\"}}", 400, "the file is empty"},
    {"/v1/embeddings", "{\"input\": {\"image\": \"a\", \"text\": \"b\"}}", 400, "one of 'text' and 'image'"},
    {"/v1/embeddings", "{\"input\": \"data:image/png,abc\", \"modality\": \"image\"}", 400, "';base64,'"},
    {"/v1/embeddings", "{\"input\": \"data:image/png;base64,aGVsbG8=\"}", 400, "input 0"},
    {"/v1/classify", "{\"input\": \"a\"}", 400, "'labels'"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": []}", 400, "no labels"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\", \"x\"]}", 400, "twice"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\"], \"templates\": [\"no place\"]}", 400, "no {}"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\"], \"top\": 0}", 400, "'top'"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\"], \"scores\": \"best\"}", 400, "independent"},
    {"/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\"], \"threshold\": 2}", 400, "'threshold'"},
    {"/v1/rank", "{\"captions\": [\"x\"]}", 400, "'image' is missing"},
    {"/v1/rank", "{\"image\": \"aGVsbG8=\", \"captions\": []}", 400, "'captions'"},
    {"/v1/rank", "{\"image\": \"aGVsbG8=\", \"captions\": [\"\"]}", 400, "caption 0"},
    {"/v1/search", "{}", 400, "nothing to look for"},
    {"/v1/search", "{\"text\": \"  \"}", 400, "'text' is empty"},
    {"/v1/search", "{\"image\": \"aGVsbG8=\"}", 400, "unable to read 'image': not a picture"},
    {"/v1/search", "{\"image\": \"!\"}", 400, "'image' is not base64"},
    {"/v1/search", "{\"text\": \"a\", \"index\": \"none\"}", 404, "no index 'none'"},
    {"/v1/search", "{\"text\": \"a\", \"where\": \"DROP TABLE items\"}", 400, "DROP"},
    {"/v1/search", "{\"text\": \"a\", \"where\": \"nocolumn = 1\"}", 400, "nocolumn"},
    {"/v1/search", "{\"text\": \"a\", \"match\": \"\\\"\"}", 400, ""},
    {"/v1/search", "{\"text\": \"a\", \"kind\": \"film\"}", 400, "'kind'"},
    {"/v1/search", "{\"text\": \"a\", \"top\": 100000}", 400, "'top'"},
    {"/v1/search", "{\"text\": \"a\", \"top\": 2.5}", 400, "'top'"},
    {"/v1/search", "{\"text\": \"a\", \"cursor\": \"-1\"}", 400, "'cursor'"},
    {"/v1/search", "{\"text\": \"a\", \"min_score\": 1e400}", 400, "unable to parse"},
    {"/v1/search", "{\"terms\": [{\"weight\": 1}]}", 400, "term 0"},
    {"/v1/search", "{\"terms\": [{\"text\": \"a\", \"weight\": 0}]}", 400, "'weight' is 0"},
    {"/v1/search", "{\"terms\": {\"text\": \"a\"}}", 400, "'terms' is no list"},
};

static void wrong_bodies_are_told_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct answer answer = client_once(served.port, "POST", bodies[i].path, NULL, bodies[i].body);
        json_t *root = json_loads(answer.body, 0, NULL);
        const json_t *error = json_object_get(root, "error");
        const char *message = json_string_value(json_object_get(error, "message"));
        if (answer.status != bodies[i].status || !message || !strstr(message, bodies[i].says))
            fail_msg("%s: %d, expected %d: %s", bodies[i].body, answer.status, bodies[i].status, answer.body);
        assert_non_null(json_string_value(json_object_get(error, "type")));
        json_decref(root);
        answer_release(&answer);
    }
}

static void deep_json_is_no_matter(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *body = malloc(2 * DEPTH + 1);
    memset(body, '[', DEPTH);
    memset(body + DEPTH, ']', DEPTH);
    body[2 * DEPTH] = '\0';
    struct answer answer = client_once(served.port, "POST", "/v1/embeddings", NULL, body);
    assert_int_equal(answer.status, 400);
    answer_release(&answer);
    free(body);
}

/* Values take more memory than the bytes they are written in. */
static void many_values_are_too_many(void **state)
{
    (void)state;
    enum { VALUES = 1100000 };
    char *body = malloc(2 * VALUES + 64), *at = body + sprintf(body, "{\"input\": [1");
    for (size_t i = 0; i < VALUES; i++, at += 2)
        memcpy(at, ",1", 2);
    strcpy(at, "]}");
    struct answer answer = client_once(served.port, "POST", "/v1/embeddings", NULL, body);
    assert_int_equal(answer.status, 413);
    answer_release(&answer);
    free(body);
}

/* 405 says what there is instead (RFC 9110, 15.5.6). */
static void methods_that_are_allowed_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *path, *allow;
    } paths[] = {{"/v1/search", "POST"}, {"/health", "GET, HEAD"}, {"/", "GET, HEAD, POST"}};
    char text[64];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer answer = client_once(served.port, "PUT", paths[i].path, NULL, NULL);
        assert_int_equal(answer.status, 405);
        assert_string_equal(answer_header(&answer, "Allow", text, sizeof text), paths[i].allow);
        answer_release(&answer);
    }
}

/* ---- heads --------------------------------------------------------------------------------------------- */

static const struct {
    const char *method, *path, *headers;
    int status;
} heads[] = {
    {"GET", "/nothing", NULL, 404},
    {"GET", "/v1/embeddings", NULL, 405},
    {"POST", "/health", NULL, 405},
    {"GET", "/v1/items/", NULL, 404},
    {"GET", "/v1/items/0", NULL, 404},
    {"GET", "/v1/items/-1", NULL, 404},
    {"GET", "/v1/items/1x", NULL, 404},
    {"GET", "/v1/items/99999999999999999999", NULL, 404},
    {"GET", "/v1/items/1000", NULL, 404},
    {"GET", "/v1/items/7/image", NULL, 404}, /* a text */
    {"GET", "/v1/items/1/../2", NULL, 404},
    {"GET", "/v1/items/..%2f..%2fetc%2fpasswd/image", NULL, 404},
    {"GET", "/v1/items/1?index=none", NULL, 404},
    {"GET", "/v1/items/1/thumbnail?edge=1", NULL, 400},
    {"GET", "/v1/items/1/thumbnail?edge=999999999", NULL, 400},
    {"GET", "/v1/items/1/thumbnail?edge=64x", NULL, 400},
    {"GET", "/health", "Origin: http://localhost\r\n", 200},
    {"GET", "/health", "Origin: http://evil.example\r\n", 403},
    {"GET", "/health", "Origin: null\r\n", 403},
};

static void wrong_heads_have_their_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct answer answer =
            client_once(served.port, heads[i].method, heads[i].path, heads[i].headers, NULL);
        if (answer.status != heads[i].status)
            fail_msg(
                "%s %s: %d, expected %d", heads[i].method, heads[i].path, answer.status, heads[i].status);
        answer_release(&answer);
    }
}

/* Azure's clients of OpenAI's route send an api-version. */
static void fields_in_the_query_string_of_a_json_body_are_named(void **state)
{
    static const char type[] = "Content-Type: application/json\r\n";
    (void)state;
    struct answer answer =
        client_once(served.port, "POST", "/v1/search?top=1", type, "{\"text\": \"a red heart\"}");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body, "'top' stands in the query string"));
    answer_release(&answer);
    answer = client_once(served.port, "POST", "/v1/embeddings?api-version=1", type, "{\"input\": \"a\"}");
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
}

/* Sends bytes as they are. */
static struct answer send_raw(const char *text)
{
    const int fd = client_connect(served.port);
    client_send(fd, text, strlen(text));
    const struct answer answer = client_read(fd);
    close(fd);
    return answer;
}

static void other_sites_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int status;
    } hosts[] = {{"localhost", 200}, {"LocalHost:8080", 200}, {"127.0.0.1:1", 200}, {"[::1]:80", 200},
        {"evil.example", 403}, {"localhost.evil.example", 403}, {"127.0.0.1.evil.example", 403},
        {"[::1]evil.example", 403}, {"localhost:80@evil.example", 403}, {"localhost:80evil", 403}};
    char text[256];
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(text, sizeof text, "GET /health HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i].host);
        struct answer answer = send_raw(text);
        if (answer.status != hosts[i].status)
            fail_msg("%s: %d", hosts[i].host, answer.status);
        answer_release(&answer);
    }
}

/* From version 1.0 on libmicrohttpd refuses some heads by itself, in HTML, before the service sees them. */
static bool refused_before(const struct answer *answer)
{
    return MHD_VERSION >= 0x01000000 && answer->status == 400 && answer->body &&
           !strncmp(answer->body, "<html>", 6);
}

/* A proxy may have taken the other. */
static void heads_that_say_two_things_are_refused(void **state)
{
    (void)state;
    static const char *const doubled[] = {"Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
        "Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"};
    char text[512];
    for (size_t i = 0; i < sizeof doubled / sizeof *doubled; i++) {
        snprintf(text, sizeof text,
            "POST /v1/embeddings HTTP/1.1\r\n%sContent-Type: application/json\r\n\r\n{}", doubled[i]);
        struct answer answer = send_raw(text);
        if (!refused_before(&answer) &&
            (answer.status != 400 || !strstr(answer.body, "the head says more than once")))
            fail_msg("%s: %d %s", doubled[i], answer.status, answer.body ? answer.body : "");
        answer_release(&answer);
    }
}

/* A head, and the status and a part of the message that it gets. */
static void odd_heads_have_their_status(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status;
        const char *says;
    } odd[] = {
        {"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length : 2\r\n", 400,
            "has a blank in it"},
        {"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n", 501,
            "no other"},
        {"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n",
            415, "not compressed"},
        {"POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n", 413,
            "no body is taken here"},
        {"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n", 200, "ok"},
        {"GET HTTP://localhost:80/v1/items/1?index=pictures HTTP/1.1\r\nHost: LocalHost:80\r\n", 200,
            "\"id\":1"},
        {"GET http://localhost HTTP/1.1\r\nHost: localhost\r\n", 200, "<title>"},
        {"GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n", 403, "none of this machine's"},
        {"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n", 400, "of two hosts"},
        {"GET http://local/health HTTP/1.1\r\nHost: localhost\r\n", 400, "of two hosts"},
    };
    char text[512];
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        snprintf(text, sizeof text, "%sContent-Type: application/json\r\n\r\n", odd[i].head);
        if (strstr(odd[i].head, "Content-Length:"))
            strcat(text, "{}");
        struct answer answer = send_raw(text);
        const bool before = odd[i].status >= 400 && refused_before(&answer);
        if (!before && (answer.status != odd[i].status || !answer.body || !strstr(answer.body, odd[i].says)))
            fail_msg("%s: %d %s", odd[i].head, answer.status, answer.body ? answer.body : "");
        answer_release(&answer);
    }
}

static void bodies_must_be_json(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int status;
    } types[] = {{"application/json", 200}, {"Application/JSON; charset=utf-8", 200}, {"text/plain", 415},
        {"application/x-www-form-urlencoded", 415}, {"application/jsonx", 415}};
    char headers[128];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(headers, sizeof headers, "Content-Type: %s\r\n", types[i].type);
        const int fd = client_connect(served.port);
        struct answer answer = client_ask(fd, "POST", "/v1/embeddings", headers, "{\"input\": \"a\"}");
        assert_int_equal(answer.status, types[i].status);
        answer_release(&answer);
        close(fd);
    }
}

/* ---- limits -------------------------------------------------------------------------------------------- */

/* A body that says it is too large is not read, and one that does not say it is cut off. */
static void large_bodies_are_refused(void **state)
{
    (void)state;
    struct service *small = served_with((struct service_options){.body_bytes = 1000});
    const int port = service_port(small);
    const char *says = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: 5000000\r\n\r\n";
    int fd = client_connect(port);
    client_send(fd, says, strlen(says));
    struct answer answer = client_read(fd);
    assert_int_equal(answer.status, 413);
    answer_release(&answer);
    close(fd);

    const char *chunked =
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    char chunk[600];
    fd = client_connect(port);
    client_send(fd, chunked, strlen(chunked));
    memset(chunk, ' ', sizeof chunk);
    for (int i = 0; i < 3; i++) {
        client_send(fd, "258\r\n", 5); /* 600 */
        client_send(fd, chunk, sizeof chunk);
        client_send(fd, "\r\n", 2);
    }
    client_send(fd, "0\r\n\r\n", 5);
    answer = client_read(fd);
    assert_int_equal(answer.status, 413);
    answer_release(&answer);
    close(fd);
    answer = client_once(port, "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    service_close(small, 0);
}

/* A text is one value, whatever stands in it. */
static void values_have_a_limit(void **state)
{
    (void)state;
    enum { MANY = 1000001 };
    char *text = malloc(2 * MANY + 100), *at;
    assert_non_null(text);
    at = stpcpy(text, "{\"input\": \"a\", \"model\": \"\\\"");
    memset(at, ',', MANY);
    strcpy(at + MANY, "\"}");
    json_decref(post("/v1/embeddings", text, 404));
    at = stpcpy(text, "{\"input\": [1");
    for (size_t i = 1; i < MANY; i++)
        at = stpcpy(at, ",1");
    strcpy(at, "]}");
    json_decref(post("/v1/embeddings", text, 413));
    free(text);
}

static void a_token_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *path, *headers;
        int status;
    } asks[] = {{"/v1/models", NULL, 401}, {"/v1/models", "Authorization: Bearer secret\r\n", 200},
        {"/v1/models", "Authorization: bearer secret\r\n", 200},
        {"/v1/models", "Authorization: Bearer secre\r\n", 401},
        {"/v1/models", "Authorization: Bearer secretx\r\n", 401},
        {"/v1/models", "Authorization: Basic secret\r\n", 401}, {"/metrics", NULL, 401},
        {"/nothing", NULL, 401}, {"/health", NULL, 200}, {"/ready", NULL, 200}};
    struct service *service = served_with((struct service_options){.token = "secret"});
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct answer answer = client_once(service_port(service), "GET", asks[i].path, asks[i].headers, NULL);
        if (answer.status != asks[i].status)
            fail_msg(
                "%s with %s: %d", asks[i].path, asks[i].headers ? asks[i].headers : "nothing", answer.status);
        answer_release(&answer);
    }
    service_close(service, 0);
}

static void the_world_needs_a_token(void **state)
{
    (void)state;
    struct err err;
    struct service *service;
    const struct service_options options = {.model = MODEL, .address = "0.0.0.0"};
    assert_int_equal(service_open(&service, &options, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "token"));
}

static void a_taken_port_is_said(void **state)
{
    (void)state;
    struct err err;
    struct service *service;
    const struct service_options options = {.model = MODEL, .port = served.port};
    assert_int_equal(service_open(&service, &options, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "in use"));
}

static void a_model_that_does_not_load_is_said(void **state)
{
    (void)state;
    struct err err;
    struct service *service;
    const struct service_options options = {.model = DIPTYCH_SCRATCH "/nothing"};
    assert_int_equal(service_open(&service, &options, &err), 0);
    assert_int_equal(service_wait(service, &err), ERR_IO);
    static const char *const paths[] = {"/health", "/ready"};
    for (size_t i = 0; i < 2; i++) {
        struct answer answer = client_once(service_port(service), "GET", paths[i], NULL, NULL);
        assert_int_equal(answer.status, 503);
        assert_non_null(strstr(answer.body, "/nothing"));
        answer_release(&answer);
    }
    struct answer answer =
        client_once(service_port(service), "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
    assert_int_equal(answer.status, 503);
    answer_release(&answer);
    service_close(service, 0);
}

/* ---- clients that go ----------------------------------------------------------------------------------- */

static size_t metric(const char *name)
{
    struct answer answer = client_once(served.port, "GET", "/metrics", NULL, NULL);
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(answer.body, line);
    assert_non_null(at);
    const size_t value = strtoull(at + strlen(line), NULL, 10);
    answer_release(&answer);
    return value;
}

/* Requests cut off at every byte, and answers nobody reads: nothing is left of them. */
static void clients_that_go_leave_nothing(void **state)
{
    (void)state;
    const char *text = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: 14\r\n\r\n{\"input\": \"a\"}";
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        const int fd = client_connect(served.port);
        client_send(fd, text, cut);
        close(fd);
    }
    while (metric("diptych_requests_handled") > 1 || metric("diptych_requests_waiting") > 0 ||
           metric("diptych_connections") > 1 || metric("diptych_body_bytes") > 0)
        ;
    json_decref(post("/v1/embeddings", "{\"input\": \"a\"}", 200));
}

/* Two requests on one connection, the second sent before the first is answered. */
static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    const char *text =
        "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const int fd = client_connect(served.port);
    client_send(fd, text, strlen(text));
    struct answer first = client_read(fd);
    assert_int_equal(first.status, 200);
    answer_release(&first);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_bodies_are_told_why),
        cmocka_unit_test(deep_json_is_no_matter),
        cmocka_unit_test(many_values_are_too_many),
        cmocka_unit_test(methods_that_are_allowed_are_said),
        cmocka_unit_test(wrong_heads_have_their_status),
        cmocka_unit_test(fields_in_the_query_string_of_a_json_body_are_named),
        cmocka_unit_test(other_sites_names_are_refused),
        cmocka_unit_test(heads_that_say_two_things_are_refused),
        cmocka_unit_test(odd_heads_have_their_status),
        cmocka_unit_test(bodies_must_be_json),
        cmocka_unit_test(large_bodies_are_refused),
        cmocka_unit_test(values_have_a_limit),
        cmocka_unit_test(a_token_is_asked_for),
        cmocka_unit_test(the_world_needs_a_token),
        cmocka_unit_test(a_taken_port_is_said),
        cmocka_unit_test(a_model_that_does_not_load_is_said),
        cmocka_unit_test(clients_that_go_leave_nothing),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
