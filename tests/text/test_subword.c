// SPDX-License-Identifier: Apache-2.0
/* The ids of tokenizers that are not CLIP's, against the classes that read their files: tests/golden/subword.py. */
#include "tests/text/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In the order of the columns of subword.tsv. */
static const struct column {
    const char *folder, *kind;
    int32_t start, end, pad;
} columns[] = {
    {"siglip", "unigram", -1, 1, 1},
    {"i18n", "unigram", -1, 1, 1},
    {"t5", "unigram", -1, 1, 1},
    {"xlm_r", "unigram", 0, 2, 1},
    {"gemma", "bpe", -1, 1, 0},
    {"gemma_model", "bpe", -1, 1, 0},
    {"nllb", "bpe", 901, 2, 1},
    {"roberta", "byte-level bpe", 0, 2, 1},
    {"roberta_files", "byte-level bpe", 0, 2, 1},
    {"bert", "wordpiece", 2, 3, 0},
    {"bert_cased", "wordpiece", 2, 3, 0},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static struct tokenizer *load(const char *folder)
{
    char path[256];
    snprintf(path, sizeof path, GOLDEN "subword/%s", folder);
    return must_load(path, transformers);
}

static void check_text(const struct tokenizer *tokenizer, const char *folder, const char *text, size_t length,
    const struct golden_ids *expected)
{
    static int32_t ids[GOLDEN_MOST];
    size_t count, same = 0;
    struct err err = {0};
    if (tokenizer_encode(tokenizer, text, length, ids, GOLDEN_MOST, &count, NULL, &err))
        fail_msg("%s: %s", folder, err.msg);
    while (same < count && same < expected->count && ids[same] == expected->ids[same])
        same++;
    if (same < count || same < expected->count)
        fail_msg("%s: '%.*s': id %zu of %zu differs, expected %zu ids", folder, (int)length, text, same,
            count, expected->count);
}

static void check_column(size_t column)
{
    static struct golden_ids expected;
    const struct span file = must_read(GOLDEN "subword.tsv");
    const char *folder = columns[column].folder;
    struct tokenizer *tokenizer = load(folder);
    struct span rest = file, line, field;
    size_t texts = 0;
    assert_string_equal(tokenizer_kind_name(tokenizer), columns[column].kind);
    assert_int_equal(tokenizer_start(tokenizer), columns[column].start);
    assert_int_equal(tokenizer_end(tokenizer), columns[column].end);
    assert_int_equal(tokenizer_pad_id(tokenizer), columns[column].pad);
    for (; cut(&line, &rest, '\n') && line.length; texts++) {
        char text[4096];
        assert_true(cut(&field, &line, '\t'));
        const size_t length = golden_unescape(text, sizeof text, field);
        for (size_t i = 0; i <= column; i++)
            assert_true(cut(&field, &line, '\t'));
        golden_parse_ids(&expected, field);
        check_text(tokenizer, folder, text, length, &expected);
    }
    assert_true(texts > 500);
    tokenizer_free(tokenizer);
    free((char *)file.data);
}

static void ids_are_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++)
        check_column(i);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void padding_is_on_the_side_of_the_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const bool left = i == 1;
        struct tokenizer *tokenizer = load(left ? "gemma_model" : "xlm_r");
        int32_t ids[8] = {5, 6, 7, 8, 9, -7, -7, -7};
        const int32_t pad = tokenizer_pad_id(tokenizer);
        const int32_t right_row[] = {5, 6, 7, 8, 9, pad, pad, -7}, left_row[] = {pad, pad, 5, 6, 7, 8, 9, -7};
        assert_int_equal(tokenizer_pad(tokenizer, ids, 5, 7), 7);
        assert_memory_equal(ids, left ? left_row : right_row, sizeof ids);
        assert_int_equal(tokenizer_pad(tokenizer, ids, 7, 7), 7);
        assert_memory_equal(ids, left ? left_row : right_row, sizeof ids);
        tokenizer_free(tokenizer);
    }
}

