// SPDX-License-Identifier: Apache-2.0
/* Caption files of every kind, what is wrong with bad ones, and how systems are joined with references. */
#include "text/captions/captions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const char *file_of(const char *name, const void *bytes, size_t size)
{
    static char paths[8][512]; /* the last eight stay valid */
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", DIPTYCH_SCRATCH, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *text_file(const char *name, const char *text)
{
    return file_of(name, text, strlen(text));
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* What a set holds, as one string: id(file): caption | caption; ... */
static void expect_set(const struct caption_set *set, const char *expected)
{
    char got[1024] = "", *end = got;
    for (size_t i = 0; i < set->count; i++) {
        const struct captioned_image *image = &set->images[i];
        end += sprintf(end, "%s%s", i ? "; " : "", image->id);
        if (image->file)
            end += sprintf(end, "(%s)", image->file);
        for (size_t j = 0; j < image->count; j++)
            end += sprintf(end, "%s%s", j ? " | " : ": ", image->captions[j]);
        assert_ptr_equal(caption_set_find(set, image->id), image);
    }
    assert_string_equal(got, expected);
    assert_null(caption_set_find(set, "no such id"));
}

static void expect_read(const char *path, const char *expected)
{
    struct caption_set set;
    struct err err = {0};
    if (caption_set_read(&set, &path, 1, "test", &err))
        fail_msg("%s", err.msg);
    expect_set(&set, expected);
    caption_set_release(&set);
}

#define COCO                                                                                                 \
    "{\"images\": [{\"id\": 7, \"file_name\": \"7.jpg\"}, {\"id\": 9}], \"annotations\": ["                  \
    "{\"image_id\": 9, \"caption\": \"c\"}, {\"image_id\": 7, \"caption\": \"a\"}, "                         \
    "{\"image_id\": 7, \"caption\": \"b\\n\"}]}"

#define KARPATHY_IMAGE                                                                                       \
    "{\"cocoid\": 3, \"imgid\": 0, \"split\": \"test\", \"filename\": \"3.jpg\","                            \
    " \"sentences\": [{\"raw\": \"x\"}, {\"raw\": \"y\"}]}"

#define KARPATHY                                                                                             \
    "{\"images\": [" KARPATHY_IMAGE ","                                                                      \
    " {\"imgid\": 1, \"split\": \"train\", \"sentences\": [{\"raw\": \"z\"}]}]}"

static void every_kind(void **state)
{
    (void)state;
    expect_read(text_file("coco.json", COCO), "9: c; 7(7.jpg): a | b\n");
    expect_read(
        text_file("results.json",
            " [{\"image_id\": 42, \"caption\": \"caf\\u00e9\"}, {\"image_id\": \"42\", \"caption\": \"\"}]"),
        "42: caf\xc3\xa9 | ");
    expect_read(text_file("karpathy.json", KARPATHY), "3(3.jpg): x | y");
    expect_read(
        text_file("stems.json", "{\"b\": \"one\", \"a\": [\"two\", \"three\"]}"), "b: one; a: two | three");
    expect_read(text_file("lines", "first\r\n\nthird"), "1: first; 2: ; 3: third");
    expect_read(text_file("marked", "\xEF\xBB\xBF"
                                    "first\n"),
        "1: first");
    expect_read(text_file("laughs.txt", "[laughs] a man\n"), "1: [laughs] a man");
    expect_read(text_file("token.txt", "b_1.x.jpg#0\tone # 1\n2.jpg#0\tthree\tfour\r\nb_1.x.jpg#1\ttwo\n\n"),
        "b_1.x(b_1.x.jpg): one # 1 | two; 2(2.jpg): three\tfour");
    expect_read(
        text_file("captions.csv", "image,caption\n1.jpg,\"one, \"\"1\"\"\"\n2.jpg,two\n1.jpg,three\n\n"),
        "1(1.jpg): one, \"1\" | three; 2(2.jpg): two");
    expect_read(text_file("others.csv", "n,text,filepath\r\n7,one,a/1.png\r\n"), "1(a/1.png): one");
    expect_read(
        text_file("open_clip.tsv", "filepath\ttitle\na/1.png\tone, and a comma\na/2.png\t\"a tab\there\"\n"),
        "1(a/1.png): one, and a comma; 2(a/2.png): a tab\there");
    expect_read(text_file("comma.csv", "filepath,title\na/1.png,one\ttab\n"), "1(a/1.png): one\ttab");
    expect_read(
        text_file("metadata.jsonl",
            "\n{\"file_name\": \"a/1.png\", \"text\": \"one\", \"width\": 9}\r\n\n"
            "{\"file_name\": \"2.png\", \"text\": \"two\"}\n{\"text\": \"uno\", \"file_name\": \"a/1.png\"}"),
        "1(a/1.png): one | uno; 2(2.png): two");
    expect_read(text_file("rank.jsonl", "{\"path\": \"1.png\", \"captions\": [\"one\", \"uno\"]}\n"
                                        "{\"path\": \"2.png\", \"caption\": \"two\"}\n"),
        "1(1.png): one | uno; 2(2.png): two");
    expect_read(text_file("numbers.jsonl",
                    "{\"image\": 17, \"file_name\": \"1.png\", \"caption\": null, \"text\": \"one\"}\n"),
        "1(1.png): one");
    /* Stems may be called so, too. */
    expect_read(
        text_file("stems.json", "{\"path\": [\"one\"], \"caption\": \"two\"}"), "path: one; caption: two");
    expect_read(text_file("words", "image, caption\n"), "1: image, caption"); /* neither is a column's name */
    expect_read(text_file("tag", "#3\tis no name"), "1: #3\tis no name");
}

static void annotations_state_facts(void **state)
{
    const char *path = text_file("facts.json",
        "[{\"image_id\": 1, \"caption\": \"a\"}, {\"image_id\": 1, \"caption\": \"b\", "
        "\"facts\": {\"colour\": \"dark red\", \"shape\": \"star\"}}]");
    const char *bad =
        text_file("number.json", "[{\"image_id\": 1, \"caption\": \"a\", \"facts\": {\"count\": 3}}]");
    struct caption_set set;
    struct err err;
    (void)state;
    assert_int_equal(caption_set_read(&set, &path, 1, NULL, &err), 0);
    assert_null(set.images[0].facts[0]);
    assert_string_equal(set.images[0].facts[1], "colour\tdark red\nshape\tstar\n");
    caption_set_release(&set);
    assert_int_equal(caption_set_read(&set, &bad, 1, NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "entry [0] has \"facts\" that are no object of texts"));
}

static void gzip_of_any(void **state)
{
    (void)state;
    const char *path = text_file("coco.json.gz", "");
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, COCO, strlen(COCO)), strlen(COCO));
    assert_int_equal(gzclose(file), Z_OK);
    expect_read(path, "9: c; 7(7.jpg): a | b\n");
}

