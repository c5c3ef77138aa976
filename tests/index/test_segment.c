// SPDX-License-Identifier: Apache-2.0
/* Words of scripts that set no blanks between them are found inside names and captions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

static struct index *made;

static void add(enum index_kind kind, const char *path, const char *caption)
{
    struct err err;
    const float vector[4] = {1};
    struct index_item item = {.kind = kind, .path = path, .caption = caption};
    assert_ok(index_add(made, &item, vector, 1, &err));
}

/* Row 2 is in NFD, as macOS names files; row 3 in kana of half width. */
static int open_made(void **state)
{
    (void)state;
    struct err err;
    const char *path = scratch_path("made.dip");
    const struct index_options options = {"m", "f", 4, INDEX_I8, NULL};
    assert_ok(index_create(&made, path, &options, &err));
    add(INDEX_IMAGE, "旅行/東京タワー写真.png", NULL);
    add(INDEX_IMAGE, "東/京.png", "東 京, 東x京");
    add(INDEX_IMAGE, "\xe3\x81\x8b\xe3\x82\x99\xe3\x81\x8f.jpg", NULL);
    add(INDEX_IMAGE, "ﾀﾜｰ2024.jpg", "kite 東京");
    add(INDEX_TEXT, "captions.txt", "서울타워에서 찍은 사진");
    add(INDEX_TEXT, "captions.txt", "วัดพระแก้วกรุงเทพ at dusk");
    add(INDEX_IMAGE, "photos/東", "京 a kite");
    add(INDEX_IMAGE, "latin\xe9/IMG2024東京.jpg", NULL);
    assert_ok(index_commit(made, &err));
    return 0;
}

static int close_made(void **state)
{
    (void)state;
    index_free(made);
    return 0;
}

/* The chosen rows as text, "0 1 5". */
static const char *rows_text(const struct index_filter *filter)
{
    static char text[256];
    struct err err;
    struct index_rows rows;
    char *end = text;
    assert_ok(index_rows(&rows, made, filter, &err));
    *text = '\0';
    for (int64_t r = 0; r < rows.count; r++)
        if (index_rows_have(&rows, r))
            end += sprintf(end, "%s%d", end > text ? " " : "", (int)r);
    index_rows_release(&rows);
    return text;
}

static void words_of_scripts_without_blanks_are_found(void **state)
{
    (void)state;
    static const struct {
        struct index_filter filter;
        const char *rows;
    } cases[] = {
        {{.match = "東京"}, "0 3 7"}, {{.match = "タワー"}, "0 3"},
        {{.match = "東京 タワー"}, "0 3"}, /* both, wherever */
        {{.match = "\"京タ\""}, "0"}, {{.match = "京東"}, ""}, {{.match = "東"}, "0 1 3 6 7"},
        {{.match = "旅*"}, "0"}, {{.match = "東京タワー写真.png"}, "0"}, {{.match = "東/京"}, "1"},
        {{.match = "東x京"}, "1"}, {{.match = "が"}, "2"}, {{.match = "か\xe3\x82\x99く"}, "2"},
        {{.match = "ﾀﾜｰ"}, "0 3"}, {{.match = "タワー2024"}, "3"}, {{.match = "東京 kite"}, "3"},
        {{.match = "타워"}, "4"}, {{.match = "사진 서울"}, "4"}, {{.match = "กรุงเทพ"}, "5"},
        {{.match = "dusk วัด"}, "5"}, {{.match = "IMG2024"}, "7"}, /* although a sign follows */
        {{.match = "IMG2024東京.jpg"}, "7"},
        {{.match = "segmented : \"東 京\"", .match_syntax = MATCH_FTS5}, "0 3 7"},
        {{.match = "東京", .match_syntax = MATCH_FTS5}, "3"}, /* words of FTS5: what has blanks around it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *rows = rows_text(&cases[i].filter);
        if (strcmp(rows, cases[i].rows))
            fail_msg("match %s: rows '%s', not '%s'", cases[i].filter.match, rows, cases[i].rows);
    }
}

/* What is changed is found by what it is now. */
static void signs_follow_their_item(void **state)
{
    (void)state;
    struct err err;
    struct arena arena = {0};
    struct index_item item;
    assert_ok(index_get(&item, made, 1, &arena, &err));
    item.path = "大阪.png";
    assert_ok(index_update(made, &item, &err));
    assert_ok(index_commit(made, &err));
    assert_string_equal(rows_text(&(struct index_filter){.match = "東京"}), "3 7");
    assert_string_equal(rows_text(&(struct index_filter){.match = "大阪"}), "0");
    assert_ok(index_remove(made, 1, &err));
    assert_ok(index_commit(made, &err));
    assert_string_equal(rows_text(&(struct index_filter){.match = "大阪"}), "");
    index_free(made);
    made = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/made.dip", DIPTYCH_SCRATCH);
    verify_clean(path);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_scripts_without_blanks_are_found),
        cmocka_unit_test(signs_follow_their_item),
    };
    return cmocka_run_group_tests(tests, open_made, close_made);
}
