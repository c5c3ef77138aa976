// SPDX-License-Identifier: Apache-2.0
/* Document frequencies as files: our own, the pickles that tests/golden/df_pickles.py makes, and bad ones. */
#include "tests/text/captions/metric_suites.h"
#include "text/captions/metric_df.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/df/"

/* ---- helpers ------------------------------------------------------------------------------------------- */

static struct span must_read(const char *path)
{
    struct err err = {0};
    char *bytes = NULL;
    size_t size = 0;
    if (file_read(&bytes, &size, path, (size_t)64 << 20, &err))
        fail_msg("%s", err.msg);
    return (struct span){bytes, size};
}

static struct document_frequency *must_load(const char *path)
{
    struct document_frequency *df = NULL;
    struct err err = {0};
    if (document_frequency_load(&df, path, &err))
        fail_msg("%s", err.msg);
    return df;
}

static void must_save(const struct document_frequency *df, const char *path)
{
    struct err err = {0};
    if (document_frequency_save(df, path, &err))
        fail_msg("%s", err.msg);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void assert_same_files(const char *path, const char *expected)
{
    const struct span a = must_read(path), b = must_read(expected);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    free((char *)a.data);
    free((char *)b.data);
}

#define SCRATCH(name) DIPTYCH_SCRATCH "/" name

/* ---- our own format ------------------------------------------------------------------------------------ */

#define REFERENCES(...) ((const char *const[]){__VA_ARGS__})

static void format_by_hand(void **state)
{
    (void)state;
    const struct caption_pair pairs[] = {
        {"", REFERENCES("b a b", "a"), 2},
        {"", REFERENCES("a \xc3\xa9 a b c"), 1},
        {"", REFERENCES("a\x01"), 1},
    };
    static const char expected[] =
        "diptych document frequencies 1, 3 images, 16 n-grams\n"
        "2\ta\n2\ta b\n1\ta b c\n1\ta \xc3\xa9\n1\ta \xc3\xa9 a\n1\ta \xc3\xa9 a b\n"
        "1\ta\x01\n2\tb\n1\tb a\n1\tb a b\n1\tb c\n1\tc\n"
        "1\t\xc3\xa9\n1\t\xc3\xa9 a\n1\t\xc3\xa9 a b\n1\t\xc3\xa9 a b c\n";
    struct document_frequency *df = NULL;
    assert_int_equal(document_frequency_new(&df, pairs, 3, NULL), 0);
    must_save(df, SCRATCH("hand.df"));
    document_frequency_free(df);
    const struct span bytes = must_read(SCRATCH("hand.df"));
    assert_string_equal(bytes.data, expected);
    free((char *)bytes.data);
}

/* CIDEr-D of the suite. */
static struct metric_scores must_score(const struct suite *suite, const struct document_frequency *df)
{
    const struct cider_options options = {.df = df, .threads = 2};
    struct metric_scores scores;
    assert_int_equal(cider_compute(&scores, suite->pairs, suite->count, &options, NULL), 0);
    return scores;
}

/* What is loaded scores as what was saved, and is saved as the same bytes. Returns the scores. */
static struct metric_scores check_round_trip(const struct suite *known, const struct suite *suite)
{
    struct document_frequency *df = NULL;
    assert_int_equal(document_frequency_new(&df, known->pairs, known->count, NULL), 0);
    must_save(df, SCRATCH("first.df"));
    struct document_frequency *loaded = must_load(SCRATCH("first.df"));
    must_save(loaded, SCRATCH("second.df"));
    assert_same_files(SCRATCH("second.df"), SCRATCH("first.df"));
    assert_int_equal(document_frequency_images(loaded), known->count);

    struct metric_scores expected = must_score(suite, df), scores = must_score(suite, loaded);
    assert_memory_equal(scores.images, expected.images, suite->count * sizeof *scores.images);
    assert_true(scores.corpus == expected.corpus);
    metric_scores_release(&expected);
    document_frequency_free(df);
    document_frequency_free(loaded);
    return scores;
}

/* Captions of numbers, more of them than a reader has room for at first. */
static void round_trip(void **state)
{
    (void)state;
    enum { IMAGES = 300 };
    static char texts[IMAGES][2][64];
    const char *references[IMAGES];
    struct caption_pair pairs[IMAGES];
    for (unsigned i = 0; i < IMAGES; i++) {
        snprintf(texts[i][0], sizeof texts[i][0], "w%u x w%u y%u z%u w%u", i, i / 2, i % 7, i / 20, i + 1);
        snprintf(texts[i][1], sizeof texts[i][1], "w%u x w%u y%u q%u", i, i / 2, i % 5, i);
        references[i] = texts[i][0];
        pairs[i] = (struct caption_pair){texts[i][1], &references[i], 1};
    }
    const struct suite suite = {.pairs = pairs, .count = IMAGES};
    struct metric_scores scores = check_round_trip(&suite, &suite);
    assert_true(scores.corpus > 1);
    metric_scores_release(&scores);
}

static double largest_difference(
    const struct metric_scores *scores, const struct suite *suite, const json_t *expected)
{
    const json_t *images = json_object_get(expected, "per_image");
    double largest = fabs(scores->corpus - json_number_value(json_object_get(expected, "corpus")));
    assert_int_equal(json_object_size(images), suite->count);
    for (size_t i = 0; i < suite->count; i++) {
        const double off =
            fabs(scores->images[i] - json_number_value(json_object_get(images, suite->ids[i])));
        largest = off <= largest ? largest : off;
    }
    return largest;
}

/* CIDEr-D of one set of captions with the document frequencies of another's references, by way of a file. */
static void fixtures(void **state)
{
    (void)state;
    if (!file_exists(CAPTIONS "kt_refs_tokens.tsv.gz")) {
        print_message("no %s: frequencies of a whole suite are not tested\n", CAPTIONS);
        skip();
    }
    json_t *known = json_object(), *candidates = json_object(), *references = json_object();
    json_t *expected = must_read_json(CAPTIONS "v17_lstm_ciderd_df_ktA.json.gz");
    read_tokens(known, CAPTIONS "kt_refs_tokens.tsv.gz");
    read_tokens(candidates, CAPTIONS "v17_lstm_tokens.tsv.gz");
    read_tokens(references, CAPTIONS "v17loo_human_tokens.tsv.gz"); /* all of val2017: the first caption, */
    read_tokens(references, CAPTIONS "v17loo_refs_tokens.tsv.gz");  /* and the others */
    struct suite known_suite, suite;
    suite_init(&known_suite, known, known);
    suite_init(&suite, candidates, references);

    struct metric_scores scores = check_round_trip(&known_suite, &suite);
    const double largest = largest_difference(&scores, &suite, expected);
    print_message("v17_lstm with the saved frequencies of kt_refs: CIDEr_D %.1e\n", largest);
    assert_true(largest <= 1e-9);

    metric_scores_release(&scores);
    suite_release(&known_suite);
    suite_release(&suite);
    json_decref(known);
    json_decref(candidates);
    json_decref(references);
    json_decref(expected);
}

static int count_file(void *context, const char *path, const struct err *problem)
{
    (void)path;
    assert_null(problem);
    (*(size_t *)context)++;
    return 0;
}

static void saving_is_all_or_nothing(void **state)
{
    (void)state;
    struct document_frequency *df = must_load(GOLDEN "words.df");
    struct err err = {0};
    size_t before = 0, after = 0;
    write_file(SCRATCH("there"), "old", 3);
    must_save(df, SCRATCH("there"));
    assert_same_files(SCRATCH("there"), GOLDEN "words.df");

    assert_int_equal(file_walk(DIPTYCH_SCRATCH, count_file, &before, NULL), 0);
    assert_int_equal(document_frequency_save(df, SCRATCH("no/folder"), &err), ERR_IO);
    assert_non_null(strstr(err.msg, "No such file or directory"));
    assert_int_equal(document_frequency_save(df, DIPTYCH_SCRATCH, &err), ERR_IO);
    assert_non_null(strstr(err.msg, "not a regular file"));
    assert_int_equal(document_frequency_save(df, "/dev/null", &err), ERR_IO);
    assert_int_equal(file_walk(DIPTYCH_SCRATCH, count_file, &after, NULL), 0);
    assert_int_equal(after, before);
    document_frequency_free(df);
}

/* A file that may not grow as long as it should stands for a full disk: the old file stays, and no other. */
static void a_full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    struct document_frequency *df = must_load(GOLDEN "words.df");
    struct rlimit before, small;
    struct err err = {0};
    size_t files = 0, after = 0;
    write_file(SCRATCH("there"), "old", 3);
    assert_int_equal(file_walk(DIPTYCH_SCRATCH, count_file, &files, NULL), 0);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){40, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN); /* the write fails instead */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const int rc = document_frequency_save(df, SCRATCH("there"), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.msg, "File too large"));
    const struct span bytes = must_read(SCRATCH("there"));
    assert_string_equal(bytes.data, "old");
    assert_int_equal(file_walk(DIPTYCH_SCRATCH, count_file, &after, NULL), 0);
    assert_int_equal(after, files);
    free((char *)bytes.data);
    document_frequency_free(df);
}

