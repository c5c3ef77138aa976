// SPDX-License-Identifier: Apache-2.0
/* PTB words against the reference's own, of other people's captions (the fixtures) and of ours (golden). */
#include "tests/text/files.h"
#include "text/captions/captions.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CAPTIONS DIPTYCH_FIXTURES "/captions/"

enum { SHOWN = 20 }; /* differences to print */

struct columns {
    struct strings raw, expected;
};

static void columns_release(struct columns *lines)
{
    strings_release(&lines->raw);
    strings_release(&lines->expected);
}

static void must_add(struct strings *strings, struct span text)
{
    assert_int_equal(strings_add(strings, text.data, text.length, NULL), 0);
}

/* \t \n \r \\ -> that character; a NUL, which no string can hold, -> a blank */
static void add_field(struct strings *strings, struct span field)
{
    char *text = malloc(field.length + 1);
    size_t length = 0;
    assert_non_null(text);
    for (size_t i = 0; i < field.length; i++) {
        char c = field.data[i];
        if (c == '\\' && i + 1 < field.length) {
            c = field.data[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        text[length++] = c ? c : ' ';
    }
    must_add(strings, (struct span){text, length});
    free(text);
}

/* Two columns of a table whose lines may begin with '#'. */
static void read_columns(struct columns *lines, const char *path, size_t raw, size_t expected)
{
    const struct span bytes = must_read(path);
    struct span rest = bytes, line, field;
    while (cut(&line, &rest, '\n')) {
        if (!line.length || (line.data[0] == '#' && line.length > 1 && line.data[1] == ' '))
            continue;
        for (size_t column = 0; cut(&field, &line, '\t'); column++)
            if (column == raw || column == expected)
                add_field(column == raw ? &lines->raw : &lines->expected, field);
    }
    free((char *)bytes.data);
    assert_int_equal(lines->raw.count, lines->expected.count);
}

/* On several threads the words are the same. */
static void check_threads(const struct strings *raw, bool context, const struct strings *expected)
{
    struct strings got = {0};
    assert_int_equal(ptb_words(&got, raw, context, 3, NULL), 0);
    assert_int_equal(got.count, expected->count);
    for (size_t i = 0; i < got.count; i++)
        assert_string_equal(got.items[i], expected->items[i]);
    strings_release(&got);
}

static void check_lines(const struct columns *lines, bool context, const char *name)
{
    struct strings got = {0};
    struct err err = {0};
    size_t wrong = 0;
    if (ptb_words(&got, &lines->raw, context, 1, &err))
        fail_msg("%s: %s", name, err.msg);
    assert_int_equal(got.count, lines->expected.count);
    check_threads(&lines->raw, context, &got);
    for (size_t i = 0; i < got.count; i++)
        if (strcmp(got.items[i], lines->expected.items[i]) != 0 && ++wrong <= SHOWN)
            print_message("%s, line %zu: '%s'\n       got '%s'\n  expected '%s'\n", name, i,
                lines->raw.items[i], got.items[i], lines->expected.items[i]);
    print_message("%s: %zu of %zu lines exact\n", name, got.count - wrong, got.count);
    strings_release(&got);
    assert_int_equal(wrong, 0);
}

static void check_columns(const char *path, size_t raw, size_t expected)
{
    struct columns lines = {0};
    read_columns(&lines, path, raw, expected);
    check_lines(&lines, false, path);
    columns_release(&lines);
}

static void need_fixtures(void)
{
    if (!file_exists(CAPTIONS "README.txt")) {
        print_message("no caption fixtures beside this checkout\n");
        skip();
    }
}

static void test_rest(void **state)
{
    (void)state;
    need_fixtures();
    check_columns(CAPTIONS "tok_rest.tsv.gz", 0, 1);
}

static void test_hard(void **state)
{
    (void)state;
    need_fixtures();
    check_columns(CAPTIONS "tok_hard.tsv.gz", 1, 3);
}

static void test_nasty(void **state)
{
    (void)state;
    need_fixtures();
    check_columns(CAPTIONS "tok_nasty.tsv.gz", 0, 2);
}

/* Columns: source, caption, the next ("<EOF>": it is the last), words there, words alone. */
static void check_context(const char *path)
{
    struct columns pairs = {0}, alone = {0};
    size_t wrong = 0;
    read_columns(&pairs, path, 1, 3);
    read_columns(&alone, path, 2, 4);
    for (size_t i = 0; i < pairs.raw.count; i++) {
        struct strings batch = {0}, got = {0};
        must_add(&batch, span_of(pairs.raw.items[i]));
        if (strcmp(alone.raw.items[i], "<EOF>") != 0)
            must_add(&batch, span_of(alone.raw.items[i]));
        assert_int_equal(ptb_words(&got, &batch, true, 1, NULL), 0);
        if (strcmp(got.items[0], pairs.expected.items[i]) != 0 && ++wrong <= SHOWN)
            print_message("'%s' before '%s': got '%s', expected '%s'\n", pairs.raw.items[i],
                alone.raw.items[i], got.items[0], pairs.expected.items[i]);
        strings_release(&batch);
        strings_release(&got);
    }
    print_message("%s: %zu of %zu lines exact\n", path, pairs.raw.count - wrong, pairs.raw.count);
    assert_int_equal(wrong, 0);
    columns_release(&pairs);
    columns_release(&alone);
    check_columns(path, 1, 4);
}

static void test_context(void **state)
{
    (void)state;
    need_fixtures();
    check_context(CAPTIONS "tok_context.tsv.gz");
}

/* ---- whole suites, as one batch each ------------------------------------------------------------------- */

static json_t *read_json(const char *suite)
{
    char path[512];
    snprintf(path, sizeof path, CAPTIONS "%s.json.gz", suite);
    const struct span bytes = must_read(path);
    json_t *root = json_loadb(bytes.data, bytes.length, 0, NULL);
    assert_non_null(root);
    free((char *)bytes.data);
    return root;
}

/* {image id: [captions]} of a COCO annotation or result file */
static json_t *captions_by_image(const char *suite)
{
    json_t *root = read_json(suite), *by_image = json_object(), *item;
    json_t *list = json_is_array(root) ? root : json_object_get(root, "annotations");
    size_t i;
    json_array_foreach(list, i, item)
    {
        char id[32];
        snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(item, "image_id")));
        if (!json_object_get(by_image, id))
            json_object_set_new(by_image, id, json_array());
        json_array_append(json_object_get(by_image, id), json_object_get(item, "caption"));
    }
    json_decref(root);
    return by_image;
}

