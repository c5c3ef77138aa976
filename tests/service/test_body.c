// SPDX-License-Identifier: Apache-2.0
/* Bodies that are forms or pictures mean what the same bodies do in JSON. */
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FORM "multipart/form-data; boundary=AaB03x"

/* ---- bodies -------------------------------------------------------------------------------------------- */

struct body {
    FILE *stream;
    char *bytes;
    size_t size;
};

static void body_begin(struct body *body)
{
    *body = (struct body){0};
    body->stream = open_memstream(&body->bytes, &body->size);
    assert_non_null(body->stream);
}

static void put_file(struct body *body, const char *path)
{
    struct err err;
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, path, 1 << 24, &err), 0);
    fwrite(bytes, 1, size, body->stream);
    free(bytes);
}

static void put_field(struct body *body, const char *name, const char *value)
{
    fprintf(
        body->stream, "--AaB03x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, value);
}

static void put_picture(struct body *body, const char *name, const char *path)
{
    fprintf(body->stream,
        "--AaB03x\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"a.png\"\r\n"
        "Content-Type: image/png\r\n\r\n",
        name);
    put_file(body, path);
    fprintf(body->stream, "\r\n");
}

/* Sends the body and releases it. The answer as JSON. */
static json_t *send_body(
    struct body *body, const char *path, const char *type, const char *headers, int status)
{
    char head[1024];
    assert_int_equal(fclose(body->stream), 0);
    const int length = snprintf(head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n", path,
        type, headers, body->size);
    const int fd = client_connect(served.port);
    client_send(fd, head, (size_t)length);
    client_send(fd, body->bytes, body->size);
    struct answer answer = client_read(fd);
    close(fd);
    free(body->bytes);
    if (answer.status != status)
        fail_msg("POST %s: %d, expected %d: %s", path, answer.status, status, answer.body ? answer.body : "");
    json_t *value = json_loads(answer.body, 0, NULL);
    assert_non_null(value);
    answer_release(&answer);
    return value;
}

static json_t *send_form(struct body *body, const char *path, int status)
{
    fprintf(body->stream, "--AaB03x--\r\n");
    return send_body(body, path, FORM, "", status);
}

static json_t *send_picture(const char *picture, const char *path, int status)
{
    struct body body;
    body_begin(&body);
    put_file(&body, picture);
    return send_body(&body, path, "image/png", "", status);
}

/* What is posted as JSON, with "%s" in it for the base64 of a picture, answers the same but for what no two answers have
 * in common. Takes over the answer. */
static void expect_as_json(json_t *answer, const char *path, const char *format, const char *picture)
{
    char *base64 = base64_file(picture), *text;
    assert_true(asprintf(&text, format, base64, base64) > 0);
    json_t *expected = post(path, text, 200);
    json_t *const both[] = {answer, expected};
    for (size_t i = 0; i < 2; i++) {
        json_object_del(both[i], "id");
        json_object_del(both[i], "created");
    }
    if (!json_equal(answer, expected)) {
        char *got = json_dumps(answer, 0), *wanted = json_dumps(expected, 0);
        fail_msg("%s: %s, expected %s", path, got, wanted);
    }
    json_decref(answer);
    json_decref(expected);
    free(text);
    free(base64);
}

/* ---- forms --------------------------------------------------------------------------------------------- */

static void forms_are_as_json(void **state)
{
    (void)state;
    const char *const picture = served.paths[1];
    struct body body;
    body_begin(&body);
    put_picture(&body, "input", picture);
    put_field(&body, "input", "a red heart");
    put_picture(&body, "input", picture);
    expect_as_json(send_form(&body, "/v1/embeddings", 200), "/v1/embeddings",
        "{\"input\": [{\"image\": \"%s\"}, \"a red heart\", {\"image\": \"%s\"}]}", picture);

    body_begin(&body);
    put_field(&body, "labels", "heart");
    put_field(&body, "labels", "st\303\244r");
    put_field(&body, "top", "1");
    put_picture(&body, "input", picture);
    expect_as_json(send_form(&body, "/v1/classify", 200), "/v1/classify",
        "{\"input\": {\"image\": \"%s\"}, \"labels\": [\"heart\", \"st\303\244r\"], \"top\": 1}", picture);

    body_begin(&body);
    put_picture(&body, "image", picture);
    put_field(&body, "captions", "7");
    put_field(&body, "captions", "a red heart");
    put_field(&body, "captions", "true");
    expect_as_json(send_form(&body, "/v1/rank", 200), "/v1/rank",
        "{\"image\": \"%s\", \"captions\": [\"7\", \"a red heart\", \"true\"]}", picture);

    body_begin(&body);
    put_field(&body, "terms", "[{\"text\": \"people\", \"weight\": -0.5}]");
    put_field(&body, "min_score", "-0.5");
    put_field(&body, "kind", "image");
    put_field(&body, "where", "id > 1");
    put_field(&body, "region", "[-9, -9, 9, 9]");
    put_picture(&body, "image", picture);
    expect_as_json(send_form(&body, "/v1/search", 200), "/v1/search",
        "{\"image\": \"%s\", \"terms\": [{\"text\": \"people\", \"weight\": -0.5}], \"min_score\": -0.5, "
        "\"kind\": \"image\", \"where\": \"id > 1\", \"region\": [-9, -9, 9, 9]}",
        picture);

    body_begin(&body); /* no picture at all */
    put_field(&body, "text", "a red heart");
    put_field(&body, "top", "2");
    expect_as_json(send_form(&body, "/v1/search", 200), "/v1/search",
        "{\"text\": \"a red heart\", \"top\": 2}", picture);
}

static void expect_refused(json_t *answer, const char *text)
{
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    if (!message || !strstr(message, text))
        fail_msg("'%s' is not in '%s'", text, message ? message : "");
    json_decref(answer);
}

static void mistakes_in_forms_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *message;
    } fields[] = {
        {"text", "\377", "'text' is not UTF-8"},
        {"top", "many", "'top' is no JSON"},
        {"top", "0", "'top' is no whole number"},
        {"colour", "red", "'colour' is not known here"},
        {"\377", "x", "is not UTF-8"},
    };
    struct body body;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        body_begin(&body);
        put_field(&body, fields[i].name, fields[i].value);
        expect_refused(send_form(&body, "/v1/search", 400), fields[i].message);
    }
    body_begin(&body);
    put_picture(&body, "text", served.paths[0]);
    expect_refused(send_form(&body, "/v1/search", 400), "'text' is a file, which only 'image' can be");
    body_begin(&body);
    put_field(&body, "text", "x");
    expect_refused(
        send_body(&body, "/v1/search", FORM, "", 400), "part 0 of the form"); /* its end is missing */
    body_begin(&body);
    fprintf(body.stream, "--AaB03x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na%cb\r\n", 0);
    expect_refused(send_form(&body, "/v1/search", 400), "'text' has a NUL in it");
    body_begin(&body);
    put_picture(&body, "image", served.paths[0]);
    put_picture(&body, "image", served.paths[0]);
    expect_refused(send_form(&body, "/v1/search", 400), "'image' is no text");
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void pictures_take_their_parameters_from_the_address(void **state)
{
    (void)state;
    const char *const picture = served.paths[3];
    expect_as_json(send_picture(picture, "/v1/search?top=2&kind=image&where=id%20%3E%201", 200), "/v1/search",
        "{\"image\": \"%s\", \"top\": 2, \"kind\": \"image\", \"where\": \"id > 1\"}", picture);
    expect_as_json(send_picture(picture, "/v1/embeddings", 200), "/v1/embeddings",
        "{\"input\": {\"image\": \"%s\"}}", picture);
    expect_as_json(send_picture(picture, "/v1/classify?labels=a+heart&labels=star", 200), "/v1/classify",
        "{\"input\": {\"image\": \"%s\"}, \"labels\": [\"a heart\", \"star\"]}", picture);
    expect_as_json(send_picture(picture, "/v1/rank?captions=x&captions=y", 200), "/v1/rank",
        "{\"image\": \"%s\", \"captions\": [\"x\", \"y\"]}", picture);
    expect_refused(send_picture(picture, "/v1/search?colour=red", 400), "'colour' is not known here");
    expect_refused(send_picture(picture, "/v1/search?top=", 400), "'top' is no JSON");
    expect_refused(send_picture(DIPTYCH_ROOT "/README.md", "/v1/search", 400), "not a picture");
}

