// SPDX-License-Identifier: Apache-2.0
/* METEOR against meteor-1.5.jar's words and scores, of what tests/golden/meteor.py made up and of COCO captions. */
#include "tests/text/captions/metric_suites.h"
#include "text/captions/metric_meteor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/meteor"

static json_t *golden;
static struct caption_pair *pairs;
static size_t count;

static int read_golden(void **state)
{
    (void)state;
    golden = must_read_json(GOLDEN "/meteor.json");
    pairs = golden_pairs(&count, json_object_get(golden, "pairs"));
    return count > 100 ? 0 : -1;
}

static int drop_golden(void **state)
{
    (void)state;
    golden_pairs_free(pairs, count);
    json_decref(golden);
    return 0;
}

static void words_are_meteors(void **state)
{
    (void)state;
    const json_t *texts = json_object_get(golden, "texts"), *words = json_object_get(golden, "words");
    assert_true(json_array_size(texts) > 100 && json_array_size(words) == json_array_size(texts));
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        const char *expected = json_string_value(json_array_get(words, i));
        struct arena arena = {0};
        const char *ours = meteor_normalise(&arena, span_of(text));
        if (strcmp(ours, expected))
            fail_msg("'%s' is '%s', not '%s'", text, ours, expected);
        arena_release(&arena);
    }
}

static void damaged_paraphrases_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *message;
    } cases[] = {
        {"", "it ends inside a paraphrase, at line 0"},
        {"0.5\na\n", "it ends inside a paraphrase, at line 2"},
        {"0.5\na\nb\n0.5", "it ends inside a paraphrase, at line 4"},
        {"0.5\na\nb\nb\n",
            "line 4 is no probability: METEOR 1.5's paraphrases are three lines each, a number first"},
        {"0.5\n \nb\n", "line 2 has no words"},
        {"version https://git-lfs.github.com/spec/v1\n",
            "line 1 is no probability: METEOR 1.5's paraphrases are three lines each, a number first"},
    };
    struct ngrams words;
    assert_int_equal(ngrams_init(&words, 2, 1, NULL), 0);
    ngrams_add_word(&words, span_of("a"));
    ngrams_add_word(&words, span_of("b"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meteor_paraphrases paraphrases;
        struct err err;
        assert_int_equal(
            meteor_paraphrases_parse(&paraphrases, span_of(cases[i].bytes), &words, &err), ERR_FORMAT);
        assert_string_equal(err.msg, cases[i].message);
    }
    ngrams_release(&words);
}

/* Those whose words are all known, in the order of the file. */
static void paraphrases_of_other_words_are_left_out(void **state)
{
    (void)state;
    static const char table[] = "1\na b\nb\r\n0.5\na\nc\n1e-05\na b\na\n0.1\nc\na\n0.1\nb\na";
    struct meteor_paraphrases paraphrases;
    struct ngrams words;
    assert_int_equal(ngrams_init(&words, 2, 1, NULL), 0);
    const uint32_t a = ngrams_add_word(&words, span_of("a")), b = ngrams_add_word(&words, span_of("b"));
    assert_int_equal(meteor_paraphrases_parse(&paraphrases, span_of(table), &words, NULL), 0);
    assert_int_equal(paraphrases.count, 3);
    const uint32_t phrase =
        ngrams_find(&paraphrases.phrases, ngrams_find(&paraphrases.phrases, NGRAM_ROOT, a), b);
    assert_int_equal(paraphrases.firsts[phrase + 1] - paraphrases.firsts[phrase], 2);
    const struct meteor_phrase *says = &paraphrases.says[paraphrases.firsts[phrase]];
    assert_int_equal(paraphrases.words[says[0].first], b);
    assert_int_equal(paraphrases.words[says[1].first], a);
    meteor_paraphrases_release(&paraphrases);
    ngrams_release(&words);
}

#ifdef DIPTYCH_STEMMER

static void compute(struct meteor_scores *out, const char *data, int threads)
{
    const struct meteor_options options = {.data = data};
    const struct job job = {.threads = threads};
    struct err err;
    if (meteor_compute(out, pairs, count, &options, &job, &err))
        fail_msg("%s", err.msg);
}

static void scores_are_meteors(void **state)
{
    (void)state;
    static const struct {
        const char *name, *data;
    } kinds[] = {{"METEOR", GOLDEN}, {"METEOR_no_paraphrases", NULL}};
    for (size_t k = 0; k < 4; k++) {
        const json_t *theirs = json_object_get(golden, kinds[k / 2].name);
        const json_t *images = json_object_get(theirs, "images");
        struct meteor_scores ours;
        compute(&ours, kinds[k / 2].data, k % 2 ? 3 : 1);
        assert_int_equal(json_array_size(images), count);
        for (size_t i = 0; i < count; i++) {
            const double score = json_number_value(json_array_get(images, i));
            if (!(fabs(ours.scores.images[i] - score) <= 1e-12))
                fail_msg("%s of '%s' is %.12g, not %.12g", kinds[k / 2].name, pairs[i].candidate,
                    ours.scores.images[i], score);
        }
        assert_true(fabs(ours.scores.corpus - json_number_value(json_object_get(theirs, "corpus"))) <= 1e-12);
        meteor_scores_release(&ours);
    }
}

