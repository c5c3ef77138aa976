// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/tokenizer_internal.h"

#include <string.h>

/* An input is a byte that says how to load and by which rule, the files of that format, and a text, with a NUL
 * after each file. The byte after the formats stands for this vocabulary, which leaves the whole input to the
 * text. */
enum { BUILT_IN = 3, WAYS };
static const struct tokenizer_rule rules[] = {
    {TOKENIZER_HF, CLEAN_NONE, false},
    {TOKENIZER_OPEN_CLIP, CLEAN_LOWER, false},
    {TOKENIZER_HF, CLEAN_WHITESPACE, false},
    {TOKENIZER_OPEN_CLIP, CLEAN_CANONICALIZE, false},
};
enum { RULES = sizeof rules / sizeof *rules };
static const char built_in_vocab[] =
    "{\"a\":0,\"b\":1,\"a</w>\":2,\"b</w>\":3,\"ab\":4,\"ab</w>\":5,\"abab</w>\":6,"
    "\"<|startoftext|>\":7,\"<|endoftext|>\":8,\"aa\":9,\"\xc3\x83</w>\":10}";
static const char built_in_merges[] = "a b</w>\na b\nab ab</w>\na a\n";

static struct span cut_file(struct span *rest)
{
    const char *end = rest->length ? memchr(rest->data, '\0', rest->length) : NULL;
    const struct span file = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
    *rest = span_from(*rest, end ? file.length + 1 : file.length);
    return file;
}

static void check_encoding(const struct tokenizer *tokenizer, struct span text)
{
    enum { SHORT = 5, LONG = 64 };
    int32_t ids[LONG], again[LONG], few[SHORT];
    size_t count, counted;
    bool cut;
    struct err err = {0};

    if (tokenizer_encode(tokenizer, text.data, text.length, ids, LONG, &count, &cut, &err)) {
        FUZZ_CHECK(err.code == ERR_FORMAT && err.msg[0]);
        return;
    }
    FUZZ_CHECK(count >= 2 && count <= LONG && (!cut || count == LONG));
    FUZZ_CHECK(ids[0] == tokenizer_start(tokenizer) && ids[count - 1] == tokenizer_end(tokenizer));
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(ids[i] >= 0 && (size_t)ids[i] < tokenizer_vocab(tokenizer));

    FUZZ_CHECK(!tokenizer_encode(tokenizer, text.data, text.length, again, LONG, &counted, NULL, &err));
    FUZZ_CHECK(counted == count && !memcmp(ids, again, count * sizeof *ids));
    FUZZ_CHECK(!tokenizer_encode(tokenizer, text.data, text.length, few, SHORT, &counted, &cut, &err));
    FUZZ_CHECK(cut == (count > SHORT) && counted == (cut ? SHORT : count));
    FUZZ_CHECK(!memcmp(ids, few, (counted - 1) * sizeof *ids));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span rest = {(const char *)data + 1, size - 1};
    struct text_file files[TOKENIZER_FILES_MAX] = {
        {"vocab", span_of(built_in_vocab)}, {"merges", span_of(built_in_merges)}};
    const struct tokenizer_settings settings = {.context = SIZE_MAX};
    enum tokenizer_format format = TOKENIZER_VOCAB_MERGES;
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};

    if (data[0] % WAYS != BUILT_IN) {
        format = (enum tokenizer_format)(data[0] % WAYS);
        for (size_t i = 0; i < (format == TOKENIZER_VOCAB_MERGES ? 2 : 1); i++)
            files[i].bytes = cut_file(&rest);
    }
    if (tokenizer_parse(&tokenizer, format, files, &settings, rules[data[0] / WAYS % RULES], &err)) {
        FUZZ_CHECK(err.code != ERR_NONE && err.msg[0] && !tokenizer);
        return 0;
    }
    check_encoding(tokenizer, rest);
    tokenizer_free(tokenizer);
    return 0;
}
