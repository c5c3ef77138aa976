// SPDX-License-Identifier: Apache-2.0
/* Every caption and ImageNet prompt of the fixtures: count and hash of the ids, against tokenizer_fixtures.tsv for CLIP's
 * tokenizer, and subword_fixtures.tsv for one of each other kind. */
#include "tests/text/golden.h"

#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONTEXT = 77, WHOLE = 4096 }; /* CLIP's references cut at 77 ids, the others nowhere */

/* FNV-1a over whole ids, as tokenizer.py does it. */
struct digest {
    const struct tokenizer *tokenizer;
    size_t context, texts, ids;
    uint64_t hash;
};

static void add_text(struct digest *digest, const char *text, size_t length)
{
    static int32_t ids[WHOLE];
    size_t count;
    struct err err = {0};
    if (tokenizer_encode(digest->tokenizer, text, length, ids, digest->context, &count, NULL, &err))
        fail_msg("'%.*s': %s", (int)length, text, err.msg);
    for (size_t i = 0; i < count; i++)
        digest->hash = (digest->hash ^ (uint64_t)ids[i]) * UINT64_C(0x100000001b3);
    digest->texts++;
    digest->ids += count;
}

static void add_json(struct digest *digest, const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value))
        add_text(digest, json_string_value(value), json_string_length(value));
    json_object_foreach((json_t *)value, key, item) add_json(digest, item);
    json_array_foreach(value, i, item) add_json(digest, item);
}

static void add_fields(struct digest *digest, struct span text)
{
    struct span line, field;
    if (text.data[text.length - 1] == '\n')
        text.length--;
    while (cut(&line, &text, '\n'))
        while (cut(&field, &line, '\t'))
            add_text(digest, field.data, field.length);
}

static void add_file(struct digest *digest, const char *path)
{
    struct span bytes = must_read(path);
    if (strstr(path, ".json")) {
        json_t *root = json_loadb(bytes.data, bytes.length, 0, NULL);
        assert_non_null(root);
        add_json(digest, root);
        json_decref(root);
    } else {
        add_fields(digest, bytes);
    }
    free((char *)bytes.data);
}

static void read_lines(struct strings *lines, const char *path)
{
    struct span bytes = must_read(path);
    assert_int_equal(strings_add_lines(lines, bytes.data, bytes.length, NULL), 0);
    free((char *)bytes.data);
}

static void add_prompts(struct digest *digest)
{
    struct strings templates = {0}, classes = {0};
    char prompt[512];
    read_lines(&templates, DIPTYCH_FIXTURES "/vocab/imagenet_templates.txt");
    read_lines(&classes, DIPTYCH_FIXTURES "/vocab/imagenet_classes.txt");
    for (size_t i = 0; i < templates.count; i++) {
        const char *hole = strstr(templates.items[i], "{}");
        assert_non_null(hole);
        for (size_t j = 0; j < classes.count; j++) {
            const int length = snprintf(prompt, sizeof prompt, "%.*s%s%s", (int)(hole - templates.items[i]),
                templates.items[i], classes.items[j], hole + 2);
            assert_in_range(length, 1, sizeof prompt - 1);
            add_text(digest, prompt, (size_t)length);
        }
    }
    strings_release(&templates);
    strings_release(&classes);
}

static void check_file(struct digest got, const char *name, size_t texts, size_t ids, uint64_t hash)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", DIPTYCH_FIXTURES, name);
    got.hash = UINT64_C(0xcbf29ce484222325);
    if (!strcmp(name, "prompts"))
        add_prompts(&got);
    else
        add_file(&got, path);
    if (got.texts != texts || got.ids != ids || got.hash != hash)
        fail_msg("%s: %zu texts, %zu ids, hash %016" PRIx64 ", expected %zu, %zu, %016" PRIx64, name,
            got.texts, got.ids, got.hash, texts, ids, hash);
}

static void need_fixtures(void)
{
    if (!file_exists(DIPTYCH_FIXTURES "/vocab") || !file_exists(DIPTYCH_FIXTURES "/captions")) {
        print_message("no %s: captions and ImageNet prompts are not tested\n", DIPTYCH_FIXTURES);
        skip();
    }
}

static void ids_of_all_fixtures(void **state)
{
    (void)state;
    need_fixtures();
    struct tokenizer *tokenizer = must_load(DIPTYCH_FIXTURES "/vocab", transformers);
    struct span golden = must_read(GOLDEN "tokenizer_fixtures.tsv"), rest = golden, line;
    size_t files = 0;
    for (; cut(&line, &rest, '\n') && line.length; files++) {
        char name[256];
        size_t texts, ids;
        uint64_t hash;
        assert_int_equal(sscanf(line.data, "%255s %zu %zu %" SCNx64, name, &texts, &ids, &hash), 4);
        check_file((struct digest){.tokenizer = tokenizer, .context = CONTEXT}, name, texts, ids, hash);
    }
    assert_true(files > 30);
    free((char *)golden.data);
    tokenizer_free(tokenizer);
}

static void ids_of_all_captions_by_each_kind(void **state)
{
    struct span golden, rest, line;
    size_t files = 0;
    (void)state;
    need_fixtures();
    golden = rest = must_read(GOLDEN "subword_fixtures.tsv");
    for (; cut(&line, &rest, '\n') && line.length; files++) {
        char folder[64], name[256], path[1024];
        size_t texts, ids;
        uint64_t hash;
        assert_int_equal(
            sscanf(line.data, "%63s %255s %zu %zu %" SCNx64, folder, name, &texts, &ids, &hash), 5);
        snprintf(path, sizeof path, GOLDEN "subword/%s", folder);
        struct tokenizer *tokenizer = must_load(path, transformers);
        check_file((struct digest){.tokenizer = tokenizer, .context = WHOLE}, name, texts, ids, hash);
        tokenizer_free(tokenizer);
    }
    assert_true(files > 100);
    free((char *)golden.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_fixtures), cmocka_unit_test(ids_of_all_captions_by_each_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