static void several_files_are_joined(void **state)
{
    (void)state;
    const char *const paths[] = {text_file("ref0", "a\n\nc\n"), text_file("ref1", "d\ne\n\n")};
    const char *const twice[] = {text_file("one.json", KARPATHY), text_file("other.json", KARPATHY)};
    struct caption_set set;
    assert_int_equal(caption_set_read(&set, paths, 2, "test", NULL), 0);
    expect_set(&set, "1: a | d; 3: c; 2: e");
    caption_set_release(&set);
    assert_int_equal(caption_set_read(&set, twice, 2, "test", NULL), 0);
    expect_set(&set, "3(3.jpg): x | y | x | y");
    caption_set_release(&set);
}

/* More images than the set has room for at first, when captions of those that are there come, too. */
static void many_pictures_of_two_captions(void **state)
{
    enum { PICTURES = 5000 };
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("image,caption\n", out);
    for (int i = 0; i < PICTURES; i++)
        fprintf(out, "%d.jpg,a\n%d.jpg,b\n", i, i);
    assert_int_equal(fclose(out), 0);
    const char *path = text_file("many.csv", text);
    struct caption_set set;
    assert_int_equal(caption_set_read(&set, &path, 1, NULL, NULL), 0);
    assert_int_equal(set.count, PICTURES);
    for (size_t i = 0; i < set.count; i++)
        assert_true(set.images[i].count == 2 && set.images[i].file);
    caption_set_release(&set);
    free(text);
}

/* ---- bad files ----------------------------------------------------------------------------------------- */