/* A string of JSON cannot be the one that stands for a picture. */
static void only_pictures_are_pictures(void **state)
{
    (void)state;
    expect_refused(post("/v1/search", "{\"image\": \"data:image/*;base64,\"}", 400), "empty");
    struct body body;
    body_begin(&body);
    put_field(&body, "image", "data:image/*;base64,");
    expect_refused(send_form(&body, "/v1/search", 400), "empty");
    body_begin(&body); /* nor one beside it */
    put_picture(&body, "image", served.paths[0]);
    put_field(&body, "terms", "[{\"image\": \"data:image/*;base64,\"}]");
    expect_refused(send_form(&body, "/v1/search", 400), "empty");
}

static void a_picture_can_be_added_as_it_is(void **state)
{
    (void)state;
    struct body body;
    body_begin(&body);
    put_picture(&body, "image", DIPTYCH_ROOT "/assets/pictures/09.png");
    put_field(&body, "caption", "the ninth");
    put_field(&body, "metadata", "{\"by\": \"me\"}");
    json_t *added = send_form(&body, "/v1/items", 200);
    const json_t *one = json_array_get(json_object_get(added, "data"), 0);
    char path[64];
    snprintf(path, sizeof path, "/v1/items/%lld", (long long)json_integer_value(json_object_get(one, "id")));
    struct answer answer = client_once(served.port, "GET", path, NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"caption\":\"the ninth\""));
    assert_non_null(strstr(answer.body, "\"metadata\":{\"by\":\"me\"}"));
    answer_release(&answer);
    json_t *again =
        send_picture(DIPTYCH_ROOT "/assets/pictures/09.png", "/v1/items?caption=the%20ninth", 200);
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(again, "data"), 0), "new")));
    json_decref(again);
    json_decref(added);
}