/* ---- pickles ------------------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
    const size_t length = strlen(path), tail = strlen(end);
    return length >= tail && !strcmp(path + length - tail, end);
}

static int check_golden(void *context, const char *path, const struct err *problem)
{
    assert_null(problem);
    struct document_frequency *df = must_load(path);
    must_save(df, SCRATCH("golden.df"));
    print_message("%s\n", path + sizeof GOLDEN - 1);
    assert_same_files(SCRATCH("golden.df"),
        ends_in(path, "numbers.p") || ends_in(path, "numbers.df") ? GOLDEN "numbers.df" : GOLDEN "words.df");
    document_frequency_free(df);
    (*(size_t *)context)++;
    return 0;
}

static void golden(void **state)
{
    (void)state;
    size_t count = 0;
    assert_int_equal(file_walk(GOLDEN, check_golden, &count, NULL), 0);
    assert_int_equal(count, 29);
}

static void golden_gzipped(void **state)
{
    (void)state;
    const char *const names[] = {GOLDEN "py2c-0-str.p", GOLDEN "py3-5-bare.p", GOLDEN "words.df"};
    for (size_t i = 0; i < 3; i++) {
        const struct span bytes = must_read(names[i]);
        gzFile file = gzopen(SCRATCH("packed.gz"), "wb");
        assert_non_null(file);
        assert_int_equal(gzwrite(file, bytes.data, (unsigned)bytes.length), bytes.length);
        assert_int_equal(gzclose(file), Z_OK);
        struct document_frequency *df = must_load(SCRATCH("packed.gz"));
        must_save(df, SCRATCH("unpacked.df"));
        assert_same_files(SCRATCH("unpacked.df"), GOLDEN "words.df");
        document_frequency_free(df);
        free((char *)bytes.data);
    }
}

/* No prefix of a file is taken for a whole one. */
static int check_prefixes(void *context, const char *path, const struct err *problem)
{
    (void)context;
    assert_null(problem);
    const struct span bytes = must_read(path);
    for (size_t size = 0; size < bytes.length; size++) {
        struct document_frequency *df;
        struct err err = {0};
        char *copy = malloc(size + 1); /* of its own, for a sanitizer to watch its end */
        memcpy(copy, bytes.data, size);
        assert_int_equal(document_frequency_parse(&df, copy, size, &err), ERR_FORMAT);
        assert_null(df);
        assert_true(err.msg[0]);
        free(copy);
    }
    free((char *)bytes.data);
    return 0;
}

