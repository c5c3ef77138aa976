// SPDX-License-Identifier: Apache-2.0
/* open_clip's reading of texts: every string of clean.tsv by its ids, and all ways to read them by the digests of
 * clean_digests.tsv; clean.py makes both. And what no reference needs to say: that plain text is left where it is,
 * and that no text takes longer than its length. */
#include "tests/text/golden.h"
#include "text/clean.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    char text[1024];
    size_t length;
    struct golden_ids ids;
    bool mojibake; /* the reference's ids are those without its repair */
};

static bool row_next(struct row *row, struct span *rest)
{
    struct span line, field;
    if (!cut(&line, rest, '\n') || !line.length)
        return false;
    assert_true(cut(&field, &line, '\t'));
    row->length = golden_unescape(row->text, sizeof row->text, field);
    assert_true(cut(&field, &line, '\t'));
    golden_parse_ids(&row->ids, field);
    row->mojibake = line.length > 0;
    return true;
}

static size_t encode(const struct tokenizer *tokenizer, int32_t ids[GOLDEN_MOST], const struct row *row)
{
    size_t count;
    bool cut_short;
    struct err err = {0};
    if (tokenizer_encode(tokenizer, row->text, row->length, ids, GOLDEN_MOST, &count, &cut_short, &err))
        fail_msg("'%.*s': %s", (int)row->length, row->text, err.msg);
    assert_false(cut_short);
    return count;
}

static void ids_of_open_clip(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", open_clip);
    struct span golden = must_read(GOLDEN "clean.tsv"), rest = golden;
    struct row row;
    size_t rows = 0, repaired = 0;
    for (; row_next(&row, &rest); rows++) {
        int32_t ids[GOLDEN_MOST];
        const size_t count = encode(tokenizer, ids, &row);
        if (count != row.ids.count || memcmp(ids, row.ids.ids, count * sizeof *ids))
            fail_msg("line %zu: '%.*s' has other ids", rows + 1, (int)row.length, row.text);
        repaired += row.mojibake;
    }
    assert_true(rows > 3000);
    assert_in_range(repaired, 1, rows / 100);
    free((char *)golden.data);
    tokenizer_free(tokenizer);
}

/* ---- the other ways ------------------------------------------------------------------------------------ */

static const struct way {
    const char *name, *directory;
    struct tokenizer_rule rule;
} ways[] = {
    {"lower", GOLDEN "tokenizer_small", {TOKENIZER_OPEN_CLIP, CLEAN_LOWER, false}},
    {"whitespace", GOLDEN "tokenizer_small", {TOKENIZER_OPEN_CLIP, CLEAN_WHITESPACE, false}},
    {"canonicalize", GOLDEN "tokenizer_small", {TOKENIZER_OPEN_CLIP, CLEAN_CANONICALIZE, false}},
    {"hf", GOLDEN "tokenizer_small", {TOKENIZER_HF, CLEAN_WHITESPACE, false}},
    {"clip", DIPTYCH_FIXTURES "/vocab", {TOKENIZER_OPEN_CLIP, CLEAN_LOWER, false}},
};

enum { WAYS = sizeof ways / sizeof *ways };

/* Takes the texts of a group off the front of *rest, for FNV-1a over whole ids as clean.py has it. */
static uint64_t digest_group(
    const struct tokenizer *tokenizer, struct span *rest, size_t texts, size_t *ids_count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct row row;
    *ids_count = 0;
    for (size_t i = 0; i < texts; i++) {
        int32_t ids[GOLDEN_MOST];
        assert_true(row_next(&row, rest));
        const size_t count = encode(tokenizer, ids, &row);
        for (size_t j = 0; j < count; j++)
            hash = (hash ^ (uint64_t)ids[j]) * UINT64_C(0x100000001b3);
        *ids_count += count;
    }
    return hash;
}

static void check_way(const struct way *way, struct span digests, struct span golden)
{
    struct tokenizer *tokenizer = must_load(way->directory, way->rule);
    struct span line;
    size_t groups = 0;
    while (cut(&line, &digests, '\n') && line.length) {
        char group[32], name[32];
        size_t texts, ids, got_ids;
        uint64_t hash;
        assert_int_equal(
            sscanf(line.data, "%31s %31s %zu %zu %" SCNx64, group, name, &texts, &ids, &hash), 5);
        if (strcmp(name, way->name))
            continue;
        const uint64_t got = digest_group(tokenizer, &golden, texts, &got_ids);
        if (got != hash || got_ids != ids)
            fail_msg("%s, %s: %zu ids, hash %016" PRIx64 ", expected %zu, %016" PRIx64, group, name, got_ids,
                got, ids, hash);
        groups++;
    }
    assert_int_equal(groups, 9);
    tokenizer_free(tokenizer);
}

static void ids_by_every_rule(void **state)
{
    (void)state;
    const struct span golden = must_read(GOLDEN "clean.tsv"), digests = must_read(GOLDEN "clean_digests.tsv");
    for (size_t i = 0; i < WAYS; i++) {
        if (file_exists(ways[i].directory))
            check_way(&ways[i], digests, golden);
        else
            print_message("no %s: '%s' is not tested\n", ways[i].directory, ways[i].name);
    }
    free((char *)golden.data);
    free((char *)digests.data);
}

/* ---- without a reference ------------------------------------------------------------------------------- */

static void plain_text_is_not_copied(void **state)
{
    (void)state;
    const struct span text = span_of("a photo of a dog, 2 cats and 'one' <bird>");
    struct arena arena = {0};
    struct span out;
    for (enum text_cleaning cleaning = CLEAN_NONE; cleaning <= CLEAN_LOWER; cleaning++) {
        assert_int_equal(text_clean(&out, &arena, text, cleaning, NULL), 0);
        assert_ptr_equal(out.data, text.data);
        assert_null(arena.blocks);
    }
}

static void names_of_rules(void **state)
{
    (void)state;
    assert_string_equal(tokenizer_reference_name(TOKENIZER_HF), "transformers");
    assert_string_equal(tokenizer_reference_name(TOKENIZER_OPEN_CLIP), "open_clip");
    assert_string_equal(text_cleaning_name(CLEAN_NONE), "none");
    assert_string_equal(text_cleaning_name(CLEAN_CANONICALIZE), "canonicalize");
}

/* What takes ftfy a pass a level, or looks back far, a million times. ctest's time limit is the test. */
static void deep_references_take_linear_time(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "amp;", "&semi", "&am&#112;;", "&a", "\x1b[1;", "\xce\xa3'", "&#", "\xef\xbc\x86"};
    enum { SIZE = 4 << 20 };
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", open_clip);
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const size_t width = strlen(parts[i]);
        size_t length = 1, count;
        int32_t ids[8];
        struct err err = {0};
        text[0] = '&';
        for (; length + width <= SIZE; length += width)
            memcpy(text + length, parts[i], width);
        assert_int_equal(tokenizer_encode(tokenizer, text, length, ids, 8, &count, NULL, &err), 0);
    }
    free(text);
    tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_open_clip),
        cmocka_unit_test(ids_by_every_rule),
        cmocka_unit_test(plain_text_is_not_copied),
        cmocka_unit_test(names_of_rules),
        cmocka_unit_test(deep_references_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
