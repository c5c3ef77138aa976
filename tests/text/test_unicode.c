// SPDX-License-Identifier: Apache-2.0
/* Normal form against utf8proc's own, which is right and quadratic; classes and lower case on chosen
 * characters. */
#include "text/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include <cmocka.h>

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Characters that decompose, compose or reorder; what falls between is any other. */
static int32_t random_char(uint32_t *seed)
{
    static const struct {
        int32_t first, count;
    } ranges[] = {{'a', 26}, {0xc0, 64}, {0x300, 80}, {0x300, 80}, {0x591, 45}, {0x64b, 21}, {0x900, 80},
        {0x9be, 30}, {0xbc6, 8}, {0xf71, 20}, {0x1100, 19}, {0x1161, 21}, {0x11a7, 28}, {0x1e00, 256},
        {0x1f00, 256}, {0x3040, 96}, {0xac00, 600}, {0xf900, 256}, {0x1d15e, 7}};
    const size_t i = next_random(seed) % (sizeof ranges / sizeof ranges[0]);
    return ranges[i].first + (int32_t)(next_random(seed) % (uint32_t)ranges[i].count);
}

static void normal_form_is_nfc(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (size_t round = 0; round < 20000; round++) {
        char text[4 * 24 + 1] = {0};
        size_t length = 0;
        for (size_t i = next_random(&seed) % 24; i > 0; i--)
            length += (size_t)utf8proc_encode_char(random_char(&seed), (uint8_t *)text + length);

        struct arena arena = {0};
        struct span got;
        assert_int_equal(unicode_normalise(&got, &arena, (struct span){text, length}, NORMAL_NFC, NULL), 0);
        char *expected = (char *)utf8proc_NFC((const uint8_t *)text);
        assert_int_equal(got.length, strlen(expected));
        assert_memory_equal(got.data, expected, got.length);
        free(expected);
        arena_release(&arena);
    }
}

static void steps_are_done_as_asked(void **state)
{
    (void)state;
    const struct {
        unsigned steps;
        const char *text, *expected;
    } cases[] = {
        {0, "A\u0301", "A\u0301"},
        {NORMAL_NFC, "A\u0301", "\u00c1"},
        {NORMAL_LOWER, "A\u0301", "a\u0301"},
        {NORMAL_NFC | NORMAL_LOWER, "A\u0301", "\u00e1"},
        {NORMAL_NFC | NORMAL_LOWER, "MiXed 123 [", "mixed 123 ["},
        {NORMAL_LOWER, "\u0130I", "i\u0307i"},                      /* one letter to two */
        {NORMAL_NFC | NORMAL_LOWER, "I\u0307", "i\u0307"},          /* composed first */
        {NORMAL_LOWER, "\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3"}, /* no final sigma */
        {NORMAL_LOWER, "\u1e9e\u01c5\U00010400", "\u00df\u01c6\U00010428"},
        {NORMAL_NFC, "\u0958\u2126", "\u0915\u093c\u03a9"}, /* excluded from composition; a singleton */
        {NORMAL_NFC, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct span got;
        assert_int_equal(unicode_normalise(&got, &arena, span_of(cases[i].text), cases[i].steps, NULL), 0);
        assert_int_equal(got.length, strlen(cases[i].expected));
        assert_memory_equal(got.data, cases[i].expected, got.length);
        arena_release(&arena);
    }
}

static void classes_are_those_of_the_pattern(void **state)
{
    (void)state;
    const struct {
        enum char_class class;
        const char *texts[12];
    } cases[] = {
        {CHAR_SPACE, {"\t", "\n", "\v", "\f", "\r", " ", "\xc2\x85", "\u00a0", "\u1680", "\u2003", "\u2028",
                         "\u3000"}},
        {CHAR_LETTER,
            {"a", "\u00aa", "\u01c5", "\u02b0", "\u05d0", "\u0e01", "\u3042", "\uac00", "\U00020000"}},
        {CHAR_NUMBER, {"0", "\u00b2", "\u00bd", "\u0663", "\u2167", "\u2460", "\u3007", "\U0001d7d8"}},
        {CHAR_OTHER, {"\x01", "\x1c", "'", "_", "\u00ad", "\u0301", "\u0903", "\u180e", "\u200b", "\u200d",
                         "\ufeff", "\U0001f600"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t j = 0; j < 12 && cases[i].texts[j]; j++) {
            const struct span text = span_of(cases[i].texts[j]);
            size_t width;
            assert_int_equal(unicode_class(text, &width), cases[i].class);
            assert_int_equal(width, text.length);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_form_is_nfc),
        cmocka_unit_test(steps_are_done_as_asked),
        cmocka_unit_test(classes_are_those_of_the_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
