// SPDX-License-Identifier: Apache-2.0
/* The map of an index against embedding_map of its vectors, and searches in a part of it. */
#include "tests/service/served.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include <cmocka.h>

#define MAP "/v1/index/map?kind=image"

/* The bytes of an array of the map, of which it must have so many. */
static void read_array(void *out, const json_t *map, const char *name, size_t size)
{
    const char *text = json_string_value(json_object_get(map, name));
    uint8_t bytes[1024];
    size_t length = sizeof bytes;
    struct base64_decode_ctx decode;
    assert_non_null(text);
    base64_decode_init(&decode);
    assert_true(base64_decode_update(&decode, &length, bytes, strlen(text), text));
    assert_true(base64_decode_final(&decode));
    assert_int_equal(length, size);
    memcpy(out, bytes, size);
}

/* The answer, and its ETag where there is room for it. */
static json_t *get_map(const char *path, char *tag)
{
    struct answer answer = client_once(served.port, "GET", path, NULL, NULL);
    if (answer.status != 200)
        fail_msg("GET %s: %d: %s", path, answer.status, answer.body);
    if (tag)
        assert_non_null(answer_header(&answer, "ETag", tag, 128));
    json_t *map = json_loads(answer.body, 0, NULL);
    answer_release(&answer);
    assert_non_null(map);
    return map;
}

static void the_map_is_the_librarys(void **state)
{
    (void)state;
    struct err err;
    float points[2 * PICTURE_COUNT], x[PICTURE_COUNT], y[PICTURE_COUNT];
    double explained[2];
    int64_t ids[PICTURE_COUNT];
    json_t *map = get_map(MAP, NULL);
    assert_int_equal(
        embedding_map(points, explained, &served.pictures[0][0], PICTURE_COUNT, WIDTH, 1, NULL, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(map, "count")), PICTURE_COUNT);
    assert_string_equal(json_string_value(json_object_get(map, "kind")), "image");
    read_array(ids, map, "ids", sizeof ids);
    read_array(x, map, "x", sizeof x);
    read_array(y, map, "y", sizeof y);
    for (size_t i = 0; i < PICTURE_COUNT; i++) {
        assert_int_equal(ids[i], i + 1);
        assert_true(fabsf(x[i] - points[2 * i]) < 1e-5f);
        assert_true(fabsf(y[i] - points[2 * i + 1]) < 1e-5f);
    }
    const json_t *shares = json_object_get(map, "explained");
    for (size_t p = 0; p < 2; p++)
        assert_true(fabs(json_number_value(json_array_get(shares, p)) - explained[p]) < 1e-5);
    json_decref(map);
    map = get_map("/v1/index/map?index=pictures", NULL);
    assert_int_equal(json_integer_value(json_object_get(map, "count")), PICTURE_COUNT + 1);
    json_decref(map);
}

