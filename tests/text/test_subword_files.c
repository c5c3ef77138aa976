// SPDX-License-Identifier: Apache-2.0
/* Bad files of tokenizers that are not CLIP's: each is refused with the right code, and a line that names file, place
 * and reason. */
#include "tests/text/golden.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_refused(
    enum tokenizer_format format, enum tokenizer_class class, struct span bytes, int code, const char *reason)
{
    struct tokenizer *tokenizer = NULL;
    struct tokenizer_settings settings;
    const struct text_file file = {"bad.file", bytes};
    struct err err = {0};
    tokenizer_settings_default(&settings, class);
    const int rc = tokenizer_parse(&tokenizer, format, &file, &settings, transformers, &err);
    if (rc == 0)
        fail_msg("it was accepted, expected '%s'", reason);
    if (rc != code || !strstr(err.msg, "bad.file") || !strstr(err.msg, reason) || strchr(err.msg, '\n'))
        fail_msg("code %d, message '%s', expected code %d and '%s'", rc, err.msg, code, reason);
    assert_null(tokenizer);
}

/* ---- tokenizer.json ------------------------------------------------------------------------------------ */

static json_t *find(json_t *root, const char *path, const char **last)
{
    char key[64];
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - path), path);
        root = json_is_array(root) ? json_array_get(root, (size_t)atoi(key)) : json_object_get(root, key);
        assert_non_null(root);
    }
    *last = path;
    return root;
}

static void check_edit(const char *folder, const char *path, const char *json, int code, const char *reason)
{
    char name[256];
    const char *key;
    snprintf(name, sizeof name, GOLDEN "subword/%s/tokenizer.json", folder);
    json_t *root = json_load_file(name, 0, NULL);
    assert_non_null(root);
    json_t *parent = find(root, path, &key);
    json_t *value = json ? json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    assert_true(value || !json);
    if (json_is_array(parent))
        json_array_set_new(parent, (size_t)atoi(key), value);
    else if (value)
        json_object_set_new(parent, key, value);
    else
        json_object_del(parent, key);
    char *bytes = json_dumps(root, 0);
    assert_refused(TOKENIZER_JSON, CLASS_OTHER, span_of(bytes), code, reason);
    free(bytes);
    json_decref(root);
}

