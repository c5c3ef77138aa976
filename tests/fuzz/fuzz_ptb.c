// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/captions/captions.h"

#include <string.h>

/* Words have one blank between them and none around, no line ends and no capitals. */
static void check_words(const char *words)
{
    const size_t length = strlen(words);
    FUZZ_CHECK(length == 0 || (words[0] != ' ' && words[length - 1] != ' '));
    for (size_t i = 0; i < length; i++) {
        FUZZ_CHECK(words[i] != ' ' || words[i + 1] != ' ');
        FUZZ_CHECK(words[i] < 'A' || words[i] > 'Z');
        FUZZ_CHECK(words[i] != '\n');
    }
}

static bool is_plain(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

/* The reference is idempotent on plain words, and not in general: "can-not" with a soft hyphen is "cannot",
 * and that is "can not". */
static void check_again(const struct strings *captions, const struct strings *words)
{
    struct strings again = {0};
    FUZZ_CHECK(!ptb_words(&again, words, false, 1, NULL));
    for (size_t i = 0; i < words->count; i++) {
        bool ascii = true;
        for (const char *c = captions->items[i]; *c; c++)
            ascii = ascii && (unsigned char)*c < 0x80;
        if (ascii && is_plain(words->items[i], " abcdefghijklmnopqrstuvwxyz"))
            FUZZ_CHECK(!strcmp(words->items[i], again.items[i]));
    }
    strings_release(&again);
}

/* So many captions that several threads share them; in context their order is as it was, round and round. */
static void check_threads(const struct strings *captions, bool context)
{
    enum { MANY = 65 };
    struct strings many = {0}, one = {0}, three = {0};
    for (size_t i = 0; captions->count && i < MANY; i++) {
        const char *caption = captions->items[i % captions->count];
        FUZZ_CHECK(!strings_add(&many, caption, strlen(caption), NULL));
    }
    FUZZ_CHECK(!ptb_words(&one, &many, context, 1, NULL) && !ptb_words(&three, &many, context, 3, NULL));
    FUZZ_CHECK(one.count == many.count && three.count == many.count);
    for (size_t i = 0; i < many.count; i++)
        FUZZ_CHECK(!strcmp(one.items[i], three.items[i]));
    strings_release(&many);
    strings_release(&one);
    strings_release(&three);
}

/* The first byte says whether captions, the lines of the rest, are taken in context. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strings captions = {0}, words = {0};
    struct err err = {0};
    if (size == 0)
        return 0;
    FUZZ_CHECK(!strings_add_lines(&captions, (const char *)data + 1, size - 1, NULL));
    if (ptb_words(&words, &captions, data[0] & 1, 1, &err)) {
        FUZZ_CHECK(err.code == ERR_FORMAT && err.msg[0] && words.count == 0);
    } else {
        FUZZ_CHECK(words.count == captions.count);
        for (size_t i = 0; i < words.count; i++)
            check_words(words.items[i]);
        check_again(&captions, &words);
        check_threads(&captions, data[0] & 1);
    }
    strings_release(&captions);
    strings_release(&words);
    return 0;
}
