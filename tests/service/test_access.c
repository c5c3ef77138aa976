// SPDX-License-Identifier: Apache-2.0
/* Who may ask for what: tokens, logging in, networks, and paths below another. */
#include "service/network.h"
#include "tests/service/served.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int status_of(int port, const char *method, const char *path, const char *headers, const char *body)
{
    struct answer answer = client_once(port, method, path, headers, body);
    const int status = answer.status;
    answer_release(&answer);
    return status;
}

static void expect(int port, const char *method, const char *path, const char *headers, int status)
{
    const int got = status_of(port, method, path, headers, NULL);
    if (got != status)
        fail_msg("%s %s with %s: %d, expected %d", method, path, headers ? headers : "nothing", got, status);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

#define BEARER "Authorization: Bearer "

static void reading_and_writing_have_tokens_of_their_own(void **state)
{
    (void)state;
    static const char *const headers[] = {
        NULL, BEARER "r-token\r\n", BEARER " w-token\r\n", BEARER "w-toke\r\n", BEARER "\r\n"};
    static const struct {
        struct service_options options;
        int reads[5], writes[5]; /* by the headers */
    } cases[] = {
        {{0}, {200, 200, 200, 200, 200}, {200, 200, 200, 200, 200}},
        {{.token = "r-token"}, {401, 200, 401, 401, 401}, {401, 403, 401, 401, 401}},
        {{.write_token = "w-token"}, {200, 200, 200, 200, 200}, {401, 401, 200, 401, 401}},
        {{.token = "r-token", .write_token = "w-token"}, {401, 200, 200, 401, 401},
            {401, 403, 200, 401, 401}},
        {{.unix_path = DIPTYCH_SCRATCH "/access.socket"}, {200, 200, 200, 200, 200},
            {403, 403, 403, 403, 403}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service *service = served_with(cases[i].options);
        for (size_t h = 0; h < sizeof headers / sizeof *headers; h++) {
            static const char *const asks[][2] = {{"GET", "/v1/models"}, {"POST", "/v1/reload"}};
            for (size_t a = 0; a < 2; a++) {
                const int expected = (a ? cases[i].writes : cases[i].reads)[h];
                const int fd = cases[i].options.unix_path ? client_connect_unix(cases[i].options.unix_path)
                                                          : client_connect(service_port(service));
                struct answer answer = client_ask(fd, asks[a][0], asks[a][1], headers[h], a ? "" : NULL);
                char scheme[64];
                if (answer.status != expected)
                    fail_msg("options %zu, header %zu, %s: %d, expected %d", i, h, asks[a][1], answer.status,
                        expected);
                assert_int_equal(
                    !!answer_header(&answer, "WWW-Authenticate", scheme, sizeof scheme), expected == 401);
                answer_release(&answer);
                close(fd);
            }
        }
        service_close(service, 0);
    }
}

/* A proxy on this machine passes other machines' requests on, under a name that was let in. */
static void who_comes_by_a_proxys_name_may_not_write(void **state)
{
    (void)state;
    static const char *const hosts[] = {"photos.example"};
    struct service *service = served_with((struct service_options){.hosts = hosts, .host_count = 1});
    const char *text = "POST /v1/reload HTTP/1.1\r\nHost: photos.example\r\nContent-Length: 0\r\n\r\n";
    const int fd = client_connect(service_port(service));
    client_send(fd, text, strlen(text));
    struct answer answer = client_read(fd);
    assert_int_equal(answer.status, 403);
    answer_release(&answer);
    close(fd);
    service_close(service, 0);
}

static void tokens_can_be_replaced(void **state)
{
    (void)state;
    static const char path[] = DIPTYCH_SCRATCH "/rotated";
    struct err err;
    write_file(path, "first\r\nnot this\n");
    struct service *service = served_with((struct service_options){.token_file = path});
    const int port = service_port(service);
    expect(port, "GET", "/v1/models", BEARER "first\r\n", 200);
    write_file(path, "second\n");
    expect(port, "GET", "/v1/models", BEARER "first\r\n", 200);
    assert_int_equal(service_reload(service, &err), 0);
    expect(port, "GET", "/v1/models", BEARER "first\r\n", 401);
    expect(port, "GET", "/v1/models", BEARER "second\r\n", 200);
    write_file(path, "\n");
    assert_int_equal(service_reload(service, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, path));
    remove(path);
    assert_int_equal(service_reload(service, &err), ERR_IO);
    expect(port, "GET", "/v1/models", BEARER "second\r\n", 200);
    service_close(service, 0);
}

static void tokens_that_no_header_can_say_are_refused(void **state)
{
    (void)state;
    static const struct service_options wrong[] = {{.token = ""}, {.token = "two words"},
        {.write_token = "tab\t"}, {.token = "same", .write_token = "same"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err;
        struct service *service;
        struct service_options options = wrong[i];
        options.model = MODEL;
        assert_int_equal(service_open(&service, &options, &err), ERR_ARGUMENT);
        assert_non_null(strstr(err.msg, "token"));
        assert_null(strstr(err.msg, "two words"));
    }
}

/* ---- logging in ---------------------------------------------------------------------------------------- */

#define ORIGIN "Origin: http://localhost\r\n"

/* Logs in with a token; *cookie is a line of headers. */
static struct answer log_in(int port, const char *token, const char *headers, char cookie[256])
{
    char body[128], set[256] = "";
    snprintf(body, sizeof body, "{\"token\": \"%s\"}", token);
    const struct answer answer = client_once(port, "POST", "/v1/login", headers, body);
    answer_header(&answer, "Set-Cookie", set, sizeof set);
    snprintf(cookie, 256, "Cookie: other=1; %.*s; more=2\r\n", (int)strcspn(set, ";"), set);
    return answer;
}

static void a_cookie_stands_for_the_token(void **state)
{
    (void)state;
    struct service *service =
        served_with((struct service_options){.token = "r-token", .write_token = "w-token"});
    const int port = service_port(service);
    char cookie[256], text[512];
    static const struct {
        const char *token, *says;
        int writes;
    } tokens[] = {{"r-token", "{\"access\":\"read\"}", 403}, {"w-token", "{\"access\":\"write\"}", 200}};
    for (size_t i = 0; i < 2; i++) {
        struct answer answer = log_in(port, tokens[i].token, ORIGIN, cookie);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, tokens[i].says);
        answer_header(&answer, "Set-Cookie", text, sizeof text);
        assert_non_null(strstr(text, "; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"));
        assert_null(strstr(text, "Secure"));
        assert_null(strstr(text, "token"));
        answer_release(&answer);
        expect(port, "GET", "/v1/models", cookie, 200);
        struct answer said = client_once(port, "GET", "/v1/login", cookie, NULL);
        assert_string_equal(said.body, tokens[i].says);
        answer_release(&said);
        snprintf(text, sizeof text, "%s" ORIGIN, cookie);
        expect(port, "POST", "/v1/reload", text, tokens[i].writes);
        answer = client_once(port, "POST", "/v1/logout", text, "");
        assert_int_equal(answer.status, 204);
        assert_non_null(answer_header(&answer, "Set-Cookie", text, sizeof text));
        assert_non_null(strstr(text, "Max-Age=0"));
        answer_release(&answer);
        expect(port, "GET", "/v1/models", cookie, 401);
    }
    expect(port, "GET", "/v1/login", NULL, 401);
    struct answer wrong = log_in(port, "x-token", ORIGIN, cookie);
    assert_int_equal(wrong.status, 401);
    assert_null(answer_header(&wrong, "Set-Cookie", text, sizeof text));
    answer_release(&wrong);
    assert_int_equal(status_of(port, "POST", "/v1/login", NULL, "{\"token\": 1}"), 400);
    assert_int_equal(status_of(port, "POST", "/v1/login", NULL, "{}"), 400);
    expect(port, "GET", "/v1/models", "Cookie: diptych=\r\n", 401);
    expect(port, "GET", "/v1/models", "Cookie: diptych=r-token\r\n", 401);
    service_close(service, 0);
}

/* A browser sends it with requests that others' pages make, where it thinks that they are of the same site. */
static void a_cookie_counts_for_our_page_alone(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *more;
        int status;
    } asks[] = {
        {"POST", "/v1/reload", ORIGIN, 200},
        {"POST", "/v1/reload", "", 401},
        {"POST", "/v1/reload", "Origin: http://localhost:81\r\n", 403},
        {"POST", "/v1/reload", "Origin: null\r\n", 403},
        {"POST", "/v1/reload", ORIGIN "Sec-Fetch-Site: same-site\r\n", 401},
        {"GET", "/v1/models", "", 200},
        {"GET", "/v1/models", "Sec-Fetch-Site: same-origin\r\n", 200},
        {"GET", "/v1/models", "Sec-Fetch-Site: none\r\n", 200},
        {"GET", "/v1/models", "Sec-Fetch-Site: same-site\r\n", 401},
        {"GET", "/v1/models", "Sec-Fetch-Site: cross-site\r\n", 401},
    };
    struct service *service =
        served_with((struct service_options){.token = "r-token", .write_token = "w-token"});
    const int port = service_port(service);
    char cookie[256], headers[512];
    struct answer answer = log_in(port, "w-token", ORIGIN, cookie);
    answer_release(&answer);
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        snprintf(headers, sizeof headers, "%s%s", cookie, asks[i].more);
        expect(port, asks[i].method, asks[i].path, headers, asks[i].status);
    }
    service_close(service, 0);
}