/* The first ids and what is put behind them, whatever the context; nothing beyond it is written. */
static void truncation_keeps_what_is_around_a_text(void **state)
{
    (void)state;
    static const char text[] = "a photo of two dogs and three small birds under a red tree by the street";
    for (size_t i = 0; i < COLUMNS; i++) {
        struct tokenizer *tokenizer = load(columns[i].folder);
        int32_t whole[80], ids[81];
        size_t all, count;
        bool truncated;
        assert_int_equal(
            tokenizer_encode(tokenizer, text, strlen(text), whole, 80, &all, &truncated, NULL), 0);
        assert_false(truncated);
        for (size_t context = 2; context < all; context++) {
            ids[context] = -7;
            assert_int_equal(
                tokenizer_encode(tokenizer, text, strlen(text), ids, context, &count, &truncated, NULL), 0);
            assert_true(truncated);
            assert_int_equal(count, context);
            assert_memory_equal(ids, whole, (context - 1) * sizeof *ids);
            assert_int_equal(ids[context - 1], columns[i].end);
            assert_int_equal(ids[context], -7);
        }
        tokenizer_free(tokenizer);
    }
}

static void context_is_that_of_the_files(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = load("siglip");
    assert_int_equal(tokenizer_context(tokenizer), 64);
    tokenizer_free(tokenizer);
    tokenizer = load("i18n");
    assert_true(tokenizer_context(tokenizer) == SIZE_MAX);
    tokenizer_free(tokenizer);
}