static void cut_short(void **state)
{
    (void)state;
    assert_int_equal(file_walk(GOLDEN, check_prefixes, NULL, NULL), 0);
}

/* ---- bytes by hand ------------------------------------------------------------------------------------- */

struct bytes_case {
    const char *bytes;
    size_t size;
    enum err_code code;
    const char *expected; /* the lines behind the first, or the message */
};

#define BYTES(literal) literal, sizeof(literal) - 1

static void check_bytes(const struct bytes_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct document_frequency *df;
        struct err err = {0};
        const int code = document_frequency_parse(&df, cases[i].bytes, cases[i].size, &err);
        char *text = NULL;
        size_t size;
        if (!code) {
            FILE *file = open_memstream(&text, &size);
            assert_int_equal(document_frequency_write(df, file, NULL), 0);
            fclose(file);
        }
        const char *got = code ? err.msg : strchr(text, '\n') + 1;
        if (code != (int)cases[i].code || strcmp(got, cases[i].expected))
            fail_msg("case %zu: %d '%s', expected %d '%s'", i, code, got, cases[i].code, cases[i].expected);
        free(text);
        document_frequency_free(df);
    }
}

#define CHECK_BYTES(cases) check_bytes(cases, sizeof(cases) / sizeof(cases)[0])

/* What picklers may write, and the golden files happen not to hold. */
static void pickles_by_hand(void **state)
{
    (void)state;
    const struct bytes_case cases[] = {
        {BYTES("}."), 0, ""},
        {BYTES("(d."), 0, ""},
        {BYTES("((S'a'\ntI2\nd."), 0, "2\ta\n"},
        {BYTES("}(T\1\0\0\0atJ\2\0\0\0s."), 0, "2\ta\n"},
        {BYTES("}(S\"\\x61'\"\ntL7L\ns."), 0, "7\ta'\n"},
        {BYTES("}(Va\\u0062\\U0001f436\xe9\ntF7.0\ns."), 0, "7\tab\xf0\x9f\x90\xb6\xc3\xa9\n"},
        {BYTES("}(\x8d\1\0\0\0\0\0\0\0at\x8b\5\0\0\0\xff\xff\xff\xff\0s."), 0, "4294967295\ta\n"},
        {BYTES("}(\x8e\1\0\0\0\0\0\0\0at\x8a\0s."), 0, ""}, /* in 0 images */
        {BYTES("\x80\2}(B\1\0\0\0a\x85KKu."), 0, "75\ta\n"},
        /* the last count holds; the prefix "a" is not there by itself */
        {BYTES("}(U\1aU\1b\x86q\1K\1h\1K\2u."), 0, "2\ta b\n"},
        {BYTES("}(I1\nI2\nI3\nI4294967295\ntK\5s."), 0, "5\t1 2 3 4294967295\n"},
        {BYTES("}(V\ntK\5s."), 0, ""}, /* words that no caption has */
        {BYTES("}((U\0tK\5(U\3a btK\5(U\3a\0btK\5(U\2\xc2\xa0tK\5u."), 0, ""},
        /* the dictionary of counts put into the other before it is filled, and behind N */
        {BYTES("}(U\7ref_lenK\5U\22document_frequency}q\5uh\5U\1a\x85K\3s0"), ERR_UNSUPPORTED,
            "opcode 0x30 at byte 46 has no part in dictionaries of counts"},
        {BYTES("}q\1U\7ref_lenK\5sU\22document_frequency}U\1a\x85K\3ss.behind"), 0, "3\ta\n"},
    };
    CHECK_BYTES(cases);
}