static void new_tokens_end_what_old_ones_began(void **state)
{
    (void)state;
    static const char path[] = DIPTYCH_SCRATCH "/session-token";
    struct err err;
    char cookie[256];
    write_file(path, "first\n");
    struct service *service = served_with((struct service_options){.token_file = path});
    const int port = service_port(service);
    struct answer answer = log_in(port, "first", ORIGIN, cookie);
    answer_release(&answer);
    assert_int_equal(service_reload(service, &err), 0);
    expect(port, "GET", "/v1/models", cookie, 200);
    write_file(path, "second\n");
    assert_int_equal(service_reload(service, &err), 0);
    expect(port, "GET", "/v1/models", cookie, 401);
    service_close(service, 0);
}

/* The table of sessions is full at some time: the oldest goes. */
static void many_can_log_in(void **state)
{
    (void)state;
    enum { MANY = 257 };
    struct service *service = served_with((struct service_options){.token = "token"});
    char first[256], second[256], last[256];
    for (int i = 0; i < MANY; i++) {
        struct answer answer = log_in(service_port(service), "token", ORIGIN,
            i == 0   ? first
            : i == 1 ? second
                     : last);
        assert_int_equal(answer.status, 200);
        answer_release(&answer);
    }
    expect(service_port(service), "GET", "/v1/models", first, 401);
    expect(service_port(service), "GET", "/v1/models", second, 200);
    expect(service_port(service), "GET", "/v1/models", last, 200);
    service_close(service, 0);
}

