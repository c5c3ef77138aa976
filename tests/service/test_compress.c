// SPDX-License-Identifier: Apache-2.0
/* Answers in gzip. */
#include "service/service_internal.h"
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void clients_say_what_they_take(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        bool wanted;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"gzip, deflate, br", true},
        {"deflate,gzip ; q=0.5", true},
        {"br;q=1.0, gzip;q=0.001", true},
        {"*", true},
        {"*;q=0.1", true},
        {"identity, *;q=0.5", false},
        {"gzip;q=0", false},
        {"gzip;q=0.000, *", false},
        {"*;q=0", false},
        {"br", false},
        {"gzipped", false},
        {"a-gzip", false},
        {"identity", false},
        {"identity;q=1, gzip;q=0.5", false},
        {"identity;q=0.5, gzip;q=1", true},
        {"identity;q=0, gzip;q=0.1", true},
        {",, ,gzip,", true},
        {";q=1,gzip;q=x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (compress_wanted(cases[i].accepted) != cases[i].wanted)
            fail_msg("'%s': %d", cases[i].accepted ? cases[i].accepted : "(none)", !cases[i].wanted);
}

static struct answer get(const char *path, const char *headers)
{
    return client_once(served.port, "GET", path, headers, NULL);
}

static void expect_header(const struct answer *answer, const char *name, const char *expected)
{
    char text[256];
    const char *value = answer_header(answer, name, text, sizeof text);
    if (!expected)
        assert_null(value);
    else
        assert_string_equal(value ? value : "(none)", expected);
}

static void texts_and_json_are_the_same_in_gzip(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/", "/page.js", "/page.css", "/openapi.json", "/v1/index/map?kind=image"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer plain = get(paths[i], ""), small = get(paths[i], "Accept-Encoding: gzip, br\r\n");
        char tag[128];
        assert_int_equal(plain.status, 200);
        expect_header(&plain, "Content-Encoding", NULL);
        if (plain.size < 1024) {
            expect_header(&small, "Content-Encoding", NULL);
            expect_header(&small, "Vary", NULL);
        } else {
            assert_true(small.size < plain.size / 2);
            answer_inflate(&small);
            assert_string_equal(small.body, plain.body);
            expect_header(&plain, "Vary", "Accept-Encoding");
            expect_header(&small, "Vary", "Accept-Encoding");
            expect_header(&small, "Content-Encoding", "gzip");
        }
        expect_header(&small, "ETag", answer_header(&plain, "ETag", tag, sizeof tag));
        answer_release(&plain);
        answer_release(&small);
    }
}

/* One tag for both forms, so it is weak; the 304 says what the 200 would. */
static void what_a_client_has_in_gzip_is_not_sent_again(void **state)
{
    (void)state;
    char tag[128], headers[256];
    struct answer answer = get("/page.js", "Accept-Encoding: gzip\r\n");
    assert_non_null(answer_header(&answer, "ETag", tag, sizeof tag));
    assert_memory_equal(tag, "W/\"", 3);
    answer_release(&answer);
    for (int weak = 0; weak < 2; weak++) {
        snprintf(headers, sizeof headers, "Accept-Encoding: gzip\r\nIf-None-Match: \"x\", %s\r\n",
            tag + 2 * !weak);
        answer = get("/page.js", headers);
        assert_int_equal(answer.status, 304);
        expect_header(&answer, "ETag", tag);
        expect_header(&answer, "Vary", "Accept-Encoding");
        expect_header(&answer, "Content-Encoding", NULL);
        answer_release(&answer);
    }
}

static void posts_are_compressed_too(void **state)
{
    (void)state;
    const char *const body = "{\"input\": [\"a red heart\", \"a blue star\"]}";
    struct answer plain = client_once(served.port, "POST", "/v1/embeddings", "", body),
                  small =
                      client_once(served.port, "POST", "/v1/embeddings", "Accept-Encoding: gzip\r\n", body);
    answer_inflate(&small);
    json_t *a = json_loads(plain.body, 0, NULL), *b = json_loads(small.body, 0, NULL);
    assert_true(a && b && json_equal(json_object_get(a, "data"), json_object_get(b, "data")));
    json_decref(a);
    json_decref(b);
    answer_release(&plain);
    answer_release(&small);
}

static void pictures_and_short_answers_go_as_they_are(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/v1/items/1/image", "/v1/items/1/thumbnail", "/health", "/v1/items/999"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer answer = get(paths[i], "Accept-Encoding: gzip\r\n");
        expect_header(&answer, "Content-Encoding", NULL);
        expect_header(&answer, "Vary", NULL);
        answer_release(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_say_what_they_take),
        cmocka_unit_test(texts_and_json_are_the_same_in_gzip),
        cmocka_unit_test(what_a_client_has_in_gzip_is_not_sent_again),
        cmocka_unit_test(posts_are_compressed_too),
        cmocka_unit_test(pictures_and_short_answers_go_as_they_are),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
