// SPDX-License-Identifier: Apache-2.0
#include "tests/text/captions/metric_suites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *must_read(size_t *size, const char *path)
{
    struct err err = {0};
    char *bytes = NULL;
    if (file_read(&bytes, size, path, (size_t)64 << 20, &err))
        fail_msg("%s", err.msg);
    return bytes;
}

json_t *must_read_json(const char *path)
{
    size_t size;
    char *bytes = must_read(&size, path);
    json_t *root = json_loadb(bytes, size, 0, NULL);
    assert_non_null(root);
    free(bytes);
    return root;
}

/* \t \n \r \\ -> that character, in place */
static void unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (*text == '\\') {
            text++;
            *out++ = (char)(*text == 't' ? '\t' : *text == 'n' ? '\n' : *text == 'r' ? '\r' : '\\');
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

void read_tokens(json_t *captions, const char *path)
{
    size_t size;
    char *bytes = must_read(&size, path);
    struct strings lines = {0};
    assert_int_equal(strings_add_lines(&lines, bytes, size, NULL), 0);
    free(bytes);
    for (size_t i = 0; i < lines.count; i++) {
        char *caption = strchr(lines.items[i], '\t');
        if (!caption) /* a comment */
            continue;
        *caption++ = '\0';
        unescape(lines.items[i]);
        unescape(caption);
        if (!json_object_get(captions, lines.items[i]))
            json_object_set_new(captions, lines.items[i], json_array());
        json_array_append_new(json_object_get(captions, lines.items[i]), json_string(caption));
    }
    strings_release(&lines);
}

static const char *text_of(const json_t *caption)
{
    const char *text = json_string_value(json_is_array(caption) ? json_array_get(caption, 0) : caption);
    assert_non_null(text);
    return text;
}

void suite_init(struct suite *suite, const json_t *candidates, const json_t *references)
{
    const size_t count = json_object_size(candidates);
    const char *id;
    json_t *candidate, *reference;
    size_t r;
    *suite = (struct suite){0};
    suite->pairs = arena_alloc(&suite->arena, count * sizeof *suite->pairs);
    suite->ids = arena_alloc(&suite->arena, count * sizeof *suite->ids);
    json_object_foreach((json_t *)candidates, id, candidate)
    {
        json_t *array = json_object_get(references, id);
        assert_true(json_is_array(array));
        const char **texts = arena_alloc(&suite->arena, json_array_size(array) * sizeof *texts);
        json_array_foreach(array, r, reference) texts[r] = text_of(reference);
        suite->pairs[suite->count] = (struct caption_pair){text_of(candidate), texts, json_array_size(array)};
        suite->ids[suite->count++] = id;
    }
}

void suite_release(struct suite *suite)
{
    arena_release(&suite->arena);
}

struct caption_pair *golden_pairs(size_t *count, const json_t *list)
{
    *count = json_array_size(list);
    struct caption_pair *pairs = calloc(*count, sizeof *pairs);
    for (size_t i = 0; i < *count; i++) {
        const json_t *pair = json_array_get(list, i), *said = json_array_get(pair, 1);
        const char **references = calloc(json_array_size(said), sizeof *references);
        for (size_t j = 0; j < json_array_size(said); j++)
            references[j] = json_string_value(json_array_get(said, j));
        pairs[i] = (struct caption_pair){
            json_string_value(json_array_get(pair, 0)), references, json_array_size(said)};
    }
    return pairs;
}

void golden_pairs_free(struct caption_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)pairs[i].references);
    free(pairs);
}