static void tokenizer_json_that_disagrees_with_itself(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *path, *json;
        int code;
        const char *reason;
    } cases[] = {
        {"gemma", "model.merges.5", "[\"qq\", \"q\"]", ERR_FORMAT,
            "model.merges[5]: the vocabulary has no 'qq'"},
        {"gemma", "model.merges.5", "[\"a\"]", ERR_FORMAT, "model.merges[5]: a string expected at byte"},
        {"gemma", "model.merges.5", "[\"a\", \"b\", \"c\"]", ERR_FORMAT, "model.merges[5]: "},
        {"gemma", "model.merges.5", "\"ab\"", ERR_FORMAT, "model.merges[5]: a merge is two tokens"},
        {"gemma", "model.merges", NULL, ERR_FORMAT, "the model has no merges"},
        {"gemma", "model.vocab", NULL, ERR_FORMAT, "the model has no vocab"},
        {"gemma", "model.vocab.a", "1.5", ERR_FORMAT, "token 'a' has id -1"},
        {"gemma", "model.vocab.a", "3000000", ERR_FORMAT, "token 'a' has id 3000000"},
        {"gemma", "model.vocab.a", "7", ERR_FORMAT, "has id 7, as another has"},
        {"gemma", "model.vocab.a", "\"x\"", ERR_FORMAT, "model.vocab: a number expected at byte"},
        {"gemma", "model.vocab.<0x41>", NULL, ERR_FORMAT, "the vocabulary has no '<0x41>'"},
        {"gemma", "model.unk_token", "\"<none>\"", ERR_FORMAT,
            "the vocabulary has no '<none>', which is model.unk_token"},
        {"gemma", "model.dropout", "0.1", ERR_UNSUPPORTED, "model.dropout is set"},
        {"gemma", "model.ignore_merges", "true", ERR_UNSUPPORTED, "model.ignore_merges is set"},
        {"gemma", "model.continuing_subword_prefix", "\"##\"", ERR_UNSUPPORTED, "subword_prefix is set"},
        {"gemma", "normalizer", "null", ERR_UNSUPPORTED, "pre_tokenizer 'Split' is none that we do"},
        {"gemma", "normalizer", "{\"type\": \"NFKC\"}", ERR_UNSUPPORTED,
            "normalizer 'NFKC' is none that we do"},
        {"gemma", "pre_tokenizer", "{\"type\": \"ByteLevel\"}", ERR_UNSUPPORTED,
            "ByteLevel has a normalizer before it"},
        {"roberta", "pre_tokenizer.use_regex", "false", ERR_UNSUPPORTED, "or does not cut words"},
        {"roberta", "model.vocab.\xc4\xa0", NULL, ERR_FORMAT,
            "the vocabulary has no '\xc4\xa0' for byte 0x20"},
        {"roberta", "model.merges.5", "[\"qq\", \"q\"]", ERR_FORMAT,
            "model.merges[5]: the vocabulary has no 'qq'"},
        {"gemma", "post_processor", "{\"type\": \"ByteLevel\"}", ERR_UNSUPPORTED,
            "post_processor 'ByteLevel'"},
        {"gemma", "post_processor.single.1.SpecialToken.id", "\"<end>\"", ERR_FORMAT,
            "the vocabulary has no '<end>'"},
        {"gemma", "added_tokens.0.id", "9", ERR_FORMAT,
            "added_tokens[0]: added token '<pad>' has id 9, which is"},
        {"gemma", "added_tokens.0.single_word", "true", ERR_UNSUPPORTED, "has single_word"},
        {"gemma", "added_tokens.0.content", "\"\"", ERR_FORMAT, "added_tokens[0]: an added token needs"},
        {"t5", "model.unk_id", "700", ERR_FORMAT, "model.unk_id is no id of the vocabulary"},
        {"t5", "model.unk_id", "null", ERR_FORMAT, "model.unk_id is no id of the vocabulary"},
        {"t5", "model.byte_fallback", "true", ERR_FORMAT, "the vocabulary has no '<0x00>'"},
        {"t5", "model.vocab.9", "[\"</s>\", -1]", ERR_FORMAT, "token '</s>' occurs twice"},
        {"t5", "model.vocab.9", "[\"\", -1]", ERR_FORMAT, "token 9 is empty"},
        {"t5", "model.vocab.9", "[\"x\", -1, 2]", ERR_FORMAT, "a token has more than a text and a score"},
        {"t5", "model.vocab.9", "[\"x\", \"y\"]", ERR_FORMAT, "model.vocab: a number expected at byte"},
        {"t5", "model.vocab.9", "\"x\"", ERR_FORMAT, "model.vocab: an array expected at byte"},
        {"t5", "model.vocab", "[]", ERR_FORMAT, "model.vocab: it is empty"},
        {"t5", "pre_tokenizer.prepend_scheme", "\"never\"", ERR_UNSUPPORTED, "Metaspace puts no low line"},
        {"t5", "normalizer.normalizers.0.precompiled_charsmap", "\"AAAA\"", ERR_FORMAT,
            "the charsmap of 3 bytes has no trie"},
        {"t5", "normalizer.normalizers.0.precompiled_charsmap", "\"%\"", ERR_FORMAT, "is not base64"},
        {"bert_cased", "model.unk_token", "\"[NONE]\"", ERR_FORMAT, "no unknown token '[NONE]'"},
        {"bert_cased", "model.max_input_chars_per_word", "0", ERR_FORMAT,
            "max_input_chars_per_word is no number"},
        {"bert_cased", "model.continuing_subword_prefix", "\"@@\"", ERR_UNSUPPORTED, "prefix is not '##'"},
        {"bert_cased", "normalizer", "null", ERR_UNSUPPORTED, "the normalizer is not BertNormalizer"},
        {"bert_cased", "pre_tokenizer", "null", ERR_UNSUPPORTED, "the pre_tokenizer is not BertPreTokenizer"},
        {"bert_cased", "post_processor.sep", "[]", ERR_FORMAT, "post_processor has no cls and sep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_edit(cases[i].folder, cases[i].path, cases[i].json, cases[i].code, cases[i].reason);
}

/* A score of JSON that is too large for a number. */
static void scores_that_are_no_numbers(void **state)
{
    (void)state;
    static const char json[] =
        "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", "
        "\"prepend_scheme\": \"always\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, "
        "\"vocab\": [[\"<unk>\", 0], [\"a\", -1e999]]}}";
    assert_refused(
        TOKENIZER_JSON, CLASS_OTHER, span_of(json), ERR_FORMAT, "token 'a' has a score that is no number");
}

/* ---- SentencePiece's files ----------------------------------------------------------------------------- */

/* Messages in wire format, by hand. */
static void pieces_that_make_no_model(void **state)
{
    (void)state;
#define UNKNOWN "\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02"
#define A                                                                                                    \
    "\x0a\x0a\x0a\x01"                                                                                       \
    "a\x15\0\0\x80\xbf\x18\x01"
    static const struct {
        const char *bytes;
        size_t length;
        enum tokenizer_class class;
        int code;
        const char *reason;
    } cases[] = {
#define CASE(text, class, code, reason) {text, sizeof text - 1, class, code, reason}
        CASE("", CLASS_SIGLIP, ERR_FORMAT, "it has no pieces"),
        CASE("{\"a\": 1}", CLASS_SIGLIP, ERR_FORMAT, "wire type"),
        CASE(A, CLASS_SIGLIP, ERR_FORMAT, "none of its pieces is the unknown one"),
        CASE(UNKNOWN "\x0a\x0c\x0a\x03<u>\x15\0\0\0\0\x18\x02", CLASS_SIGLIP, ERR_FORMAT,
            "pieces 0 and 1 are both"),
        CASE(UNKNOWN A A, CLASS_SIGLIP, ERR_FORMAT, "token 'a' occurs twice"),
        CASE(UNKNOWN "\x0a\x0a\x0a\x01"
                     "b\x15\0\0\xc0\x7f\x18\x01",
            CLASS_SIGLIP, ERR_FORMAT, "piece 1: token 'b' has a score that is no number"),
        CASE(UNKNOWN "\x0a\x0a\x0a\x01"
                     "b\x15\0\0\x80\x7f\x18\x01",
            CLASS_SIGLIP, ERR_FORMAT, "piece 1: token 'b' has a score that is no number"),
        CASE(UNKNOWN "\x0a\x0a\x0a\x01\xff\x15\0\0\0\0\x18\x01", CLASS_SIGLIP, ERR_FORMAT,
            "token 1 is not UTF-8"),
        CASE(UNKNOWN "\x0a\x07\x15\0\0\0\0\x18\x01", CLASS_SIGLIP, ERR_FORMAT, "piece 1: token 1 is empty"),
        CASE(UNKNOWN "\x0a\x0a\x0a\x01"
                     "b\x15\0\0\0\0\x18\x09",
            CLASS_SIGLIP, ERR_FORMAT, "token 'b' has the unknown type 9"),
        CASE(UNKNOWN "\x0a\x7f"
                     "ab",
            CLASS_SIGLIP, ERR_FORMAT, "field 1 runs past the end"),
        CASE(UNKNOWN A "\x12\x02\x18\x04", CLASS_SIGLIP, ERR_UNSUPPORTED,
            "its model_type is 4, not unigram or bpe"),
        CASE(UNKNOWN A "\x12\x02\x18\x02", CLASS_SIGLIP, ERR_UNSUPPORTED, "its model_type is bpe"),
        CASE(UNKNOWN A "\x12\x03\x98\x02\x01", CLASS_SIGLIP, ERR_FORMAT, "no piece '<0x00>'"),
        CASE(UNKNOWN A "\x12\x03\xc0\x01\x01", CLASS_SIGLIP, ERR_UNSUPPORTED, "it puts blanks behind words"),
        CASE(UNKNOWN A "\x1a\x02\x28\x00", CLASS_SIGLIP, ERR_UNSUPPORTED, "leaves them as they are"),
        CASE(UNKNOWN A, CLASS_SIGLIP, ERR_FORMAT, "the vocabulary has no '</s>'"),
        CASE(UNKNOWN A "\x0a\x0a\x0a\x01"
                       "b\x15\0\0\0\0\x18\x05\x12\x02\x18\x02",
            CLASS_GEMMA, ERR_UNSUPPORTED, "piece 2 is unused"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(TOKENIZER_SPIECE, cases[i].class, (struct span){cases[i].bytes, cases[i].length},
            cases[i].code, cases[i].reason);
}

/* ---- charsmaps ----------------------------------------------------------------------------------------- */

enum { UNITS = 256 };

struct blob {
    char bytes[4 + 4 * UNITS + 4];
};

static void put_u32(char *to, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        to[i] = (char)(value >> 8 * i);
}

/* A trie of nothing, whose one right side is "x". */
static struct blob empty_blob(void)
{
    struct blob blob = {{0}};
    put_u32(blob.bytes, 4 * UNITS);
    memcpy(blob.bytes + 4 + 4 * UNITS, "x\0\0", 4);
    return blob;
}

static void set_unit(struct blob *blob, size_t unit, uint32_t label, uint32_t offset, bool leaf)
{
    put_u32(blob->bytes + 4 + 4 * unit, label | offset << 10 | (leaf ? 0x100 : 0));
}

static void assert_map(const struct blob *blob, size_t length, const char *reason)
{
    struct charsmap map;
    struct err err = {0};
    const int rc = charsmap_init(&map, (struct span){blob->bytes, length}, &err);
    if (reason && (rc != ERR_FORMAT || !strstr(err.msg, reason)))
        fail_msg("code %d, message '%s', expected '%s'", rc, err.msg, reason);
    if (!reason && rc)
        fail_msg("%s", err.msg);
    charsmap_release(&map);
}

/* "a" -> "x" is: the root at 0, whose children begin at 1; 'a' at 1 ^ 'a', whose begin at 8; its leaf there. */
static void charsmaps_that_lead_nowhere(void **state)
{
    (void)state;
    struct blob blob = empty_blob();
    const size_t whole = sizeof blob.bytes, a = 1 ^ 'a';
    assert_map(&blob, whole, NULL);
    set_unit(&blob, 0, 0, 1, false);
    set_unit(&blob, a, 'a', a ^ 8, true);
    assert_map(&blob, whole, NULL);

    set_unit(&blob, a, 'a', a ^ 1, false); /* 'a' has the root's children: "aaa" goes round */
    assert_map(&blob, whole, "the charsmap's trie loops at unit 96");
    set_unit(&blob, a, 'a', 0x1000, true);
    assert_map(&blob, whole, "the charsmap's trie leads to unit");
    set_unit(&blob, a, 'a', a ^ 8, true);
    put_u32(blob.bytes + 4 + 4 * 8, 0x80000004);
    assert_map(&blob, whole, "has its text at byte 4 of 4");

    blob = empty_blob();
    blob.bytes[whole - 4] = '\xff';
    assert_map(&blob, whole, "the texts of the charsmap are not UTF-8");
    blob = empty_blob();
    blob.bytes[whole - 1] = 'x';
    assert_map(&blob, whole, "the last text of the charsmap has no end");
    assert_map(&blob, 4 + 4 * UNITS, "has no trie at its front");
    assert_map(&blob, 3, "has no trie at its front");
    put_u32(blob.bytes, 6);
    assert_map(&blob, whole, "has no trie at its front");
}

/* ---- vocab.txt ----------------------------------------------------------------------------------------- */

static void lines_that_make_no_vocabulary(void **state)
{
    (void)state;
    assert_refused(
        TOKENIZER_WORDPIECE, CLASS_BERT, span_of("[UNK]\na\n\nb\n"), ERR_FORMAT, "line 3: token 2 is empty");
    assert_refused(
        TOKENIZER_WORDPIECE, CLASS_BERT, span_of("[UNK]\na\na\n"), ERR_FORMAT, "token 'a' occurs twice");
    assert_refused(TOKENIZER_WORDPIECE, CLASS_BERT, span_of("a\n"), ERR_FORMAT, "no unknown token '[UNK]'");
    assert_refused(
        TOKENIZER_WORDPIECE, CLASS_BERT, span_of("[UNK]\na\n"), ERR_FORMAT, "the vocabulary has no '[CLS]'");
}

/* A left side that is half a character would leave the other half behind. */
static void charsmaps_match_whole_characters(void **state)
{
    (void)state;
    struct blob blob = empty_blob();
    struct charsmap map;
    struct span right;
    set_unit(&blob, 0, 0, 1, false);
    set_unit(&blob, 1 ^ 0xc3, 0xc3, 1 ^ 0xc3 ^ 8, true);
    assert_int_equal(charsmap_init(&map, (struct span){blob.bytes, sizeof blob.bytes}, NULL), 0);
    assert_int_equal(charsmap_find(&right, &map, span_of("\xc3\xa9"), true), 0);
    charsmap_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer_json_that_disagrees_with_itself),
        cmocka_unit_test(scores_that_are_no_numbers),
        cmocka_unit_test(pieces_that_make_no_model),
        cmocka_unit_test(charsmaps_that_lead_nowhere),
        cmocka_unit_test(charsmaps_match_whole_characters),
        cmocka_unit_test(lines_that_make_no_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
