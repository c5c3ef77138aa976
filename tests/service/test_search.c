// SPDX-License-Identifier: Apache-2.0
/* Orders, cursors and near copies of POST /v1/search; tests/joint/collection/test_hits.c holds the lists themselves
 * against ones that are made the slow way. */
#include "joint/collection/collection.h"
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ADDED = 3 };
static int64_t added[ADDED]; /* ids: copies of item 1, a second apart */

static int open_all(void **state)
{
    static const char *const taken[ADDED] = {"2024-06-01 09:30:00.5+02:00", "2024-06-01 09:30:00", "1985-07"};
    struct err err;
    struct index *index;
    if (served_open(state) || index_open(&index, INDEX, INDEX_WRITE, NULL, &err))
        return -1;
    for (int i = 0; i < ADDED; i++) {
        char path[64];
        snprintf(path, sizeof path, "/a/copy%d \303\244.png", i);
        struct index_item item = {
            .kind = INDEX_IMAGE, .path = path, .taken = taken[i], .mtime_ns = (int64_t)(1 + i) * 1000000000};
        if (index_add(index, &item, served.pictures[0], 1, &err))
            return -1;
        added[i] = item.id;
    }
    const int rc = index_commit(index, &err);
    index_free(index);
    return rc;
}

static const json_t *hit_at(const json_t *answer, size_t i)
{
    return json_array_get(json_object_get(answer, "hits"), i);
}

static json_int_t hit_id(const json_t *answer, size_t i)
{
    return json_integer_value(json_object_get(json_object_get(hit_at(answer, i), "item"), "id"));
}

static size_t hit_count(const json_t *answer)
{
    return json_array_size(json_object_get(answer, "hits"));
}

/* The ids of all pages of so many hits, after `body`, an object's fields without its braces. Returns how many. */
static size_t all_pages(json_int_t *ids, size_t room, const char *body, size_t top)
{
    char text[1024];
    size_t count = 0;
    snprintf(text, sizeof text, "{%s, \"top\": %zu}", body, top);
    for (bool more = true; more;) {
        json_t *page = post("/v1/search", text, 200);
        const char *cursor = json_string_value(json_object_get(page, "cursor"));
        assert_true(hit_count(page) == top || !cursor);
        for (size_t i = 0; i < hit_count(page); i++) {
            assert_true(count < room);
            ids[count++] = hit_id(page, i);
        }
        more = cursor != NULL;
        snprintf(
            text, sizeof text, "{%s, \"top\": %zu, \"cursor\": \"%s\"}", body, top, cursor ? cursor : "");
        json_decref(page);
    }
    return count;
}

/* ---- near copies --------------------------------------------------------------------------------------- */

static void the_best_stands_for_its_copies(void **state)
{
    (void)state;
    json_t *shown = post("/v1/search", "{\"terms\": [{\"id\": 1}], \"kind\": \"image\"}", 200);
    assert_int_equal(hit_count(shown), PICTURE_COUNT + ADDED);
    assert_null(json_object_get(hit_at(shown, 0), "copies"));
    json_decref(shown);
    json_t *hidden =
        post("/v1/search", "{\"terms\": [{\"id\": 1}], \"kind\": \"image\", \"near_copies\": \"hide\"}", 200);
    const json_t *copies = json_object_get(hit_at(hidden, 0), "copies");
    assert_int_equal(hit_id(hidden, 0), 1);
    assert_true(json_array_size(copies) >= ADDED);
    assert_int_equal(
        json_integer_value(json_object_get(hit_at(hidden, 0), "copy_count")), json_array_size(copies));
    for (size_t i = 0; i < ADDED; i++)
        assert_int_equal(json_integer_value(json_array_get(copies, i)), added[i]);
    size_t total = hit_count(hidden);
    for (size_t i = 0; i < hit_count(hidden); i++)
        total += (size_t)json_integer_value(json_object_get(hit_at(hidden, i), "copy_count"));
    assert_int_equal(total, PICTURE_COUNT + ADDED); /* each is a hit or a copy */
    json_decref(hidden);
}

static void pages_hide_copies_of_pages_before(void **state)
{
    (void)state;
    const char *const bodies[] = {"\"terms\": [{\"id\": 1}], \"near_copies\": \"hide\"",
        "\"text\": \"a red heart\", \"near_copies\": \"hide\"",
        "\"sort\": \"date\", \"near_copies\": \"hide\"", "\"sort\": \"path\", \"near_copies\": \"hide\""};
    for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
        json_int_t whole[32], paged[32];
        const size_t count = all_pages(whole, 32, bodies[b], 32);
        assert_true(count <= PICTURE_COUNT + 1); /* and the text */
        for (size_t top = 1; top < 4; top++) {
            assert_int_equal(all_pages(paged, 32, bodies[b], top), count);
            assert_memory_equal(paged, whole, count * sizeof *whole);
        }
    }
}

/* ---- orders -------------------------------------------------------------------------------------------- */

static const char *hit_kind(const json_t *answer, size_t i)
{
    return json_string_value(json_object_get(json_object_get(hit_at(answer, i), "item"), "kind"));
}

