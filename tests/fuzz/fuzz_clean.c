// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/clean.h"

#include <string.h>

/* What no cleaned text has. */
static void check_cleaned(struct span text, enum text_cleaning cleaning)
{
    FUZZ_CHECK(!unicode_check(text, NULL));
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.data[i];
        FUZZ_CHECK(c != '\x1b');
        FUZZ_CHECK(cleaning == CLEAN_WHITESPACE || c < 'A' || c > 'Z');
        FUZZ_CHECK(cleaning != CLEAN_CANONICALIZE || !memchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c, 32));
    }
}

/* An input is a byte that says how to clean, and a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct span out;
    struct err err = {0};
    if (size == 0)
        return 0;
    const enum text_cleaning cleaning = (enum text_cleaning)(CLEAN_WHITESPACE + data[0] % 3);
    const struct span text = {(const char *)data + 1, size - 1};
    if (unicode_check(text, &err))
        return 0;

    FUZZ_CHECK(!text_clean(&out, &arena, text, cleaning, &err));
    check_cleaned(out, cleaning);
    FUZZ_CHECK(out.length <= 4 * text.length);

    struct span again;
    FUZZ_CHECK(!text_clean(&again, &arena, text, cleaning, &err) && span_equal(again, out));
    arena_release(&arena);
    return 0;
}
