// SPDX-License-Identifier: Apache-2.0
/* Spans, lines, string maps and arrays that grow. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* ---- arrays -------------------------------------------------------------------------------------------- */

static void arrays_grow_and_keep_what_they_hold(void **state)
{
    (void)state;
    struct pair {
        size_t a, b;
    } *pairs = NULL;
    size_t room = 0, growths = 0;
    for (size_t i = 0; i < 100000; i++) {
        const size_t before = room;
        assert_int_equal(array_grow(pairs, &room, i + 1, NULL), 0);
        assert_true(room > i);
        growths += room != before;
        pairs[i] = (struct pair){i, ~i};
    }
    assert_true(growths < 20); /* it doubles */
    for (size_t i = 0; i < 100000; i++)
        assert_true(pairs[i].a == i && pairs[i].b == ~i);
    assert_int_equal(array_grow(pairs, &room, 1000000, NULL), 0);
    assert_true(room >= 1000000 && pairs[99999].a == 99999);

    struct err err = {0};
    const struct pair *same = pairs;
    const size_t before = room;
    assert_int_equal(array_grow(pairs, &room, SIZE_MAX / 4, &err), ERR_MEMORY);
    assert_int_equal(err.code, ERR_MEMORY);
    assert_true(pairs == same && room == before && pairs[99999].b == ~(size_t)99999);
    free(pairs);
}

/* ---- spans --------------------------------------------------------------------------------------------- */

static void spans_are_taken_from_the_front(void **state)
{
    (void)state;
    struct span rest = {"version 12, x", 12}; /* the 'x' is behind its end */
    uint32_t number = 0;
    assert_false(span_take(&rest, "versions"));
    assert_false(span_take_number(&number, &rest));
    assert_true(span_take(&rest, "version "));
    assert_true(span_take_number(&number, &rest));
    assert_int_equal(number, 12);
    assert_true(span_equal(rest, (struct span){", ", 2}));
    assert_false(span_take(&rest, ", x"));
    assert_true(span_take(&rest, ", "));
    assert_int_equal(rest.length, 0);
    assert_true(span_take(&rest, ""));
    assert_false(span_take_number(&number, &rest));
    assert_true(span_equal((struct span){0}, span_of("")));
    assert_false(span_equal(span_of("ab"), span_of("ac")));
    assert_false(span_equal(span_of("ab"), span_of("abc")));
    assert_false(span_equal(span_of(""), span_of("a")));
    assert_true(span_begins(span_of("abc"), span_of("ab")));
    assert_false(span_begins(span_of("ab"), span_of("abc")));
    assert_int_equal(span_bytes(span_of("\xff"))[0], 255);
}

static void numbers_are_whole_and_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool taken;
        uint32_t number;
        size_t left;
    } cases[] = {
        {"0", true, 0, 0},
        {"0x", true, 0, 1},
        {"7 8", true, 7, 2},
        {"4294967295", true, UINT32_MAX, 0},
        {"4294967296", false, 0, 0},
        {"18446744073709551617", false, 0, 0},
        {"00", false, 0, 0},
        {"01", false, 0, 0},
        {"-1", false, 0, 0},
        {"+1", false, 0, 0},
        {" 1", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span rest = span_of(cases[i].text);
        uint32_t number = 99;
        assert_int_equal(span_take_number(&number, &rest), cases[i].taken);
        assert_int_equal(number, cases[i].taken ? cases[i].number : 99);
        assert_int_equal(rest.length, cases[i].taken ? cases[i].left : strlen(cases[i].text));
    }
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static void lines_are_numbered(void **state)
{
    (void)state;
    static const char *const expected[] = {"cat", "", "d\rog", "", "last"};
    struct lines lines = {.rest = span_of("cat\r\n\nd\rog\n\r\nlast")};
    for (size_t i = 0; i < 5; i++) {
        assert_true(lines_next(&lines));
        assert_int_equal(lines.number, i + 1);
        assert_true(span_equal(lines.line, span_of(expected[i])));
    }
    assert_false(lines_next(&lines));
    assert_int_equal(lines.number, 5);
}

static const char *write_file(const char *bytes, size_t size)
{
    static const char path[] = DIPTYCH_SCRATCH "/lines.txt";
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void files_of_lines_are_read(void **state)
{
    (void)state;
    struct strings lines = {0};
    const char *path = write_file("\xEF\xBB\xBFone\r\n\xEF\xBB\xBFtwo", 14);
    assert_int_equal(lines_read(&lines, path, 14, NULL), 0);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.items[0], "one");
    assert_string_equal(lines.items[1], "\xEF\xBB\xBFtwo"); /* a mark is one at the front only */

    char *bytes = NULL;
    size_t size;
    assert_int_equal(file_read_text(&bytes, &size, path, 14, NULL), 0);
    assert_int_equal(size, 11);
    assert_string_equal(bytes, "one\r\n\xEF\xBB\xBFtwo");
    free(bytes);

    gzFile zipped = gzopen(path, "wb");
    assert_int_equal(gzwrite(zipped, "\xEF\xBB\xBFthree\n", 9), 9);
    assert_int_equal(gzclose(zipped), Z_OK);
    assert_int_equal(lines_read(&lines, path, 100, NULL), 0); /* adds */
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.items[2], "three");
    strings_release(&lines);
}