static void a_cookie_is_secure_where_the_page_is(void **state)
{
    (void)state;
    struct service *service = served_with((struct service_options){.token = "token", .base_path = "/dip"});
    const char *body = "{\"token\": \"token\"}";
    char cookie[256];
    struct answer answer =
        client_once(service_port(service), "POST", "/dip/v1/login", "Origin: https://localhost\r\n", body);
    assert_int_equal(answer.status, 200);
    assert_non_null(answer_header(&answer, "Set-Cookie", cookie, sizeof cookie));
    assert_non_null(strstr(cookie, "; Secure"));
    assert_non_null(strstr(cookie, "; Path=/dip/;"));
    answer_release(&answer);
    service_close(service, 0);
}

struct log {
    char *text;
    size_t size;
    FILE *file;
};

static void note(void *context, const char *line)
{
    const struct log *log = context;
    fprintf(log->file, "%s\n", line);
}

static void no_secret_is_in_the_log(void **state)
{
    (void)state;
    struct log log = {0};
    log.file = open_memstream(&log.text, &log.size);
    struct service *service = served_with(
        (struct service_options){.token = "r-token", .write_token = "w-token", .log = note, .context = &log});
    const int port = service_port(service);
    char cookie[256], headers[512];
    struct answer answer = log_in(port, "w-token", ORIGIN, cookie);
    answer_release(&answer);
    answer = log_in(port, "x-token", ORIGIN, headers);
    answer_release(&answer);
    snprintf(headers, sizeof headers, "%s" BEARER "r-token\r\n", cookie);
    expect(port, "GET", "/v1/models?token=w-token", headers, 200);
    expect(port, "GET", "/v1/models", BEARER "y-token\r\n", 401);
    service_close(service, 0);
    assert_int_equal(fclose(log.file), 0);
    assert_non_null(strstr(log.text, "\"path\":\"/v1/login\",\"status\":200"));
    assert_non_null(strstr(log.text, "\"path\":\"/v1/login\",\"status\":401"));
    assert_null(strstr(log.text, "-token"));
    char *secret = strstr(cookie, "diptych=") + strlen("diptych=");
    secret[strcspn(secret, ";")] = '\0';
    assert_true(strlen(secret) == 64);
    assert_null(strstr(log.text, secret));
    free(log.text);
}