/* Who has it is not sent it again, until there is another. */
static void it_changes_with_the_index(void **state)
{
    (void)state;
    char tag[128], other[128], header[256];
    struct err err;
    struct index *index;
    json_decref(get_map(MAP, tag));
    snprintf(header, sizeof header, "If-None-Match: %s\r\n", tag);
    struct answer answer = client_once(served.port, "GET", MAP, header, NULL);
    assert_int_equal(answer.status, 304);
    answer_release(&answer);

    assert_int_equal(index_open(&index, INDEX, INDEX_WRITE, NULL, &err), 0);
    struct index_item item = {.kind = INDEX_IMAGE, .path = PICTURES "/none.png"};
    assert_int_equal(index_add(index, &item, served.pictures[0], 1, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    json_t *map = get_map(MAP, other);
    assert_int_equal(json_integer_value(json_object_get(map, "count")), PICTURE_COUNT + 1);
    assert_string_not_equal(other, tag);
    json_decref(map);
    assert_int_equal(index_remove(index, item.id, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
    map = get_map(MAP, tag);
    assert_int_equal(json_integer_value(json_object_get(map, "count")), PICTURE_COUNT);
    assert_string_not_equal(other, tag);
    json_decref(map);
}

/* The ids of what a search finds within these sides, all of it pictures; returns how many. */
static size_t search_region(
    int64_t *ids, double left, double bottom, double right, double top, const char *more)
{
    char body[512];
    snprintf(body, sizeof body,
        "{\"text\": \"a heart\", \"kind\": \"image\", \"region\": [%.9g, %.9g, %.9g, %.9g]%s}", left, bottom,
        right, top, more);
    json_t *answer = post("/v1/search", body, 200);
    const json_t *hits = json_object_get(answer, "hits");
    const size_t count = json_array_size(hits);
    for (size_t i = 0; i < count; i++)
        ids[i] = json_integer_value(json_object_get(json_object_get(json_array_get(hits, i), "item"), "id"));
    assert_true((size_t)json_integer_value(json_object_get(answer, "searched")) >= count);
    json_decref(answer);
    return count;
}

static void a_search_keeps_to_its_part(void **state)
{
    (void)state;
    float x[PICTURE_COUNT], y[PICTURE_COUNT];
    int64_t ids[PICTURE_COUNT + 1];
    json_t *map = get_map(MAP, NULL);
    read_array(x, map, "x", sizeof x);
    read_array(y, map, "y", sizeof y);
    json_decref(map);
    assert_int_equal(search_region(ids, -9, -9, 9, 9, ""), PICTURE_COUNT);
    assert_int_equal(search_region(ids, 8, 8, 9, 9, ""), 0);
    for (size_t i = 0; i < PICTURE_COUNT; i++) {
        assert_int_equal(search_region(ids, x[i] - 1e-4, y[i] - 1e-4, x[i] + 1e-4, y[i] + 1e-4, ""), 1);
        assert_int_equal(ids[0], i + 1);
    }
    size_t left = 0;
    for (size_t i = 0; i < PICTURE_COUNT; i++)
        left += x[i] < 0;
    assert_int_equal(search_region(ids, -9, -9, 0, 9, ""), left);
    for (size_t i = 0; i < left; i++)
        assert_true(x[ids[i] - 1] < 0);
    /* with other conditions */
    char id[64];
    snprintf(id, sizeof id, ", \"where\": \"id = %lld\"", (long long)ids[0]);
    assert_int_equal(search_region(ids, -9, -9, 0, 9, id), 1);
    assert_int_equal(search_region(ids, 0, -9, 9, 9, id), 0);
}

/* An index in the place of this one, with a picture more: its files have the names of this one's. */
static void make_another(void)
{
    struct err err;
    struct index *index;
    char fingerprint[FINGERPRINT_SIZE], path[4096];
    assert_int_equal(model_directory_fingerprint(fingerprint, MODEL, &err), 0);
    const struct index_options options = {.model = "frozen",
        .fingerprint = fingerprint,
        .width = WIDTH,
        .storage = INDEX_F32,
        .preparation = "model"};
    assert_int_equal(index_create(&index, INDEX ".new", &options, &err), 0);
    for (size_t i = 0; i <= PICTURE_COUNT; i++) {
        snprintf(path, sizeof path, PICTURES "/another-%zu.png", i);
        struct index_item item = {.kind = INDEX_IMAGE, .path = path};
        assert_int_equal(index_add(index, &item, served.pictures[i % PICTURE_COUNT], 1, &err), 0);
    }
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
}

static void an_index_made_anew_has_a_map_of_its_own(void **state)
{
    (void)state;
    int64_t ids[PICTURE_COUNT + 1];
    assert_int_equal(search_region(ids, -9, -9, 9, 9, ""), PICTURE_COUNT);
    make_another();
    assert_int_equal(rename(INDEX, INDEX ".kept"), 0);
    assert_int_equal(rename(INDEX ".new", INDEX), 0);
    assert_int_equal(search_region(ids, -9, -9, 9, 9, ""), PICTURE_COUNT + 1);
    assert_int_equal(rename(INDEX, INDEX ".new"), 0);
    assert_int_equal(rename(INDEX ".kept", INDEX), 0);
    assert_int_equal(search_region(ids, -9, -9, 9, 9, ""), PICTURE_COUNT);
}

static void what_it_cannot_do_it_says(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[1, 2, 3]", "[1, 2, 3, 4, 5]", "[1, 2, 3, \"4\"]", "\"all\"", "{}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"text\": \"a\", \"region\": %s}", bodies[i]);
        json_t *answer = post("/v1/search", body, 400);
        assert_non_null(strstr(
            json_string_value(json_object_get(json_object_get(answer, "error"), "message")), "'region'"));
        json_decref(answer);
    }
    static const struct {
        const char *path;
        int status;
    } wrong[] = {{"/v1/index/map?kind=film", 400}, {"/v1/index/map?index=none", 404},
        {"/v1/index/map?kind=text", 400} /* one text makes no map */};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answer answer = client_once(served.port, "GET", wrong[i].path, NULL, NULL);
        if (answer.status != wrong[i].status)
            fail_msg("GET %s: %d: %s", wrong[i].path, answer.status, answer.body);
        char tag[128]; /* of the map that there would be */
        assert_null(answer_header(&answer, "ETag", tag, sizeof tag));
        answer_release(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_is_the_librarys),
        cmocka_unit_test(it_changes_with_the_index),
        cmocka_unit_test(a_search_keeps_to_its_part),
        cmocka_unit_test(an_index_made_anew_has_a_map_of_its_own),
        cmocka_unit_test(what_it_cannot_do_it_says),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
