// SPDX-License-Identifier: Apache-2.0
/* Bad files: each is refused with the right code and a message that names file, place and reason. */
#include "tests/text/golden.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define SCRATCH DIPTYCH_SCRATCH "/"

static void assert_refused(int rc, const struct err *err, int code, const char *name, const char *reason)
{
    if (rc == 0)
        fail_msg("%s was accepted, expected '%s'", name, reason);
    if (rc != code || err->code != (enum err_code)code)
        fail_msg("code %d, expected %d: %s", rc, code, err->msg);
    if (!strstr(err->msg, name) || !strstr(err->msg, reason))
        fail_msg("message '%s', expected '%s' and '%s' in it", err->msg, name, reason);
}

/* ---- tokenizer.json ------------------------------------------------------------------------------------ */

/* The value at a path such as "model.merges.3", and the last key of the path. */
static json_t *find_parent(json_t *root, const char *path, const char **last)
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

/* Sets what is at the path to a piece of JSON; NULL removes it. */
static void edit(json_t *root, const char *path, const char *json)
{
    const char *key;
    json_t *parent = find_parent(root, path, &key);
    json_t *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    assert_true(value || !json);
    if (json_is_array(parent))
        assert_int_equal(json_array_set_new(parent, (size_t)atoi(key), value), 0);
    else if (value)
        assert_int_equal(json_object_set_new(parent, key, value), 0);
    else
        assert_int_equal(json_object_del(parent, key), 0);
}

static int parse_json(struct tokenizer **out, const char *bytes, size_t size, struct err *err)
{
    const struct text_file file = {"edited.json", {bytes, size}};
    return tokenizer_parse(out, TOKENIZER_JSON, &file, &no_settings, transformers, err);
}

static int parse_edited(
    struct tokenizer **out, const char *folder, const char *path, const char *json, struct err *err)
{
    char name[512];
    snprintf(name, sizeof name, GOLDEN "%s/tokenizer.json", folder);
    json_t *root = json_load_file(name, 0, NULL);
    assert_non_null(root);
    edit(root, path, json);
    char *text = json_dumps(root, JSON_COMPACT);
    const int rc = parse_json(out, text, strlen(text), err);
    free(text);
    json_decref(root);
    return rc;
}