/* ---- networks ------------------------------------------------------------------------------------------ */

static bool lies_in(const char *network_text, const char *address)
{
    struct network network;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    assert_int_equal(network_parse(&network, network_text, NULL), 0);
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return network_has(&network, (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return network_has(&network, (struct sockaddr *)&v6);
}

static void networks_have_their_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool in;
    } cases[] = {
        {"192.168.1.0/24", "192.168.1.7", true},
        {"192.168.1.0/24", "192.168.2.7", false},
        {"192.168.1.9/24", "192.168.1.7", true},
        {"192.168.1.0/24", "::ffff:192.168.1.7", true},
        {"192.168.1.0/24", "::192.168.1.7", false},
        {"::ffff:192.168.1.0/120", "192.168.1.7", true},
        {"10.0.0.0/9", "10.127.1.1", true},
        {"10.0.0.0/9", "10.128.1.1", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"fd00::/8", "fd12:3456::1", true},
        {"fd00::/8", "fe80::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "127.0.0.1", false},
        {"::/0", "8.8.8.8", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (lies_in(cases[i].network, cases[i].address) != cases[i].in)
            fail_msg("%s in %s", cases[i].address, cases[i].network);
    struct network network;
    const struct sockaddr file = {.sa_family = AF_UNIX};
    assert_int_equal(network_parse(&network, "::/0", NULL), 0);
    assert_false(network_has(&network, &file));
    assert_false(network_has(&network, NULL));
}

static void what_is_no_network_is_said(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "/", "192.168.1.0/33", "192.168.1.0/", "192.168.1.0/-1",
        "192.168.1.0/ 8", "192.168.1", "192.168.1.0/24x", "fd00::/129", "fd00::/8/8", "localhost",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/8", "300.1.1.1",
        "192.168.1.0/18446744073709551640"};
    struct network network;
    struct err err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(network_parse(&network, wrong[i], &err), ERR_ARGUMENT);
        assert_non_null(strstr(err.msg, "is no network"));
    }
}

static void some_routes_are_open_to_networks(void **state)
{
    (void)state;
    static const char *const near[] = {"10.0.0.0/8", "127.0.0.0/30"}, *const far[] = {"10.0.0.0/8"};
    struct service *service =
        served_with((struct service_options){.token = "token", .networks = near, .network_count = 2});
    expect(service_port(service), "POST", "/predict", NULL, 415); /* it is no form, but it is looked at */
    expect(service_port(service), "GET", "/v1/models", NULL, 401);
    expect(service_port(service), "POST", "/v1/reload", NULL, 401);
    service_close(service, 0);
    service = served_with((struct service_options){.token = "token", .networks = far, .network_count = 1});
    expect(service_port(service), "POST", "/predict", NULL, 401);
    expect(service_port(service), "POST", "/predict", "X-Forwarded-For: 10.0.0.1\r\n", 401);
    service_close(service, 0);
}

/* ---- the base path ------------------------------------------------------------------------------------- */

static void all_lies_below_the_base_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
    } asks[] = {{"/a/b/", 200}, {"/a/b/page.js", 200}, {"/a/b/health", 200}, {"/a/b/v1/items/1", 200},
        {"/a/b/v1/items/1/thumbnail", 200}, {"/a/b", 308}, {"/a/b/nothing", 404}, {"/health", 404},
        {"/", 404}, {"/a/bhealth", 404}, {"/a/b//health", 404}, {"/A/b/health", 404}};
    struct service *service = served_with((struct service_options){.base_path = "/a/b"});
    char place[64];
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        expect(service_port(service), "GET", asks[i].path, NULL, asks[i].status);
    struct answer answer = client_once(service_port(service), "GET", "/a/b", NULL, NULL);
    assert_string_equal(answer_header(&answer, "Location", place, sizeof place), "/a/b/");
    answer_release(&answer);
    answer = client_once(service_port(service), "GET", "/a/b/openapi.json", NULL, NULL);
    assert_non_null(strstr(answer.body, "\"servers\":[{\"url\":\"/a/b\"}]"));
    answer_release(&answer);
    service_close(service, 0);
}

