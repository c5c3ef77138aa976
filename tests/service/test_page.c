// SPDX-License-Identifier: Apache-2.0
/* The page's files as the service sends them; what the page does is page_test.py's. */
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE_BYTES = 60000 };

static const struct {
    const char *path, *type, *begins;
} files[] = {
    {"/", "text/html; charset=utf-8", "<!doctype html>"},
    {"/common.css", "text/css; charset=utf-8", "/* SPDX"},
    {"/page.css", "text/css; charset=utf-8", "/* SPDX"},
    {"/common.js", "text/javascript; charset=utf-8", "// SPDX"},
    {"/map.js", "text/javascript; charset=utf-8", "// SPDX"},
    {"/page.js", "text/javascript; charset=utf-8", "// SPDX"},
    {"/index-map.js", "text/javascript; charset=utf-8", "// SPDX"},
    {"/icon.svg", "image/svg+xml", "<!-- SPDX"},
};
enum { FILE_COUNT = sizeof files / sizeof *files };

static void expect_header(const struct answer *answer, const char *name, const char *expected)
{
    char value[512];
    if (!answer_header(answer, name, value, sizeof value) || !strstr(value, expected))
        fail_msg("no %s: %s in\n%s", name, expected, answer->head);
}

static void its_files_come_with_their_headers(void **state)
{
    (void)state;
    size_t bytes = 0;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct answer answer = client_once(served.port, "GET", files[i].path, NULL, NULL);
        assert_int_equal(answer.status, 200);
        assert_memory_equal(answer.body, files[i].begins, strlen(files[i].begins));
        expect_header(&answer, "Content-Type", files[i].type);
        expect_header(&answer, "X-Content-Type-Options", "nosniff");
        expect_header(&answer, "Referrer-Policy", "no-referrer");
        expect_header(
            &answer, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self';");
        expect_header(&answer, "Content-Security-Policy", "frame-ancestors 'none'");
        bytes += answer.size;
        answer_release(&answer);
    }
    assert_in_range(bytes, 1, PAGE_BYTES);
}

static void a_policy_without_exceptions(void **state)
{
    (void)state;
    char policy[512];
    struct answer answer = client_once(served.port, "GET", "/", NULL, NULL);
    assert_non_null(answer_header(&answer, "Content-Security-Policy", policy, sizeof policy));
    assert_null(strstr(policy, "unsafe"));
    assert_null(strstr(policy, "http"));
    assert_null(strstr(policy, "*"));
    /* and nothing in the page that it would stop */
    assert_null(strstr(answer.body, "<style"));
    assert_null(strstr(answer.body, " style="));
    assert_null(strstr(answer.body, " onclick="));
    assert_null(strstr(answer.body, "<script>"));
    answer_release(&answer);
}

static void what_a_browser_has_is_not_sent_again(void **state)
{
    (void)state;
    char tags[FILE_COUNT][128], header[1024];
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct answer answer = client_once(served.port, "GET", files[i].path, NULL, NULL);
        assert_non_null(answer_header(&answer, "ETag", tags[i], sizeof tags[i]));
        answer_release(&answer);
        snprintf(header, sizeof header, "If-None-Match: %.127s\r\n", tags[i]);
        answer = client_once(served.port, "GET", files[i].path, header, NULL);
        assert_int_equal(answer.status, 304);
        assert_int_equal(answer.size, 0);
        expect_header(&answer, "ETag", tags[i]);
        answer_release(&answer);
        answer = client_once(served.port, "GET", files[i].path, "If-None-Match: \"other\"\r\n", NULL);
        assert_int_equal(answer.status, 200);
        answer_release(&answer);
    }
    assert_string_not_equal(tags[0], tags[1]);
    assert_string_not_equal(tags[1], tags[2]);
}

/* Of the page's own, each href and src in the HTML, relative to it. */
static void every_address_in_it_is_answered(void **state)
{
    (void)state;
    static const char *const names[] = {" href=\"", " src=\""};
    struct answer page = client_once(served.port, "GET", "/", NULL, NULL);
    size_t count = 0;
    for (size_t n = 0; n < 2; n++)
        for (const char *at = page.body; (at = strstr(at, names[n]));) {
            at += strlen(names[n]);
            const int length = (int)strcspn(at, "\"");
            if (*at == '#' || *at == '?' || !strncmp(at, "data:", 5))
                continue;
            char path[128];
            snprintf(path, sizeof path, "/%.*s", length, at);
            struct answer answer = client_once(served.port, "GET", path, NULL, NULL);
            if (answer.status != 200)
                fail_msg("GET %s: %d", path, answer.status);
            answer_release(&answer);
            count++;
        }
    assert_in_range(count, 3, 10);
    answer_release(&page);
}

static void it_needs_no_token(void **state)
{
    (void)state;
    struct service *service = served_with((struct service_options){.token = "secret"});
    const int port = service_port(service);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct answer answer = client_once(port, "GET", files[i].path, NULL, NULL);
        assert_int_equal(answer.status, 200);
        answer_release(&answer);
    }
    struct answer answer = client_once(port, "GET", "/v1/models", NULL, NULL);
    assert_int_equal(answer.status, 401);
    answer_release(&answer);
    service_close(service, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_files_come_with_their_headers),
        cmocka_unit_test(a_policy_without_exceptions),
        cmocka_unit_test(what_a_browser_has_is_not_sent_again),
        cmocka_unit_test(every_address_in_it_is_answered),
        cmocka_unit_test(it_needs_no_token),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