static void expect_error(const char *path, enum err_code code, const char *message)
{
    struct caption_set set;
    struct err err = {0};
    assert_int_equal(caption_set_read(&set, &path, 1, "test", &err), code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' does not say '%s'", err.msg, message);
}

static void bad_files(void **state)
{
    (void)state;
    expect_error("no/such.json", ERR_IO, "no/such.json");
    expect_error(text_file("token.txt", "1.jpg#0\ta\n1.jpg#1 b\n"), ERR_FORMAT,
        "token.txt', line 2: no name.suffix#number");
    expect_error(text_file("token.txt", "1.jpg#0\t\xff\n"), ERR_FORMAT, "token.txt', line 1: ");
    expect_error(text_file("bad.csv", "image,caption\n1.jpg,a,b\n"), ERR_FORMAT,
        "bad.csv', line 2: not as many fields");
    expect_error(
        text_file("bad.csv", "image,caption\n1.jpg,\xff\n"), ERR_FORMAT, "bad.csv', line 2: not UTF-8");
    expect_error(
        text_file("bad.csv", "image,caption\n1.jpg,\"a\n"), ERR_FORMAT, "line 2: a quote is not closed");
    expect_error(text_file("bad.csv", "image,caption\n"), ERR_FORMAT, "no captions in");
    static const char good[] = "{\"path\": \"1.png\", \"caption\": \"one\"}\n";
    static const struct {
        const char *line, *complaint;
    } bad_lines[] = {{"{\"path\": \"2.png\", \"caption\": ", "bad.jsonl, line 3': "},
        {"{\"path\": \"2.png\"}", "bad.jsonl, line 3': not a picture's name and its captions"},
        {"{\"path\": 2, \"caption\": \"two\"}", "bad.jsonl, line 3': not a picture's name and its captions"},
        {"{\"path\": \"2.png\", \"captions\": [\"two\", 3]}",
            "bad.jsonl, line 3': a caption that is no text"},
        {"[\"2.png\", \"two\"]", "bad.jsonl, line 3': the outermost value is no JSON object"}};
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\n%s\n", good, bad_lines[i].line);
        expect_error(text_file("bad.jsonl", text), ERR_FORMAT, bad_lines[i].complaint);
    }
    expect_error(text_file("bad.jsonl", "{\"name\": \"1.png\", \"text\": \"one\"}\n{\"name\": \"2.png\"}\n"),
        ERR_FORMAT,
        "bad.jsonl': lines of JSON, of which the first has no picture's \"file_name\" and its \"text\"");
    expect_error(
        text_file("bad.csv", "image,caption\n\xff.jpg,one\n"), ERR_FORMAT, "bad.csv', line 2: not UTF-8");
    expect_error(text_file("two.csv", "image,caption\na/1.jpg,a\nb/1.jpg,b\n"), ERR_FORMAT,
        "'a/1.jpg' and 'b/1.jpg' are two pictures of one name");
    expect_error(text_file("bad.json", "[{]"), ERR_FORMAT, "bad.json': ");
    expect_error(text_file("bad.json", "[\n{\"a\": \"\xff\"}]"), ERR_FORMAT, "line 2");
    expect_error(text_file("bad.json", "{\"a\": \"x\", \"a\": \"y\"}"), ERR_FORMAT, "duplicate");
    expect_error(text_file("bad.json", "[]"), ERR_FORMAT, "no captions");
    expect_error(text_file("bad", ""), ERR_FORMAT, "no captions");
    expect_error(text_file("bad.json", "[{\"image_id\": 1, \"caption\": \"a\"}, {\"caption\": \"b\"}]"),
        ERR_FORMAT, "entry [1] has no \"image_id\"");
    expect_error(text_file("bad.json", "[{\"image_id\": 1e3, \"caption\": \"a\"}]"), ERR_FORMAT,
        "entry [0] has no \"image_id\" that is a whole number");
    expect_error(text_file("bad.json", "[{\"image_id\": 1, \"caption\": [\"a\"]}]"), ERR_FORMAT,
        "entry [0] has no \"caption\" that is a text");
    expect_error(text_file("bad.json", "{\"annotations\": [3]}"), ERR_FORMAT, "annotations[0]");
    expect_error(text_file("bad.json", "{\"images\": [{}], \"annotations\": []}"), ERR_FORMAT,
        "images[0] has no \"id\"");
    expect_error(text_file("bad.json", "{\"a\": [\"x\", 3]}"), ERR_FORMAT, "value of 'a'");
    expect_error(text_file("bad.json", "{\"images\": [{\"sentences\": []}]}"), ERR_FORMAT,
        "images[0] has no \"split\"");
    expect_error(text_file("bad.json", "{\"images\": [{\"split\": \"val\"}]}"), ERR_FORMAT,
        "no image of split 'test'");
    expect_error(
        text_file("bad.json", "{\"images\": [{\"split\": \"test\", \"imgid\": 1, \"sentences\": [{}]}]}"),
        ERR_FORMAT, "images[0] has a sentence without");
    expect_error(text_file("bad.json", "{\"images\": [" KARPATHY_IMAGE ", " KARPATHY_IMAGE "]}"), ERR_FORMAT,
        "images[1] has the id of an image before it");
    expect_error(text_file("bad", "good\nbad \xff\n"), ERR_FORMAT, "line 2");
    expect_error(file_of("bad", "a\0b", 3), ERR_FORMAT, "neither JSON nor text");
}