/* open_clip's strip_sep_token, for CLIPA: each [SEP] is written as 0, those of the text as well. */
static void sep_can_be_written_as_zero(void **state)
{
    (void)state;
    const struct tokenizer_rule rule = {TOKENIZER_HF, CLEAN_WHITESPACE, true};
    struct tokenizer *stripped = must_load(GOLDEN "subword/bert", rule), *plain = load("bert");
    int32_t ids[16], others[16];
    size_t count, counted;
    assert_int_equal(tokenizer_encode(stripped, "a[SEP] b", 8, ids, 16, &count, NULL, NULL), 0);
    assert_int_equal(tokenizer_encode(plain, "a[SEP] b", 8, others, 16, &counted, NULL, NULL), 0);
    assert_int_equal(count, 5);
    assert_int_equal(counted, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(ids[i], others[i] == 3 ? 0 : others[i]);
    assert_int_equal(others[2], 3);
    tokenizer_free(stripped);
    tokenizer_free(plain);
}

static void sentinels_need_no_rows(void **state)
{
    (void)state;
    static const char json[] =
        "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", "
        "\"prepend_scheme\": "
        "\"always\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<unk>\", 0], "
        "[\"\xe2\x96\x81\", -1], [\"<\", -2], [\"\xe2\x96\x81<extra_id_0>\", -1]]}}";
    const struct text_file file = {"json", span_of(json)};
    for (size_t rows = 2; rows < 6; rows++) {
        struct tokenizer *tokenizer;
        int32_t ids[8];
        size_t count;
        struct err err = {0};
        assert_int_equal(
            tokenizer_parse(&tokenizer, TOKENIZER_JSON, &file, &no_settings, transformers, &err), 0);
        const int rc = tokenizer_fit(tokenizer, rows, &err);
        assert_int_equal(rc, rows < 3 ? ERR_FORMAT : 0);
        if (rc) {
            assert_string_equal(err.msg, "the tokenizer has 4 ids but the model only 2 (vocab_size)");
        } else {
            assert_int_equal(tokenizer_encode(tokenizer, "<extra_id_0>", 12, ids, 8, &count, NULL, NULL), 0);
            assert_int_equal(tokenizer_vocab(tokenizer), rows < 4 ? 3 : 4);
            assert_int_equal(count, rows < 4 ? 3 : 1); /* a low line, '<', and what is unknown */
            assert_int_equal(ids[0], rows < 4 ? 1 : 3);
        }
        tokenizer_free(tokenizer);
    }
}

/* Three pieces, and "<s>" beside them as 3. */
static struct tokenizer *parse_added(
    int unknown, const char *processor, const struct tokenizer_settings *settings)
{
    static char json[1024];
    struct tokenizer *tokenizer;
    struct err err = {0};
    snprintf(json, sizeof json,
        "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", "
        "\"prepend_scheme\": \"always\"}, \"post_processor\": %s, \"added_tokens\": [{\"content\": \"<s>\", "
        "\"id\": 3, \"normalized\": false}], \"model\": {\"type\": \"Unigram\", \"unk_id\": %d, \"vocab\": "
        "[[\"<unk>\", 0], [\"\xe2\x96\x81\", -1], [\"a\", -2]]}}",
        processor, unknown);
    const struct text_file file = {"json", span_of(json)};
    if (tokenizer_parse(&tokenizer, TOKENIZER_JSON, &file, settings, transformers, &err))
        fail_msg("%s", err.msg);
    return tokenizer;
}

static void what_texts_get_needs_rows(void **state)
{
    (void)state;
    static const struct {
        int unknown;
        const char *processor;
    } cases[] = {{3, "null"},
        {0, "{\"type\": \"BertProcessing\", \"cls\": [\"<s>\", 3], \"sep\": [\"a\", 2]}"},
        {0, "{\"type\": \"BertProcessing\", \"cls\": [\"a\", 2], \"sep\": [\"<s>\", 3]}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tokenizer *tokenizer = parse_added(cases[i].unknown, cases[i].processor, &no_settings);
        struct err err = {0};
        assert_int_equal(tokenizer_fit(tokenizer, 3, &err), ERR_FORMAT);
        assert_string_equal(err.msg, "the tokenizer gives id 3 but the model has only 3 (vocab_size)");
        assert_int_equal(tokenizer_fit(tokenizer, 4, NULL), 0);
        tokenizer_free(tokenizer);
    }
}

/* No text does: a tower that sees it is padded with 0. */
static void padding_needs_no_row(void **state)
{
    (void)state;
    struct tokenizer_settings settings = no_settings;
    settings.roles[ROLE_PAD] = "<s>";
    struct tokenizer *tokenizer = parse_added(0, "null", &settings);
    int32_t ids[] = {2, -1};
    assert_int_equal(tokenizer_pad_id(tokenizer), 3);
    assert_int_equal(tokenizer_fit(tokenizer, 3, NULL), 0);
    assert_int_equal(tokenizer_pad_id(tokenizer), -1);
    assert_int_equal(tokenizer_pad(tokenizer, ids, 1, 2), 2);
    assert_int_equal(ids[1], 0);
    tokenizer_free(tokenizer);
}

/* "_" is a blank to open_clip's canonicalize and nothing to SiglipTokenizer. */
static void cleaning_is_before_all(void **state)
{
    (void)state;
    const struct tokenizer_rule rule = {TOKENIZER_HF, CLEAN_CANONICALIZE, false};
    struct tokenizer *cleaned = must_load(GOLDEN "subword/gemma", rule), *plain = load("gemma");
    int32_t ids[16], others[16];
    size_t count, counted;
    const char *text = " A\t red_DOG, &lt;small&gt; ";
    assert_int_equal(tokenizer_encode(cleaned, text, strlen(text), ids, 16, &count, NULL, NULL), 0);
    text = "a red dog small";
    assert_int_equal(tokenizer_encode(plain, text, strlen(text), others, 16, &counted, NULL, NULL), 0);
    assert_int_equal(count, counted);
    assert_memory_equal(ids, others, count * sizeof *ids);
    tokenizer_free(cleaned);
    tokenizer_free(plain);
}

/* A merge at each step, or a piece at each place, over 256 KiB with no blank; ctest's time limit is the test. */
static void long_words_take_no_square_of_time(void **state)
{
    (void)state;
    enum { SIZE = 1 << 18 };
    static int32_t ids[SIZE + 2];
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = "thesmalldog"[i % 11];
    for (size_t i = 0; i < COLUMNS; i++) {
        struct tokenizer *tokenizer = load(columns[i].folder);
        size_t count;
        assert_int_equal(tokenizer_encode(tokenizer, text, SIZE, ids, SIZE + 2, &count, NULL, NULL), 0);
        tokenizer_free(tokenizer);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_references),
        cmocka_unit_test(padding_is_on_the_side_of_the_files),
        cmocka_unit_test(truncation_keeps_what_is_around_a_text),
        cmocka_unit_test(context_is_that_of_the_files),
        cmocka_unit_test(sep_can_be_written_as_zero),
        cmocka_unit_test(sentinels_need_no_rows),
        cmocka_unit_test(what_texts_get_needs_rows),
        cmocka_unit_test(padding_needs_no_row),
        cmocka_unit_test(cleaning_is_before_all),
        cmocka_unit_test(long_words_take_no_square_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