static void tokenizer_json_that_is_not_clips(void **state)
{
    (void)state;
    const char *small = "tokenizer_small", *old = "tokenizer_old";
    const struct {
        const char *folder, *path, *json;
        int code;
        const char *reason;
    } cases[] = {
        {small, "model.type", "\"WordLevel\"", ERR_UNSUPPORTED,
            "the model is 'WordLevel', not BPE, Unigram or WordPiece"},
        {small, "model.type", "\"Unigram\"", ERR_UNSUPPORTED, "normalizer 'NFC' is none that we do"},
        {small, "model.type", "\"WordPiece\"", ERR_UNSUPPORTED, "continuing_subword_prefix is not '##'"},
        {small, "model", NULL, ERR_UNSUPPORTED, "it needs a vocab and merges"},
        {small, "model.merges", NULL, ERR_UNSUPPORTED, "it needs a vocab and merges"},
        {small, "model.vocab", "[[\"a\", 0.5]]", ERR_UNSUPPORTED, "it needs a vocab and merges"},
        {small, "model.end_of_word_suffix", "null", ERR_UNSUPPORTED, "normalizer 'NFC' is none that we do"},
        {small, "model.vocab.th", "-1", ERR_FORMAT, "token 'th' has id -1"},
        {small, "model.vocab.th", "4000000000", ERR_FORMAT, "token 'th' has id 4000000000"},
        {small, "model.vocab.th", "\"7\"", ERR_FORMAT, "token 'th' has no integer id"},
        {small, "model.vocab.th", "0", ERR_FORMAT, "token 'th' has id 0, as another has"},
        {small, "model.merges.7", "\"ab\"", ERR_FORMAT, "model.merges[7]: a merge is two tokens"},
        {small, "model.merges.7", "[\"a\", \"b\", \"c\"]", ERR_FORMAT,
            "model.merges[7]: a merge is two tokens"},
        {small, "model.merges.7", "[\"a\", 1]", ERR_FORMAT, "model.merges[7]: a merge is two tokens"},
        {small, "model.merges.8", "[\"q\", \"q\"]", ERR_FORMAT,
            "model.merges[8]: the vocabulary has no 'qq'"},
        {old, "model.merges.9", "\"qq q\"", ERR_FORMAT, "model.merges[9]: the vocabulary has no 'qq'"},
        {small, "added_tokens.1.id", "3", ERR_FORMAT,
            "added_tokens[1]: added token '<|endoftext|>' has id 3, but"},
        {small, "added_tokens.1.id", "null", ERR_FORMAT, "added_tokens[1]: an added token needs"},
        {small, "added_tokens.1.normalized", NULL, ERR_FORMAT, "added_tokens[1]: an added token needs"},
        {small, "added_tokens.1.content", "\"\"", ERR_FORMAT, "added_tokens[1]: an added token is empty"},
        {small, "added_tokens.0.lstrip", "true", ERR_UNSUPPORTED,
            "added_tokens[0]: added token '<|startoftext|>'"},
        {small, "added_tokens.0.rstrip", "true", ERR_UNSUPPORTED, "added_tokens[0]"},
        {small, "added_tokens.0.single_word", "true", ERR_UNSUPPORTED, "added_tokens[0]"},
        {old, "added_tokens.2.id", "5", ERR_FORMAT,
            "added_tokens[2]: token '<sks>' has id 5, as another has"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        const int rc = parse_edited(&tokenizer, cases[i].folder, cases[i].path, cases[i].json, &err);
        assert_refused(rc, &err, cases[i].code, "edited.json", cases[i].reason);
        assert_null(tokenizer);
    }
}

/* What may be left out or said otherwise: the ids are the same. */
static void tokenizer_json_in_other_words(void **state)
{
    (void)state;
    const struct {
        const char *path, *json;
    } cases[] = {
        {"model.type", NULL},
        {"model.continuing_subword_prefix", "\"##\""},
        {"model.dropout", NULL},
        {"model.ignore_merges", "true"},
        {"model.unk_token", "\"<unk>\""},
        {"normalizer", "{\"type\": \"NFC\"}"},
        {"normalizer", NULL},
        {"pre_tokenizer", "{\"type\": \"Whitespace\"}"},
        {"post_processor", "null"},
        {"added_tokens.0.special", NULL},
        {"added_tokens", "[]"},
    };
    const char text[] = "Red HEART don't e\xcc\x81 <|StartOfText|>a<|endoftext|>b";
    const int32_t want[] = {912, 81, 68, 323, 71, 68, 64, 81, 339};
    enum { ROOM = 64 };
    int32_t first[ROOM];
    size_t first_count = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        int32_t ids[ROOM];
        size_t count;
        if (parse_edited(&tokenizer, "tokenizer_small", cases[i].path, cases[i].json, &err))
            fail_msg("%s: %s", cases[i].path, err.msg);
        assert_int_equal(
            tokenizer_encode(tokenizer, text, sizeof text - 1, ids, ROOM, &count, NULL, &err), 0);
        tokenizer_free(tokenizer);
        assert_memory_equal(ids, want, sizeof want);
        if (i == 0) {
            memcpy(first, ids, count * sizeof *ids);
            first_count = count;
        }
        assert_int_equal(count, first_count);
        assert_memory_equal(ids, first, count * sizeof *ids);
    }
}

static void tokenizer_json_cut_anywhere(void **state)
{
    (void)state;
    struct span whole = must_read(GOLDEN "tokenizer_old/tokenizer.json");
    for (size_t size = 0; size + 2 < whole.length; size += 997) {
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        const int rc = parse_json(&tokenizer, whole.data, size, &err);
        assert_refused(rc, &err, ERR_FORMAT, "edited.json", "byte ");
    }
    free((char *)whole.data);
}

/* ---- vocab.json with merges.txt ------------------------------------------------------------------------ */