/* The index has one text. */
static void texts_come_last_or_in_turns(void **state)
{
    (void)state;
    json_t *by_kind = post("/v1/search", "{\"text\": \"a red heart\"}", 200);
    const size_t last = hit_count(by_kind) - 1;
    assert_int_equal(last, PICTURE_COUNT + ADDED);
    for (size_t i = 0; i <= last; i++)
        assert_string_equal(hit_kind(by_kind, i), i == last ? "text" : "image");
    json_decref(by_kind);
    json_t *in_turns = post("/v1/search", "{\"text\": \"a red heart\", \"kind\": \"any\"}", 200);
    assert_int_equal(hit_count(in_turns), last + 1);
    for (size_t i = 0; i <= last; i++)
        assert_string_equal(hit_kind(in_turns, i), i == 1 ? "text" : "image");
    json_decref(in_turns);
}

static void the_newest_come_first(void **state)
{
    (void)state;
    json_int_t ids[32];
    assert_int_equal(all_pages(ids, 32, "\"sort\": \"date\"", 2), PICTURE_COUNT + 1 + ADDED);
    for (size_t i = 0; i < ADDED; i++)
        assert_int_equal(ids[i], added[ADDED - 1 - i]);
    for (size_t i = ADDED + 1; i < PICTURE_COUNT + 1 + ADDED; i++)
        assert_true(ids[i] > ids[i - 1]); /* they have no date */

    json_t *none = post("/v1/search", "{\"sort\": \"date\", \"kind\": \"image\", \"top\": 1}", 200);
    assert_null(json_object_get(hit_at(none, 0), "score")); /* of no query */
    json_decref(none);
    json_t *filtered =
        post("/v1/search", "{\"sort\": \"date\", \"where\": \"mtime = 2\", \"text\": \"a red heart\"}", 200);
    assert_int_equal(hit_count(filtered), 1);
    assert_int_equal(hit_id(filtered, 0), added[1]);
    assert_non_null(json_object_get(hit_at(filtered, 0), "score"));
    json_decref(filtered);
}

/* When they were taken, whatever the date of their files. */
static void the_last_taken_come_first(void **state)
{
    (void)state;
    json_int_t ids[32];
    assert_int_equal(all_pages(ids, 32, "\"sort\": \"taken\"", 1), PICTURE_COUNT + 1 + ADDED);
    for (size_t i = 0; i < ADDED; i++)
        assert_int_equal(ids[i], added[i]);
    for (size_t i = ADDED + 1; i < PICTURE_COUNT + 1 + ADDED; i++)
        assert_true(ids[i] > ids[i - 1]); /* nobody knows */

    json_t *filtered = post("/v1/search", "{\"sort\": \"taken\", \"where\": \"taken < '2024'\"}", 200);
    assert_int_equal(hit_count(filtered), 1);
    assert_int_equal(hit_id(filtered, 0), added[2]);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(hit_at(filtered, 0), "item"), "taken")), "1985-07");
    json_decref(filtered);
}

/* In the order of their bytes, through cursors that hold them. */
static void paths_come_in_order(void **state)
{
    (void)state;
    json_int_t ids[32];
    assert_int_equal(all_pages(ids, 32, "\"sort\": \"path\"", 1), PICTURE_COUNT + 1 + ADDED);
    for (size_t i = 0; i < ADDED; i++)
        assert_int_equal(ids[i], added[i]);
    for (size_t i = 0; i < PICTURE_COUNT; i++)
        assert_int_equal(ids[ADDED + i], i + 1);
}

static void least_scores_hold_in_every_order(void **state)
{
    (void)state;
    json_int_t ids[32];
    const size_t count =
        all_pages(ids, 32, "\"terms\": [{\"id\": 1}], \"min_score\": 0.9999, \"sort\": \"date\"", 2);
    assert_int_equal(count, 1 + ADDED);
    for (size_t i = 0; i < ADDED; i++)
        assert_int_equal(ids[i], added[ADDED - 1 - i]);
    assert_int_equal(ids[ADDED], 1);
}

static void refuse(const char *body, const char *text)
{
    json_t *answer = post("/v1/search", body, 400);
    const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
    if (!strstr(message, text))
        fail_msg("%s: '%s' is not in '%s'", body, text, message);
    json_decref(answer);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    refuse("{\"text\": \"x\", \"sort\": \"size\"}", "'sort' is 'size', it can be score, date, taken, path");
    refuse("{\"text\": \"x\", \"near_copies\": \"fold\"}", "'near_copies' is 'fold', it can be show, hide");
    refuse("{\"near_copies\": \"hide\"}", "nothing to look for");
    refuse("{\"sort\": \"score\"}", "nothing to look for");
    refuse("{\"sort\": \"date\", \"min_score\": 0.2}", "'min_score' is of a query");
    const char *const cursors[] = {"", "7", ".", "x.7", "7.x", "7.1x", "-7.7", "99999999999999999999.1"};
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"sort\": \"date\", \"cursor\": \"%s\"}", cursors[i]);
        refuse(body, "'cursor' is none that this service has given");
    }
    refuse("{\"sort\": \"path\", \"cursor\": \"7.2f6\"}", "'cursor' is none");
    refuse("{\"text\": \"x\", \"cursor\": \"7.5\"}", "'cursor' is none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_stands_for_its_copies),
        cmocka_unit_test(pages_hide_copies_of_pages_before),
        cmocka_unit_test(texts_come_last_or_in_turns),
        cmocka_unit_test(the_newest_come_first),
        cmocka_unit_test(the_last_taken_come_first),
        cmocka_unit_test(paths_come_in_order),
        cmocka_unit_test(least_scores_hold_in_every_order),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, open_all, served_close);
}
