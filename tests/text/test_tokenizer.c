// SPDX-License-Identifier: Apache-2.0
/* The ids of tokenizer_encode, against Hugging Face's and against what text.h promises. */
#include "tests/text/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct golden_ids encode(
    const struct tokenizer *tokenizer, const struct golden *golden, size_t context)
{
    struct golden_ids out = {.count = 0};
    struct err err = {0};
    if (tokenizer_encode(tokenizer, golden->text, golden->length, out.ids, context, &out.count, NULL, &err))
        fail_msg("%s", err.msg);
    return out;
}

static void assert_ids(const struct golden *golden, struct golden_ids got, struct golden_ids expected)
{
    const size_t count = got.count < expected.count ? got.count : expected.count;
    for (size_t i = 0; i < count; i++)
        if (got.ids[i] != expected.ids[i])
            fail_msg("'%.*s': id %zu is %d, expected %d", (int)golden->length, golden->text, i,
                (int)got.ids[i], (int)expected.ids[i]);
    if (got.count != expected.count)
        fail_msg(
            "'%.*s': %zu ids, expected %zu", (int)golden->length, golden->text, got.count, expected.count);
}

static void check_column(const struct tokenizer *tokenizer, enum golden_column column)
{
    struct span file = must_read(GOLDEN "tokenizer.tsv"), rest = file;
    static struct golden golden;
    size_t texts = 0;
    for (; golden_next(&golden, &rest); texts++)
        assert_ids(&golden, encode(tokenizer, &golden, GOLDEN_MOST), golden.columns[column]);
    assert_true(texts >= 300);
    free((char *)file.data);
}

static void check_directory(const char *directory, enum golden_column column)
{
    struct tokenizer *tokenizer = must_load(directory, transformers);
    check_column(tokenizer, column);
    tokenizer_free(tokenizer);
}

static void ids_with_a_small_vocabulary(void **state)
{
    (void)state;
    check_directory(GOLDEN "tokenizer_small", GOLDEN_SMALL);
}

/* transformers fills a text up with its end, SimpleTokenizer with zeros. */
static void padding_is_the_references(void **state)
{
    (void)state;
    struct tokenizer *hf = must_load(GOLDEN "tokenizer_small", transformers);
    struct tokenizer *simple = must_load(GOLDEN "tokenizer_small", open_clip);
    assert_int_equal(tokenizer_pad_id(hf), tokenizer_end(hf));
    assert_int_equal(tokenizer_pad_id(simple), 0);
    tokenizer_free(hf);
    tokenizer_free(simple);
}

static void ids_with_a_tokenizer_json_of_2021(void **state)
{
    (void)state;
    check_directory(GOLDEN "tokenizer_old", GOLDEN_OLD);
}

static void ids_without_normalizer_and_with_unknown_bytes(void **state)
{
    (void)state;
    check_directory(GOLDEN "tokenizer_cased", GOLDEN_CASED);
}

static void ids_with_clips_vocabulary(void **state)
{
    (void)state;
    if (!file_exists(DIPTYCH_FIXTURES "/vocab")) {
        print_message("no %s/vocab: OpenAI's vocabulary is not tested\n", DIPTYCH_FIXTURES);
        skip();
    }
    check_directory(DIPTYCH_FIXTURES "/vocab", GOLDEN_CLIP);
}

static void vocab_and_merges_give_the_ids_of_tokenizer_json(void **state)
{
    (void)state;
    const char *vocab = GOLDEN "tokenizer_small/vocab.json", *merges = GOLDEN "tokenizer_small/merges.txt";
    const struct text_file files[] = {{vocab, must_read(vocab)}, {merges, must_read(merges)}};
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    if (tokenizer_parse(&tokenizer, TOKENIZER_VOCAB_MERGES, files, &no_settings, transformers, &err))
        fail_msg("%s", err.msg);
    check_column(tokenizer, GOLDEN_SMALL);

    struct tokenizer *other = must_load(GOLDEN "tokenizer_small", transformers);
    assert_int_equal(tokenizer_vocab(tokenizer), tokenizer_vocab(other));
    assert_int_equal(tokenizer_start(tokenizer), tokenizer_start(other));
    assert_int_equal(tokenizer_end(tokenizer), tokenizer_end(other));
    tokenizer_free(other);
    tokenizer_free(tokenizer);
    free((char *)files[0].bytes.data);
    free((char *)files[1].bytes.data);
}