static void unequal_lines(void **state)
{
    (void)state;
    const char *const paths[] = {text_file("ref0", "a\nb\n"), text_file("ref1", "c\n")};
    struct caption_set set;
    struct err err = {0};
    assert_int_equal(caption_set_read(&set, paths, 2, "test", &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "1 lines, but '"));
}

static void hostile_files(void **state)
{
    (void)state;
    enum { DEEP = 1 << 20 };
    char *bytes = malloc(CAPTION_MAX + 2);
    memset(bytes, '[', DEEP);
    expect_error(file_of("deep.json", bytes, DEEP), ERR_FORMAT, "deep");
    memset(bytes, 'a', CAPTION_MAX + 1);
    expect_error(
        file_of("long", bytes, CAPTION_MAX + 1), ERR_LIMIT, "the caption of image '1' has 1048577 bytes");
    bytes[CAPTION_MAX] = '\n';
    struct caption_set set;
    const char *path = file_of("long", bytes, CAPTION_MAX + 1);
    assert_int_equal(caption_set_read(&set, &path, 1, "test", NULL), 0);
    caption_set_release(&set);
    free(bytes);
}

/* ---- joining ------------------------------------------------------------------------------------------- */

static struct caption_set set_of(const char *name, const char *text)
{
    struct caption_set set;
    struct err err = {0};
    const char *path = text_file(name, text);
    if (caption_set_read(&set, &path, 1, "test", &err))
        fail_msg("%s", err.msg);
    return set;
}

static void joins_by_id(void **state)
{
    (void)state;
    struct caption_set refs = set_of("refs.json", "{\"a\": [\"r1\", \"r2\"], \"b\": \"r3\", \"c\": \"r4\"}");
    struct caption_set systems[] = {set_of("x.json", "{\"b\": \"xb\", \"a\": \"xa\", \"d\": \"xd\"}"),
        set_of("y.json", "{\"a\": \"ya\", \"c\": \"yc\", \"b\": \"yb\"}")};
    struct caption_pairs pairs;
    struct err err = {0};

    assert_int_equal(caption_pairs_join(&pairs, &refs, systems, 2, true, NULL), 0);
    assert_int_equal(pairs.count, 2);
    assert_int_equal(pairs.unwritten, 1);
    assert_int_equal(pairs.unreferenced, 1);
    assert_string_equal(pairs.ids[0], "b");
    assert_string_equal(pairs.systems[0][1].candidate, "xa");
    assert_string_equal(pairs.systems[1][1].candidate, "ya");
    assert_int_equal(pairs.systems[1][1].reference_count, 2);
    assert_string_equal(pairs.systems[1][0].references[0], "r3");
    caption_pairs_release(&pairs);

    assert_int_equal(caption_pairs_join(&pairs, &refs, systems, 2, false, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "1 images have a candidate and no references: 'd'");
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems + 1, 1, false, NULL), 0);
    caption_pairs_release(&pairs);
    caption_set_release(&systems[1]);

    systems[1] = set_of("y.json", "{\"b\": \"yb\", \"d\": \"yd\"}"); /* both lack "c" and have "d" */
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems, 2, true, NULL), 0);
    assert_int_equal(pairs.count, 1);
    assert_int_equal(pairs.unwritten, 2);
    assert_int_equal(pairs.unreferenced, 1);
    caption_pairs_release(&pairs);
    caption_set_release(&systems[1]);

    systems[1] = set_of("y.json", "{\"a\": \"ya\"}");
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems + 1, 1, false, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "2 images have references and no candidate: 'b', 'c'");
    caption_set_release(&systems[1]);

    systems[1] = set_of("y.json", "{\"e\": \"ya\"}");
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems + 1, 1, true, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "no image has both a candidate and references");
    caption_set_release(&systems[1]);

    systems[1] = set_of("y.json", "{\"a\": [\"one\", \"two\"]}");
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems + 1, 1, true, &err), ERR_FORMAT);
    assert_string_equal(
        err.msg, "image 'a' has 2 candidates in '" DIPTYCH_SCRATCH "/y.json' and can have one");
    caption_set_release(&systems[1]);
    caption_set_release(&systems[0]);
    caption_set_release(&refs);
}

