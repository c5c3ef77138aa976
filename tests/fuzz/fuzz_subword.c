// SPDX-License-Identifier: Apache-2.0
/* Tokenizers that are not CLIP's. An input is a byte that says the format and the class, a byte that says how long the
 * text at its end is, the file, and that text. */
#include "tests/fuzz/fuzz.h"
#include "text/tokenizer_internal.h"

#include <string.h>

static const enum tokenizer_format formats[] = {
    TOKENIZER_JSON, TOKENIZER_SPIECE, TOKENIZER_SENTENCEPIECE, TOKENIZER_GEMMA, TOKENIZER_WORDPIECE};
static const enum tokenizer_class classes[] = {
    CLASS_OTHER, CLASS_SIGLIP, CLASS_GEMMA, CLASS_T5, CLASS_XLM_R, CLASS_NLLB, CLASS_BERT, CLASS_ROBERTA};
enum { FORMATS = sizeof formats / sizeof *formats, CLASSES = sizeof classes / sizeof *classes };

/* What is cut begins like what is not; padding changes nothing of it. */
static void check_short(const struct tokenizer *tokenizer, struct span text, const int32_t *ids, size_t count)
{
    enum { SHORT = 6 };
    int32_t few[SHORT];
    size_t counted;
    bool cut;
    FUZZ_CHECK(!tokenizer_encode(tokenizer, text.data, text.length, few, SHORT, &counted, &cut, NULL));
    FUZZ_CHECK(counted <= SHORT && (counted == count || cut));
    const size_t same = cut ? SHORT - tokenizer->suffix_count : counted;
    for (size_t i = 0; i < same && i < counted; i++)
        FUZZ_CHECK(few[i] == ids[i]);
    FUZZ_CHECK(tokenizer_pad(tokenizer, few, counted, SHORT) == SHORT);
    for (size_t i = 0; i < SHORT; i++)
        FUZZ_CHECK(few[i] >= 0 && (size_t)few[i] < tokenizer_vocab(tokenizer));
}

static void check_encoding(const struct tokenizer *tokenizer, struct span text)
{
    enum { LONG = 2048 };
    int32_t ids[LONG], again[LONG];
    size_t count, counted;
    bool cut;
    struct err err = {0};
    const int rc = tokenizer_encode(tokenizer, text.data, text.length, ids, LONG, &count, &cut, &err);
    if (rc) {
        FUZZ_CHECK((rc == ERR_FORMAT || rc == ERR_LIMIT) && err.msg[0]);
        return;
    }
    FUZZ_CHECK(count <= LONG);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(ids[i] >= 0 && (size_t)ids[i] < tokenizer_vocab(tokenizer));
    FUZZ_CHECK(!tokenizer_encode(tokenizer, text.data, text.length, again, LONG, &counted, NULL, &err));
    FUZZ_CHECK(counted == count && !memcmp(ids, again, count * sizeof *ids));
    check_short(tokenizer, text, ids, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const size_t rest = size - 2, length = data[1] < rest ? data[1] : rest;
    const struct text_file file = {"file", {(const char *)data + 2, rest - length}};
    const struct span text = {(const char *)data + size - length, length};
    const struct tokenizer_rule rule = {TOKENIZER_HF, CLEAN_NONE, false};
    struct tokenizer_settings settings;
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};

    tokenizer_settings_default(&settings, classes[data[0] / FORMATS % CLASSES]);
    if (tokenizer_parse(&tokenizer, formats[data[0] % FORMATS], &file, &settings, rule, &err)) {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0] && !tokenizer);
        return 0;
    }
    check_encoding(tokenizer, text);
    tokenizer_free(tokenizer);
    return 0;
}