#define ONLY "; only dictionaries of counts are read"

static void pickles_refused(void **state)
{
    (void)state;
    const struct bytes_case cases[] = {
        {BYTES("cos\nsystem\n(S'echo pwned'\ntR."), ERR_UNSUPPORTED,
            "it would call 'os.system' at byte 0" ONLY},
        {BYTES("\x80\4\x8c\2os\x8c\6system\x93."), ERR_UNSUPPORTED,
            "it would call 'os.system' at byte 14" ONLY},
        {BYTES("}(S'true'\nios\nsystem\n."), ERR_UNSUPPORTED, "it would call 'os.system' at byte 10" ONLY},
        {BYTES("c\x1b[2J\n\xff\n."), ERR_UNSUPPORTED, "it would call '?[2J.?' at byte 0" ONLY},
        {BYTES("\x80\4NN\x93."), ERR_UNSUPPORTED,
            "opcode 0x4e at byte 2 has no part in dictionaries of counts"},
        {BYTES("\x80\4K\1U\0\x93."), ERR_UNSUPPORTED, "it would call '?.?' at byte 6" ONLY},
        {BYTES("c__builtin__\nint\n)R."), ERR_UNSUPPORTED,
            "it would call something else than defaultdict at byte 18" ONLY},
        {BYTES("ccollections\ndefaultdict\n}R."), ERR_UNSUPPORTED,
            "it would call something else than defaultdict at byte 26" ONLY},
        {BYTES("}}b."), ERR_UNSUPPORTED, "opcode 0x62 at byte 2 has no part in dictionaries of counts"},
        {BYTES("}]s."), ERR_UNSUPPORTED, "opcode 0x5d at byte 1 has no part in dictionaries of counts"},
        {BYTES("\x80\6}."), ERR_UNSUPPORTED, "pickle protocol 6; 0 to 5 are known"},
    };
    CHECK_BYTES(cases);
}