static void files_that_are_no_text_are_refused(void **state)
{
    (void)state;
    struct strings lines = {0};
    struct err err = {0};
    assert_int_equal(lines_read(&lines, write_file("a\nb\0c", 5), 5, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "lines.txt': not a text file"));
    assert_int_equal(lines_read(&lines, write_file("a\nb\nc", 5), 4, &err), ERR_LIMIT);
    assert_int_equal(lines_read(&lines, DIPTYCH_SCRATCH "/none", 4, &err), ERR_IO);
    assert_int_equal(lines.count, 0);
    assert_int_equal(lines_read(&lines, write_file("", 0), 4, NULL), 0);
    assert_int_equal(lines.count, 0);
}

/* ---- maps ---------------------------------------------------------------------------------------------- */

/* Key i of many: one is a prefix of another, and bytes are of every kind. */
static size_t make_key(char key[32], size_t i)
{
    const uint64_t bits = random_at(7, i);
    const size_t length = 8 + (size_t)(bits % 17);
    memset(key, (int)(bits >> 56), length);
    memcpy(key, &i, sizeof i); /* zeros inside */
    return length;
}

static void maps_find_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    enum { KEYS = 20000 };
    struct string_map map = {0};
    char key[32], added[32];
    size_t *value;
    assert_null(string_map_find(&map, "", 0));
    for (size_t i = 0; i < KEYS; i++) {
        const size_t length = make_key(added, i);
        assert_null(string_map_find(&map, added, length));
        assert_int_equal(string_map_add(&value, &map, added, length, i, NULL), 0);
        assert_int_equal(*value, i);
    }
    memset(added, 0, sizeof added); /* the map has copies */
    assert_int_equal(map.count, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        const size_t length = make_key(key, i);
        value = string_map_find(&map, key, length);
        assert_true(value && *value == i);
        assert_null(string_map_find(&map, key, 7)); /* a prefix of all */
        assert_int_equal(string_map_add(&value, &map, key, length, 1, NULL), 0);
        assert_int_equal(*value, i); /* it keeps the first */
        *value = ~i;
        assert_int_equal(*string_map_find(&map, key, length), ~i);
    }
    assert_int_equal(map.count, KEYS);
    for (size_t i = KEYS; i < 2 * KEYS; i++)
        assert_null(string_map_find(&map, key, make_key(key, i)));
    string_map_release(&map);
    assert_null(string_map_find(&map, key, 8));
}

static void keys_that_differ_in_little_are_different(void **state)
{
    (void)state;
    static const struct span keys[] = {{"", 0}, {"\0", 1}, {"\0\0", 2}, {"a", 1}, {"a\0", 2}, {"aaaaaaaa", 8},
        {"aaaaaaaa\0", 9}, {"aaaaaaaaa", 9}};
    enum { KEYS = sizeof keys / sizeof *keys };
    struct string_map map = {0};
    size_t *value;
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(string_map_add(&value, &map, keys[i].data, keys[i].length, i, NULL), 0);
        assert_int_equal(*value, i);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(*string_map_find(&map, keys[i].data, keys[i].length), i);
    string_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_grow_and_keep_what_they_hold),
        cmocka_unit_test(spans_are_taken_from_the_front),
        cmocka_unit_test(numbers_are_whole_and_fit),
        cmocka_unit_test(lines_are_numbered),
        cmocka_unit_test(files_of_lines_are_read),
        cmocka_unit_test(files_that_are_no_text_are_refused),
        cmocka_unit_test(maps_find_what_was_added_and_nothing_else),
        cmocka_unit_test(keys_that_differ_in_little_are_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