/* ---- who and what is let in ---------------------------------------------------------------------------- */

static void other_types_are_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"text/plain", "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=a", "multipart/form-datax; boundary=a", "application/jsonx", "image/",
        "application/octet-stream"};
    static const char *const paths[] = {
        "/v1/embeddings", "/v1/classify", "/v1/rank", "/v1/search", "/v1/items"};
    struct body body;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t j = 0; j < sizeof paths / sizeof *paths; j++) {
            body_begin(&body);
            fputs("{\"text\": \"x\"}", body.stream);
            expect_refused(
                send_body(&body, paths[j], types[i], "", 415), "the body must be JSON, a form or a picture");
        }
    body_begin(&body);
    put_file(&body, served.paths[0]);
    json_decref(send_body(&body, "/embed", "image/png", "", 415)); /* another service's, which takes JSON */
}

/* A page of another site can send a form without asking first: a browser says where it comes from. */
static void forms_of_other_sites_are_refused(void **state)
{
    (void)state;
    static const char *const origins[] = {"Origin: http://evil.example\r\n", "Origin: null\r\n"};
    struct body body;
    for (size_t i = 0; i < 2; i++) {
        body_begin(&body);
        put_field(&body, "text", "x");
        fprintf(body.stream, "--AaB03x--\r\n");
        expect_refused(send_body(&body, "/v1/search", FORM, origins[i], 403), "other sites");
    }
    body_begin(&body);
    put_field(&body, "text", "x");
    fprintf(body.stream, "--AaB03x--\r\n");
    json_decref(send_body(&body, "/v1/search", FORM, "Origin: http://localhost\r\n", 200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_as_json),
        cmocka_unit_test(mistakes_in_forms_are_named),
        cmocka_unit_test(pictures_take_their_parameters_from_the_address),
        cmocka_unit_test(only_pictures_are_pictures),
        cmocka_unit_test(a_picture_can_be_added_as_it_is),
        cmocka_unit_test(other_types_are_refused),
        cmocka_unit_test(forms_of_other_sites_are_refused),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