/* The official jar's score of summed statistics, which counts the chunks of captions that match from end to end too. */
static double score_of_all_chunks(const struct meteor_scores *scores, size_t images)
{
    struct meteor_stats sum = {0};
    size_t chunks = 0;
    for (size_t i = 0; i < images; i++) {
        meteor_stats_add(&sum, &scores->stats[i], 1);
        chunks += scores->stats[i].chunks;
    }
    sum.chunks = chunks;
    return meteor_score(&sum);
}

/* Fixtures: recorded without paraphrases, which not every machine has. */
static void captions_score_as_the_jar_scored_them(void **state)
{
    (void)state;
    if (!file_exists(CAPTIONS "kt_refs.json.gz")) {
        print_message("no %s: METEOR of whole suites is not tested\n", CAPTIONS);
        skip();
    }
    static const char *const suites[][2] = {{"kt_refs", "kt_magic"}, {"v17_refs", "v17_lstm"}};
    for (size_t s = 0; s < 2; s++) {
        char references[512], candidates[512], expected[512];
        snprintf(references, sizeof references, CAPTIONS "%s.json.gz", suites[s][0]);
        snprintf(candidates, sizeof candidates, CAPTIONS "%s_results.json.gz", suites[s][1]);
        snprintf(expected, sizeof expected, CAPTIONS "%s_meteor_nopara.json.gz", suites[s][1]);
        const char *said = references, *written = candidates;
        struct caption_set reference_set, candidate_set;
        struct caption_pairs joined;
        struct caption_scores scores;
        const struct caption_score_options options = {.metrics = 1u << METRIC_METEOR};
        json_t *theirs = must_read_json(expected);
        assert_int_equal(caption_set_read(&reference_set, &said, 1, NULL, NULL), 0);
        assert_int_equal(caption_set_read(&candidate_set, &written, 1, NULL, NULL), 0);
        assert_int_equal(caption_pairs_join(&joined, &reference_set, &candidate_set, 1, true, NULL), 0);
        assert_int_equal(
            caption_scores_compute(&scores, joined.systems[0], joined.count, &options, NULL, NULL), 0);
        const double *ours = scores.images[METRIC_METEOR_NO_PARAPHRASES];
        assert_null(scores.images[METRIC_METEOR]);
        double largest = fabs(score_of_all_chunks(&scores.meteor_no_paraphrases, joined.count) -
                              json_number_value(json_object_get(theirs, "corpus")));
        for (size_t i = 0; i < joined.count; i++) {
            const json_t *image = json_object_get(json_object_get(theirs, "per_image"), joined.ids[i]);
            assert_true(json_is_number(image));
            const double difference = fabs(ours[i] - json_number_value(image));
            largest = difference > largest ? difference : largest;
        }
        print_message("%s: %zu images, largest difference %.1e\n", suites[s][1], joined.count, largest);
        assert_true(joined.count > 400 && largest <= 1e-11); /* 12 digits are recorded */
        caption_scores_release(&scores);
        caption_pairs_release(&joined);
        caption_set_release(&candidate_set);
        caption_set_release(&reference_set);
        json_decref(theirs);
    }
}

/* ---- bad input ----------------------------------------------------------------------------------------- */