static void pickles_of_something_else(void **state)
{
    (void)state;
#define NUMBER_AT(at) "number at byte " at " is not whole, or not from 0 to 4294967295"
    const struct bytes_case cases[] = {
        {BYTES(""), ERR_FORMAT, "neither document frequencies nor a pickle of them"},
        {BYTES("<html>"), ERR_FORMAT, "neither document frequencies nor a pickle of them"},
        {BYTES("}s."), ERR_FORMAT, "opcode at byte 1 takes what is not there"},
        {BYTES("}(s."), ERR_FORMAT, "opcode at byte 2 takes what is not there"},
        {BYTES("}t."), ERR_FORMAT, "opcode at byte 1 takes what is not there"},
        {BYTES("(u."), ERR_FORMAT, "opcode at byte 1 takes what is not there"},
        {BYTES("(q\0."), ERR_FORMAT, "opcode at byte 1 takes what is not there"},
        {BYTES("(."), ERR_FORMAT, "opcode at byte 1 takes what is not there"},
        {BYTES("}(K\1u."), ERR_FORMAT, "no dictionary, or no pairs to put into it, at byte 4"},
        {BYTES("\x80\2K\1(K\1K\1u."), ERR_FORMAT, "no dictionary, or no pairs to put into it, at byte 9"},
        {BYTES("(U\1atI-1\ns."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("(U\1atI01\ns."), ERR_FORMAT, NUMBER_AT("5")}, /* True */
        {BYTES("(U\1atF2.5\ns."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("(U\1atG\x40\4\0\0\0\0\0\0s."), ERR_FORMAT, NUMBER_AT("5")},   /* 2.5 */
        {BYTES("(U\1atG\x7f\xf8\0\0\0\0\0\0s."), ERR_FORMAT, NUMBER_AT("5")}, /* NaN */
        {BYTES("(U\1atG\x41\xf0\0\0\0\0\0\0s."), ERR_FORMAT, NUMBER_AT("5")}, /* 2^32 */
        {BYTES("(U\1atJ\xff\xff\xff\xffs."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("(U\1at\x8a\1\x80s."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("(U\1at\x8a\5\0\0\0\0\1s."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("(U\1atI4294967296\ns."), ERR_FORMAT, NUMBER_AT("5")},
        {BYTES("}U\1aK\1s."), ERR_FORMAT,
            "key at byte 6 is neither an n-gram nor 'document_frequency' nor 'ref_len'"},
        {BYTES("}(U\1atU\1bs."), ERR_FORMAT, "count of an n-gram at byte 9 is not a number"},
        {BYTES("((U\1aU\1aU\1aU\1aU\1at"), ERR_FORMAT, "tuple of 5 at byte 17: n-grams have 1 to 4 words"},
        {BYTES("(U\1a\x85\x85."), ERR_FORMAT, "tuple at byte 5 is not of words"},
        {BYTES("((((((U\1attttt."), ERR_FORMAT, "tuple at byte 10 is not of words"},
        {BYTES("(U\2\xc3\x28t."), ERR_FORMAT, "string at byte 1: text is not UTF-8 at byte 0"},
        {BYTES("(S'a\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(S'\\x6'\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(S'\\q'\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(S'\\'\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(V\\\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(V\\ud83d\\udc36\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("(V\\U00110000\nt."), ERR_FORMAT, "string at byte 1 is badly escaped"},
        {BYTES("}h\0."), ERR_FORMAT, "memo number 0 at byte 1 is not there"},
        {BYTES("}q\1h\0."), ERR_FORMAT, "memo number 0 at byte 3 is not there"},
        {BYTES("}r\xff\xff\xff\x7f."), ERR_FORMAT, "memo number 2147483647 at byte 1"},
        {BYTES("}p-1\n."), ERR_FORMAT, "no memo number at byte 1"},
        {BYTES("}X\xff\xff\xff\xff"), ERR_FORMAT, "the pickle ends inside the opcode at byte 1"},
        {BYTES("}\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), ERR_FORMAT,
            "the pickle ends inside the opcode at byte 1"},
        {BYTES("(U\1at."), ERR_FORMAT, "it holds something other than document frequencies"},
        {BYTES("}U\7ref_lenK\5s."), ERR_FORMAT, "it holds something other than document frequencies"},
        {BYTES("}U\22document_frequency}s."), ERR_FORMAT,
            "'ref_len' is not there, or is not a number of images"},
        {BYTES("}(U\22document_frequency}U\7ref_lenK\0u."), ERR_FORMAT,
            "'ref_len' is not there, or is not a number of images"},
        {BYTES("}(U\22document_frequency}U\7ref_lenU\1au."), ERR_FORMAT,
            "'ref_len' is not there, or is not a number of images"},
        {BYTES("}(U\1atK\1s}(U\1btK\1s."), ERR_FORMAT, "a second dictionary of that kind at byte 17"},
        {BYTES("}(U\1atK\1s}."), ERR_FORMAT, "it holds something other than document frequencies"},
    };
    CHECK_BYTES(cases);
}

/* As much as a small file can ask for: it costs what the file's bytes do. */
static void pickles_that_ask_for_much(void **state)
{
    (void)state;
    enum { REPEATS = 1 << 20 };
    struct document_frequency *df;
    struct err err = {0};
    char *bytes = malloc(2 * REPEATS + 64);
    memset(bytes, '(', REPEATS);
    assert_int_equal(document_frequency_parse(&df, bytes, REPEATS, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "ends early, at byte 1048576"));

    memset(bytes + 1, ')', REPEATS); /* the deepest tuples would be one in another */
    memset(bytes + 1 + REPEATS, 't', REPEATS);
    assert_int_equal(document_frequency_parse(&df, bytes, 2 * REPEATS, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "at byte 1048577"));

    /* one tuple of the memo as key and as value over and over: what doubles in Python is one n-gram here */
    size_t size = 10;
    memcpy(bytes, "}(U\1a\x85q\1K\1", size);
    for (size_t i = 0; i < REPEATS / 4; i++, size += 4)
        memcpy(bytes + size, "h\1K\2", 4);
    memcpy(bytes + size, "u.", 2);
    assert_int_equal(document_frequency_parse(&df, bytes, size + 2, &err), 0);
    assert_int_equal(df->ngrams.count, 2);
    assert_int_equal(df->images[1], 2);
    document_frequency_free(df);
    free(bytes);
}

#define TITLE "diptych document frequencies "

static void own_format_refused(void **state)
{
    (void)state;
    const struct bytes_case cases[] = {
        {BYTES(TITLE "1, 5 images, 0 n-grams\n"), 0, ""},
        {BYTES(TITLE "1, 5 images, 2 n-grams\n2\tb\n7\ta b c d\n"), 0, "7\ta b c d\n2\tb\n"},
        {BYTES(TITLE), ERR_FORMAT, "line 1 has no version"},
        {BYTES(TITLE "2, 5 pictures"), ERR_UNSUPPORTED, "version 2 of the format, 1 is known"},
        {BYTES(TITLE "1, 0 images, 0 n-grams\n"), ERR_FORMAT, "line 1 has no numbers of images and n-grams"},
        {BYTES(TITLE "1, 05 images, 0 n-grams\n"), ERR_FORMAT, "line 1 has no numbers of images and n-grams"},
        {BYTES(TITLE "1, 4294967296 images, 0 n-grams\n"), ERR_FORMAT,
            "line 1 has no numbers of images and n-grams"},
        {BYTES(TITLE "1, 5 images, 2 n-grams\n1\ta\n"), ERR_FORMAT,
            "it has 1 whole n-grams, 2 by its first line"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\ta\n1\tb"), ERR_FORMAT,
            "it has 1 whole n-grams, 1 by its first line"},
        {BYTES(TITLE "1, 5 images, 2 n-grams\n1\ta\n2\ta\n"), ERR_FORMAT,
            "line 3: an n-gram for the second time"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1 a\n"), ERR_FORMAT, "line 2: no number of images and tab"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n0\ta\n"), ERR_FORMAT, "line 2: no number of images and tab"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n\n"), ERR_FORMAT, "line 2: no number of images and tab"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\t\n"), ERR_FORMAT,
            "line 2: word 1 is empty or has white space inside"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\ta  b\n"), ERR_FORMAT,
            "line 2: word 2 is empty or has white space inside"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\ta\xc2\xa0\n"), ERR_FORMAT,
            "line 2: word 1 is empty or has white space inside"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\ta\xc2\n"), ERR_FORMAT,
            "line 2: text is not UTF-8 at byte 1"},
        {BYTES(TITLE "1, 5 images, 1 n-grams\n1\ta b c d e\n"), ERR_FORMAT, "line 2: more than 4 words"},
    };
    CHECK_BYTES(cases);
}

static void messages_name_the_file(void **state)
{
    (void)state;
    struct document_frequency *df;
    struct err err = {0};
    write_file(SCRATCH("bad.p"), BYTES("cos\nsystem\n."));
    assert_int_equal(document_frequency_load(&df, SCRATCH("bad.p"), &err), ERR_UNSUPPORTED);
    assert_null(df);
    assert_string_equal(
        err.msg, "unable to read '" SCRATCH("bad.p") "': it would call 'os.system' at byte 0" ONLY);
    assert_int_equal(document_frequency_load(&df, SCRATCH("none"), &err), ERR_IO);
    assert_null(df);

    write_file(SCRATCH("large.p"), "", 0);
    assert_int_equal(truncate(SCRATCH("large.p"), ((off_t)2 << 30) + 1), 0); /* takes no room on the disk */
    assert_int_equal(document_frequency_load(&df, SCRATCH("large.p"), &err), ERR_LIMIT);
    assert_null(df);
    unlink(SCRATCH("large.p"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_by_hand),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(fixtures),
        cmocka_unit_test(saving_is_all_or_nothing),
        cmocka_unit_test(a_full_disk_keeps_the_old_file),
        cmocka_unit_test(golden),
        cmocka_unit_test(golden_gzipped),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(pickles_by_hand),
        cmocka_unit_test(pickles_refused),
        cmocka_unit_test(pickles_of_something_else),
        cmocka_unit_test(pickles_that_ask_for_much),
        cmocka_unit_test(own_format_refused),
        cmocka_unit_test(messages_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