static void what_is_no_base_path_is_said(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a", "/", "/a/", "/a//b", "/a b", "/a;b", "/a\r\nb", "/%61"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err;
        struct service *service;
        const struct service_options options = {.model = MODEL, .base_path = wrong[i]};
        assert_int_equal(service_open(&service, &options, &err), ERR_ARGUMENT);
        assert_non_null(strstr(err.msg, "is no base path"));
    }
}

static void two_indexes_of_one_name_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"photos", "others", "photos"}, *const paths[] = {"a", "b", "c"};
    struct err err;
    struct service *service;
    const struct service_options options = {
        .model = MODEL, .index_names = names, .index_paths = paths, .index_count = 3};
    assert_int_equal(service_open(&service, &options, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "'a' and 'c' are both called 'photos'"));
}

/* JSON takes nothing else. A model's name is what its folder is called, an index can be given another. */
static void names_are_utf8(void **state)
{
    (void)state;
    static const char *const names[] = {"photos", "\351t\351"}, *const paths[] = {"a", "b"};
    struct err err;
    struct service *service;
    const struct service_options options = {
        .model = MODEL, .index_names = names, .index_paths = paths, .index_count = 2};
    assert_int_equal(service_open(&service, &options, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "the name of 'b' is not UTF-8"));

    service = served_with((struct service_options){.model_name = "\351t\351"});
    struct answer answer = client_once(service_port(service), "GET", "/v1/models", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\357\277\275t\357\277\275"));
    answer_release(&answer);
    service_close(service, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_writing_have_tokens_of_their_own),
        cmocka_unit_test(who_comes_by_a_proxys_name_may_not_write),
        cmocka_unit_test(tokens_can_be_replaced),
        cmocka_unit_test(tokens_that_no_header_can_say_are_refused),
        cmocka_unit_test(a_cookie_stands_for_the_token),
        cmocka_unit_test(a_cookie_counts_for_our_page_alone),
        cmocka_unit_test(new_tokens_end_what_old_ones_began),
        cmocka_unit_test(many_can_log_in),
        cmocka_unit_test(a_cookie_is_secure_where_the_page_is),
        cmocka_unit_test(no_secret_is_in_the_log),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(what_is_no_network_is_said),
        cmocka_unit_test(some_routes_are_open_to_networks),
        cmocka_unit_test(all_lies_below_the_base_path),
        cmocka_unit_test(what_is_no_base_path_is_said),
        cmocka_unit_test(two_indexes_of_one_name_are_refused),
        cmocka_unit_test(names_are_utf8),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