static void vocab_and_merges_that_disagree(void **state)
{
    (void)state;
    const char *tokens = "{\"a\": 0, \"b\": 1, \"ab\": 2, \"<|startoftext|>\": 3, \"<|endoftext|>\": 4}";
    const struct {
        const char *vocab, *merges;
        const char *name, *reason; /* name NULL: accepted */
    } cases[] = {
        {tokens, "#version: 0.2\na b\n", NULL, ""},
        {tokens, "a b", NULL, ""},
        {tokens, "#version: 0.2\r\na b\r\n", NULL, ""},
        {tokens, "", NULL, ""},
        {tokens, "#version: 0.2\na b\nb a\n", "m.txt", "line 3: the vocabulary has no 'ba'"},
        {tokens, "#version: 0.2\nc b\n", "m.txt", "line 2: the vocabulary has no 'c'"},
        {tokens, "a b\nb c\n", "m.txt", "line 2: the vocabulary has no 'c'"},
        {tokens, "a b\n\n", "m.txt", "line 2: a merge is two tokens with a blank between"},
        {tokens, "a b\nab\n", "m.txt", "line 2: a merge is two tokens with a blank between"},
        {tokens, "a b c\n", "m.txt", "line 1: the vocabulary has no 'b c'"},
        {tokens, "a  b\n", "m.txt", "line 1: the vocabulary has no ' b'"},
        {"{\"a\": 0,\n \"b\": }", "", "v.json", "line 2"},
        {"[1]", "", "v.json", "no JSON object"},
        {"", "", "v.json", "byte 0"},
        {"{\"a\": 0, \"a\": 1}", "", "v.json", "duplicate"},
        {"{\"a\": 0, \"b\": 0}", "", "v.json", "token 'b' has id 0, as another has"},
        {"{\"a\": 1e3}", "", "v.json", "token 'a' has no integer id"},
        {"{\"a\": 1048576}", "", "v.json", "token 'a' has id 1048576, not one from 0 to 1048575"},
        {"{\"<|endoftext|>\": 0}", "", "v.json", "the vocabulary has no '<|startoftext|>'"},
        {"{\"<|startoftext|>\": 0}", "", "v.json", "the vocabulary has no '<|endoftext|>'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct text_file files[] = {
            {"v.json", span_of(cases[i].vocab)}, {"m.txt", span_of(cases[i].merges)}};
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        const int rc =
            tokenizer_parse(&tokenizer, TOKENIZER_VOCAB_MERGES, files, &no_settings, transformers, &err);
        if (cases[i].name)
            assert_refused(rc, &err, ERR_FORMAT, cases[i].name, cases[i].reason);
        else
            assert_int_equal(rc, 0);
        tokenizer_free(tokenizer);
    }
}

/* ---- OpenAI's file ------------------------------------------------------------------------------------- */

static void openai_file_that_is_damaged(void **state)
{
    (void)state;
    const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "0 merges, expected 48894"},
        {"\"bpe_simple_vocab_16e6.txt#version: 0.2\n", "0 merges, expected 48894"},
        {"header\ni n\nt h\n", "2 merges, expected 48894"},
        {"header\ni n\nth\n", "line 3: a merge is two tokens"},
        {"header\ni n\nqq q\n", "line 3: the vocabulary has no 'qq'"},
        {"header\ni n\ni n\n", "line 3: token 'in' occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct text_file file = {"vocab.gz", span_of(cases[i].text)};
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        const int rc = tokenizer_parse(&tokenizer, TOKENIZER_OPENAI, &file, &no_settings, transformers, &err);
        assert_refused(rc, &err, ERR_FORMAT, "vocab.gz", cases[i].reason);
    }
}

/* ---- directories --------------------------------------------------------------------------------------- */

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void directories(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    const char *names[] = {"tokenizer.json", "vocab.json", "merges.txt", "bpe_simple_vocab_16e6.txt.gz"};
    for (size_t i = 0; i < 4; i++) {
        char path[512];
        snprintf(path, sizeof path, SCRATCH "%s", names[i]);
        unlink(path);
    }
    assert_refused(tokenizer_load(&tokenizer, SCRATCH "none", transformers, &err), &err, ERR_IO,
        SCRATCH "none",
        "neither tokenizer.json, nor vocab.json with merges.txt, nor bpe_simple_vocab_16e6.txt.gz");

    /* a vocabulary without its merges is no tokenizer */
    struct span vocab = must_read(GOLDEN "tokenizer_small/vocab.json");
    struct span merges = must_read(GOLDEN "tokenizer_small/merges.txt");
    write_file(SCRATCH "vocab.json", vocab.data, vocab.length);
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_IO,
        DIPTYCH_SCRATCH, "no tokenizer");
    write_file(SCRATCH "merges.txt", merges.data, merges.length);
    assert_int_equal(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), 0);
    assert_int_equal(tokenizer_vocab(tokenizer), 914);
    tokenizer_free(tokenizer);

    /* messages carry the whole path */
    write_file(SCRATCH "merges.txt", "#version: 0.2\nqq q\n", 19);
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_FORMAT,
        SCRATCH "merges.txt", "line 2");
    write_file(SCRATCH "tokenizer.json", "{\"model\": ", 10); /* is preferred */
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_FORMAT,
        SCRATCH "tokenizer.json", "line 1");
    free((char *)vocab.data);
    free((char *)merges.data);
}