/* What is cut is the ids before the end, whatever the context; nothing beyond it is written. */
static void truncation_keeps_the_first_ids_and_end(void **state)
{
    (void)state;
    const size_t contexts[] = {2, 3, 4, 7, 16, 77, 78};
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", transformers);
    struct span file = must_read(GOLDEN "tokenizer.tsv"), rest = file;
    static struct golden golden;

    while (golden_next(&golden, &rest)) {
        for (size_t i = 0; i < sizeof contexts / sizeof contexts[0]; i++) {
            const size_t context = contexts[i];
            struct golden_ids expected = golden.columns[GOLDEN_SMALL], got = {.ids = {[78] = -7}};
            const bool fits = expected.count <= context;
            got.ids[context] = -7;
            if (!fits) {
                expected.ids[context - 1] = expected.ids[expected.count - 1];
                expected.count = context;
            }
            bool truncated = fits;
            assert_int_equal(tokenizer_encode(tokenizer, golden.text, golden.length, got.ids, context,
                                 &got.count, &truncated, NULL),
                0);
            assert_int_equal(truncated, !fits);
            assert_int_equal(got.ids[context], -7);
            assert_ids(&golden, got, expected);
        }
    }
    free((char *)file.data);
    tokenizer_free(tokenizer);
}

static void invalid_utf8_is_refused_with_its_offset(void **state)
{
    (void)state;
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"\xff", "at byte 0"}, {"ab\x80", "at byte 2"}, {"caf\xc3", "at byte 3"}, /* cut short */
        {"\xc3\xa9\xc0\xaf", "at byte 2"},                                        /* longer than needed */
        {"abc\xed\xa0\x80", "at byte 3"},                                         /* a surrogate */
        {"a\xf4\x90\x80\x80", "at byte 1"},                                       /* above U+10FFFF */
        {"<|endoftext|>\xe2\x28", "byte 13"},                                     /* after an added token */
    };
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", transformers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t ids[77];
        size_t count;
        struct err err = {0};
        const char *text = cases[i].text;
        assert_int_equal(
            tokenizer_encode(tokenizer, text, strlen(text), ids, 77, &count, NULL, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, cases[i].expected));
    }
    tokenizer_free(tokenizer);
}

static void absurd_arguments_are_refused(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", transformers);
    int32_t ids[2];
    size_t count;
    struct err err = {0};
    assert_int_equal(tokenizer_encode(tokenizer, "a", 1, ids, 1, &count, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "context of 1"));
    assert_int_equal(
        tokenizer_encode(tokenizer, "a", ((size_t)16 << 20) + 1, ids, 2, &count, NULL, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "16777217 bytes"));
    tokenizer_free(tokenizer);
}

/* A megabyte without a blank, and of marks in the wrong order: seconds at most, where quadratic is many
 * minutes. */
static void long_words_take_linear_time(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    const char *const units[] = {"ab", "aaab", "\xcc\x81\xcc\xa3" /* U+0301 U+0323 */};
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", transformers);
    char *text = mem_new(SIZE, 1);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t unit = strlen(units[i]);
        for (size_t at = 0; at < SIZE; at += unit)
            memcpy(text + at, units[i], unit);
        int32_t ids[77];
        size_t count;
        bool truncated;
        const double begin = time_now();
        assert_int_equal(tokenizer_encode(tokenizer, text, SIZE, ids, 77, &count, &truncated, NULL), 0);
        assert_true(time_now() - begin < 20);
        assert_int_equal(count, 77);
        assert_true(truncated);
    }
    free(text);
    tokenizer_free(tokenizer);
}

struct shared {
    const struct tokenizer *tokenizer;
    struct golden golden;
    int wrong[64];
};

static void encode_shared(void *context, size_t i)
{
    struct shared *shared = context;
    const struct golden_ids *expected = &shared->golden.columns[GOLDEN_SMALL];
    int32_t ids[GOLDEN_MOST];
    size_t count;
    const int rc = tokenizer_encode(
        shared->tokenizer, shared->golden.text, shared->golden.length, ids, GOLDEN_MOST, &count, NULL, NULL);
    shared->wrong[i] = rc || count != expected->count || memcmp(ids, expected->ids, count * sizeof *ids) != 0;
}

static void one_tokenizer_serves_many_threads(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = must_load(GOLDEN "tokenizer_small", transformers);
    struct span file = must_read(GOLDEN "tokenizer.tsv"), rest = file;
    static struct shared shared;
    shared.tokenizer = tokenizer;
    for (size_t i = 0; i < 20 && golden_next(&shared.golden, &rest); i++) {
        parallel_for(64, 4, encode_shared, &shared);
        for (size_t j = 0; j < 64; j++)
            assert_false(shared.wrong[j]);
    }
    free((char *)file.data);
    tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_with_a_small_vocabulary),
        cmocka_unit_test(padding_is_the_references),
        cmocka_unit_test(ids_with_a_tokenizer_json_of_2021),
        cmocka_unit_test(ids_without_normalizer_and_with_unknown_bytes),
        cmocka_unit_test(ids_with_clips_vocabulary),
        cmocka_unit_test(vocab_and_merges_give_the_ids_of_tokenizer_json),
        cmocka_unit_test(truncation_keeps_the_first_ids_and_end),
        cmocka_unit_test(invalid_utf8_is_refused_with_its_offset),
        cmocka_unit_test(absurd_arguments_are_refused),
        cmocka_unit_test(long_words_take_linear_time),
        cmocka_unit_test(one_tokenizer_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