/* COCO's names have zeros before the number, its results have none. */
static void joins_by_number(void **state)
{
    (void)state;
    struct caption_set refs = set_of("refs.json", "{\"000000000042\": \"r\", \"0\": \"r\", \"007\": \"of "
                                                  "Bond\", \"07\": \"of another\", \"x1\": \"r\"}");
    struct caption_set system =
        set_of("x.json", "[{\"image_id\": 42, \"caption\": \"x\"}, {\"image_id\": \"00\", "
                         "\"caption\": \"x\"}, {\"image_id\": \"007\", \"caption\": \"x\"}]");
    struct caption_pairs pairs;
    assert_int_equal(caption_pairs_join(&pairs, &refs, &system, 1, true, NULL), 0);
    assert_int_equal(pairs.count, 3);
    assert_string_equal(pairs.systems[0][2].references[0], "of Bond");
    assert_null(caption_set_find(&refs, "7")); /* which of the two? */
    assert_null(caption_set_find(&refs, "x01"));
    caption_pairs_release(&pairs);
    caption_set_release(&system);
    caption_set_release(&refs);
}

#define ANNOTATIONS(images, annotations) "{\"images\": [" images "], \"annotations\": [" annotations "]}"

/* The references' name comes first, and that of an image left out is nobody else's. */
static void joins_names_of_pictures(void **state)
{
    (void)state;
    struct caption_set refs = set_of("refs.json",
        ANNOTATIONS("{\"id\": 2, \"file_name\": \"2.jpg\"}",
            "{\"image_id\": 1, \"caption\": \"r\"}, {\"image_id\": 2, \"caption\": \"r\"}, {\"image_id\": 3, "
            "\"caption\": \"r\"}"));
    struct caption_set systems[] = {
        set_of("x.json",
            ANNOTATIONS("{\"id\": 1, \"file_name\": \"x1.jpg\"}, {\"id\": 2, \"file_name\": \"x2.jpg\"}",
                "{\"image_id\": 1, \"caption\": \"x\"}, {\"image_id\": 3, \"caption\": \"x\"}, "
                "{\"image_id\": 2, \"caption\": \"x\"}")),
        set_of("y.json", "{\"2\": \"y\", \"3\": \"y\"}")};
    struct caption_pairs pairs;
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems, 2, true, NULL), 0);
    assert_int_equal(pairs.count, 2);
    assert_string_equal(pairs.ids[0], "3");
    assert_null(pairs.files[0]);
    assert_string_equal(pairs.files[1], "2.jpg");
    caption_pairs_release(&pairs);
    assert_int_equal(caption_pairs_join(&pairs, &refs, systems, 1, false, NULL), 0);
    assert_string_equal(pairs.files[0], "x1.jpg");
    caption_pairs_release(&pairs);
    caption_set_release(&systems[1]);
    caption_set_release(&systems[0]);
    caption_set_release(&refs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(annotations_state_facts),
        cmocka_unit_test(gzip_of_any),
        cmocka_unit_test(several_files_are_joined),
        cmocka_unit_test(many_pictures_of_two_captions),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(unequal_lines),
        cmocka_unit_test(hostile_files),
        cmocka_unit_test(joins_by_id),
        cmocka_unit_test(joins_by_number),
        cmocka_unit_test(joins_names_of_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