/* model_max_length as CLIPTokenizer of transformers 5.23 cuts a text of 102 ids by it; what it dies of is
 * refused. */
static void length_of_tokenizer_config(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t context; /* 0: refused */
    } cases[] = {
        {"{}", SIZE_MAX},
        {"{\"model_max_length\": 77, \"do_lower_case\": false}", 77},
        {"{\"model_max_length\": 2}", 2},
        {"{\"model_max_length\": 1}", SIZE_MAX},
        {"{\"model_max_length\": 0}", SIZE_MAX},
        {"{\"model_max_length\": null}", SIZE_MAX},
        {"{\"model_max_length\": true}", SIZE_MAX},
        {"{\"model_max_length\": 1e30}", SIZE_MAX},
        {"{\"model_max_length\": 1000000000000000019884624838656}", SIZE_MAX},
        {"{\"model_max_length\": -5}", 0},
        {"{\"model_max_length\": 16.5}", 0},
        {"{\"model_max_length\": \"16\"}", 0},
        {"{\"model_max_length\": ", 0},
    };
    const char *path = SCRATCH "tokenizer_config.json";
    struct span json = must_read(GOLDEN "tokenizer_small/tokenizer.json");
    write_file(SCRATCH "tokenizer.json", json.data, json.length);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tokenizer *tokenizer = NULL;
        struct err err = {0};
        write_file(path, cases[i].json, strlen(cases[i].json));
        const int rc = tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err);
        if (cases[i].context) {
            assert_int_equal(rc, 0);
            assert_int_equal(tokenizer_context(tokenizer), cases[i].context);
            tokenizer_free(tokenizer);
        } else {
            assert_refused(rc, &err, ERR_FORMAT, path, "");
            assert_null(tokenizer);
        }
        /* open_clip has its own */
        assert_int_equal(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, open_clip, &err), 0);
        assert_int_equal(tokenizer_context(tokenizer), SIZE_MAX);
        tokenizer_free(tokenizer);
    }
    unlink(path);
    free((char *)json.data);
}

static void languages_behind_a_text_are_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"tokenizer_class\": \"NllbTokenizer\", \"legacy_behaviour\": true}";
    const char *path = SCRATCH "tokenizer_config.json";
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    write_file(path, json, strlen(json));
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_UNSUPPORTED,
        path, "legacy_behaviour is true");
    unlink(path);
}

static void openai_file_that_is_cut_or_corrupt(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    const char *path = SCRATCH "bpe_simple_vocab_16e6.txt.gz";
    const char text[] = "\"bpe_simple_vocab_16e6.txt#version: 0.2\ni n\nt h\na n\nr e\n";
    unlink(SCRATCH "tokenizer.json");
    unlink(SCRATCH "vocab.json");

    gzFile gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, text, sizeof text - 1), sizeof text - 1);
    gzclose(gz);
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_FORMAT, path,
        "4 merges, expected 48894");

    FILE *file = fopen(path, "rb");
    char bytes[256];
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(truncate(path, (off_t)size - 12), 0);
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_FORMAT, path,
        "unable to read");
    bytes[size / 2] = (char)~bytes[size / 2];
    write_file(path, bytes, size);
    assert_refused(tokenizer_load(&tokenizer, DIPTYCH_SCRATCH, transformers, &err), &err, ERR_FORMAT, path,
        "unable to read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer_json_that_is_not_clips),
        cmocka_unit_test(tokenizer_json_in_other_words),
        cmocka_unit_test(tokenizer_json_cut_anywhere),
        cmocka_unit_test(vocab_and_merges_that_disagree),
        cmocka_unit_test(length_of_tokenizer_config),
        cmocka_unit_test(openai_file_that_is_damaged),
        cmocka_unit_test(directories),
        cmocka_unit_test(length_of_tokenizer_config),
        cmocka_unit_test(languages_behind_a_text_are_refused),
        cmocka_unit_test(openai_file_that_is_cut_or_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