static void expect_refusal(const struct meteor_options *options, enum err_code code, const char *message)
{
    struct meteor_scores scores;
    struct err err;
    assert_int_equal(meteor_compute(&scores, pairs, count, options, NULL, &err), code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' says nothing of '%s'", err.msg, message);
    assert_null(scores.scores.images);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#define LICENCE "  1 WordNet 3.0 Copyright 2006 by Princeton University.  \n"

/* A folder of WordNet with those nouns, and nothing else. */
static void write_wordnet(const char *folder, const char *nouns)
{
    static const char *const parts[] = {"noun", "verb", "adj", "adv"};
    char path[512];
    mkdir(folder, 0777);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/index.%s", folder, parts[i]);
        write_file(path, i ? LICENCE : nouns);
        snprintf(path, sizeof path, "%s/%s.exc", folder, parts[i]);
        write_file(path, "");
    }
}

static void wordnet_that_is_none_is_refused(void **state)
{
    (void)state;
    const struct meteor_options options = {.wordnet = DIPTYCH_SCRATCH "/wordnet"};
    expect_refusal(&(struct meteor_options){.wordnet = "/nowhere"}, ERR_IO,
        "METEOR takes synonyms from WordNet 3.0 (Debian's wordnet-base, or WNSEARCHDIR): unable to open "
        "'/nowhere/index.noun': No such file or directory");
    write_wordnet(options.wordnet, "  1 WordNet 3.1 Copyright 2011\naardvark n 1 1 @ 1 0 02082791  \n");
    expect_refusal(&options, ERR_UNSUPPORTED, "/index.noun' is not of WordNet 3.0, which METEOR 1.5 takes");
    write_wordnet(options.wordnet, "");
    expect_refusal(&options, ERR_UNSUPPORTED, "/index.noun' is not of WordNet 3.0");
    static const char *const damaged[] = {"bike", "bike n", "bike n 2 1 @ 2 1 0283", "bike n 1 1 @ 1 0 x",
        "bike n 9 1 @ 9 0 02834778", "bike n 1 4294967295 @ 1 0 02834778", "bike n -1 1 @ 1 0 02834778"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        char nouns[256];
        snprintf(nouns, sizeof nouns, LICENCE "%s\n", damaged[i]);
        write_wordnet(options.wordnet, nouns);
        expect_refusal(&options, ERR_FORMAT, "/index.noun': the line of 'bike' is no line of an index");
    }
    write_wordnet(options.wordnet, LICENCE "bike n 1 1 @ 1 0 02834778  "); /* and no line end */
    struct meteor_scores scores;
    assert_int_equal(meteor_compute(&scores, pairs, count, &options, NULL, NULL), 0);
    meteor_scores_release(&scores);
}

static void damaged_gzip_is_refused(void **state)
{
    (void)state;
    const char *path = DIPTYCH_SCRATCH "/paraphrase-en.gz";
    const struct meteor_options options = {.data = DIPTYCH_SCRATCH};
    struct stat st;
    unlink(path);
    expect_refusal(
        &options, ERR_IO, "no 'paraphrase-en.gz' in '" DIPTYCH_SCRATCH "', nor in its folder 'data'");
    gzFile file = gzopen(path, "wb");
    for (int i = 0; i < 20000; i++)
        gzprintf(file, "0.%d\na\nthe\n", rand());
    assert_int_equal(gzclose(file), Z_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 4), 0);
    expect_refusal(&options, ERR_FORMAT, "paraphrase-en.gz': its gzip data end early, after line ");
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    expect_refusal(&options, ERR_FORMAT, "paraphrase-en.gz': its gzip data end early, after line ");
    FILE *damaged = fopen(path, "r+");
    fseek(damaged, st.st_size / 4, SEEK_SET);
    fputs("this is not what stood here, and deflate has no such codes", damaged);
    assert_int_equal(fclose(damaged), 0);
    expect_refusal(&options, ERR_FORMAT, "unable to read '" DIPTYCH_SCRATCH "/paraphrase-en.gz': ");
    unlink(path);
}

static void long_captions_are_refused(void **state)
{
    (void)state;
    char text[2 * METEOR_WORDS_MAX + 8];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? ' ' : 'a';
    text[2 * METEOR_WORDS_MAX] = '\0';
    const char *references[] = {text, "a b"};
    const struct caption_pair pair[] = {{"a", references + 1, 1}, {"a b", references, 2}};
    const struct meteor_options options = {0};
    struct meteor_scores scores;
    struct err err;
    assert_int_equal(meteor_compute(&scores, pair, 2, &options, NULL, &err), 0);
    meteor_scores_release(&scores);
    memcpy(text + 2 * METEOR_WORDS_MAX, "a", 2);
    assert_int_equal(meteor_compute(&scores, pair, 2, &options, NULL, &err), ERR_LIMIT);
    assert_string_equal(err.msg, "image 1 has a caption of 1001 words, METEOR aligns at most 1000");
}

static int end_now(void *context, const char *unit, size_t done, size_t total)
{
    (void)unit;
    (void)done;
    (void)total;
    return !(*(size_t *)context)--;
}

static void a_job_ends_it(void **state)
{
    (void)state;
    const struct meteor_options options = {.data = GOLDEN};
    for (size_t steps = 0; steps < 3; steps++) { /* the table, and images twice */
        size_t left = steps;
        const struct job job = {.step = end_now, .context = &left, .threads = 1};
        struct meteor_scores scores;
        assert_int_equal(meteor_compute(&scores, pairs, count, &options, &job, NULL), ERR_CANCELLED);
        assert_null(scores.stats);
    }
}

#else

static void without_stems_there_is_none(void **state)
{
    (void)state;
    struct meteor_scores scores;
    struct err err;
    const struct meteor_options options = {0};
    assert_int_equal(meteor_compute(&scores, pairs, count, &options, NULL, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.msg, "METEOR takes stems from libstemmer, which this build has not");
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_meteors),
        cmocka_unit_test(damaged_paraphrases_are_refused),
        cmocka_unit_test(paraphrases_of_other_words_are_left_out),
#ifdef DIPTYCH_STEMMER
        cmocka_unit_test(scores_are_meteors),
        cmocka_unit_test(wordnet_that_is_none_is_refused),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(long_captions_are_refused),
        cmocka_unit_test(a_job_ends_it),
        cmocka_unit_test(captions_score_as_the_jar_scored_them),
#else
        cmocka_unit_test(without_stems_there_is_none),
#endif
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
}