/* Lines of the tokens file name an image; its captions come in the order of the annotations. */
static void check_suite(const char *tokens, const char *captions, size_t skipped)
{
    struct columns lines = {0};
    struct strings ids = {0};
    char path[512];
    json_t *by_image = captions_by_image(captions), *used = json_object();

    snprintf(path, sizeof path, CAPTIONS "%s_tokens.tsv.gz", tokens);
    const struct span bytes = must_read(path);
    struct span rest = bytes, line, id;
    while (cut(&line, &rest, '\n')) {
        if (!line.length || !cut(&id, &line, '\t'))
            continue;
        must_add(&ids, id);
        const char *image = ids.items[ids.count - 1];
        const json_t *before = json_object_get(used, image);
        const size_t index = before ? (size_t)json_integer_value(before) : skipped;
        json_object_set_new(used, image, json_integer((json_int_t)index + 1));
        const char *caption = json_string_value(json_array_get(json_object_get(by_image, image), index));
        assert_non_null(caption);
        must_add(&lines.raw, span_of(caption));
        add_field(&lines.expected, line);
    }
    free((char *)bytes.data);
    check_lines(&lines, true, tokens);
    json_decref(by_image);
    json_decref(used);
    strings_release(&ids);
    columns_release(&lines);
}

static void test_suites(void **state)
{
    static const struct {
        const char *tokens, *captions;
        size_t skipped; /* captions of an image before the first that counts */
    } suites[] = {{"kt_refs", "kt_refs", 0}, {"kt_contrastive", "kt_contrastive_results", 0},
        {"kt_magic", "kt_magic_results", 0}, {"kt_nucleus", "kt_nucleus_results", 0},
        {"kt_retrieval", "kt_retrieval_results", 0}, {"kt_zerocap", "kt_zerocap_results", 0},
        {"v17_refs", "v17_refs", 0}, {"v17_lstm", "v17_lstm_results", 0},
        {"v17_fakecap", "v17_fakecap_results", 0}, {"v17loo_human", "v17loo_human_results", 0},
        {"v17loo_refs", "v17_refs", 1}};
    (void)state;
    need_fixtures();
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        check_suite(suites[i].tokens, suites[i].captions, suites[i].skipped);
}

/* ---- ours ---------------------------------------------------------------------------------------------- */

static void test_golden(void **state)
{
    (void)state;
    check_columns(GOLDEN "ptb.tsv", 0, 1);
    check_context(GOLDEN "ptb_context.tsv");
}

static void test_bad_utf8(void **state)
{
    struct strings captions = {0}, got = {0};
    struct err err = {0};
    (void)state;
    must_add(&captions, span_of("a cat"));
    must_add(&captions, span_of("a \xff dog"));
    assert_int_equal(ptb_words(&got, &captions, true, 1, &err), ERR_FORMAT);
    assert_string_equal(err.msg, "caption 1: text is not UTF-8 at byte 2");
    assert_int_equal(got.count, 0);
    strings_release(&captions);
}

static void test_nothing(void **state)
{
    struct strings captions = {0}, got = {0};
    (void)state;
    assert_int_equal(ptb_words(&got, &captions, true, 1, NULL), 0);
    assert_int_equal(got.count, 0);
    must_add(&captions, span_of(""));
    must_add(&captions, span_of(" ... "));
    assert_int_equal(ptb_words(&got, &captions, true, 1, NULL), 0);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.items[0], "");
    assert_string_equal(got.items[1], "");
    strings_release(&captions);
    strings_release(&got);
}

/* A scanner that looks far ahead at each of these would need hours, not a second. */
static void test_long(void **state)
{
    static const char *const pieces[] = {"!", ".", "-", "'", "a.", "1,", "+1", "(", "<a ", "a/", "A&", "1a.",
        "-1", "a--", "a@1.", ":-", "@a", "&amp", "a-", "_", "n't", "a!", "http://", "B. \t", "$", "\xc2\xad",
        "\xe2\x80\x99", "<a b=\"", "<!a", "~.", "d'a", "a,", "&e", "o'", "1 ", "www.", "A&amp;", "a\\/",
        "(^"};
    enum { SIZE = 1 << 17 };
    char *text = malloc(SIZE + 16);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct strings captions = {0}, got = {0};
        size_t length = 0;
        for (; length < SIZE; length += strlen(pieces[i]))
            memcpy(text + length, pieces[i], strlen(pieces[i]));
        must_add(&captions, (struct span){text, length});
        const clock_t begin = clock();
        assert_int_equal(ptb_words(&got, &captions, false, 1, NULL), 0);
        const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        if (seconds > 60) /* sanitizers on a busy machine take 11 */
            fail_msg("128 KiB of '%s' took %.0f s", pieces[i], seconds);
        strings_release(&captions);
        strings_release(&got);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_bad_utf8),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_hard),
        cmocka_unit_test(test_nasty),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_suites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
