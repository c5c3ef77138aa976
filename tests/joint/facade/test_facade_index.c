// SPDX-License-Identifier: Apache-2.0
/* libdiptych's indexes as a program sees them: made, brought up to date, added to, searched and removed from. */
#include "joint/diptych.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PICTURES DIPTYCH_ROOT "/assets/pictures"
enum { COUNT = 12 }; /* pictures there */

static struct diptych_model *model;
static size_t width;
static struct diptych_error error;

static int open_model(void **state)
{
    struct diptych_model_info info = {.size = sizeof info};
    (void)state;
    if (diptych_model_open(&model, NULL, NULL, NULL, &error) || diptych_model_info(model, &info, &error))
        fprintf(stderr, "%s\n", error.message);
    width = info.width;
    return !width;
}

static int close_model(void **state)
{
    (void)state;
    diptych_model_free(model);
    return 0;
}

static void assert_says(int code, int expected, const char *words)
{
    if (code != expected || error.code != expected || !strstr(error.message, words))
        fail_msg("code %d (expected %d): '%s' (expected '%s')", code, expected, error.message, words);
}

static void assert_done(int code)
{
    if (code)
        fail_msg("%s: %s", diptych_code_name(code), error.message);
}

/* A new index, open for writing; with the sample pictures. */
static struct diptych_index *make(const char *path, int filled)
{
    static const char *const folders[1] = {PICTURES};
    const struct diptych_index_options options = {.size = sizeof options, .make = 1};
    const struct diptych_sync_options sources = {
        .size = sizeof sources, .pictures = folders, .picture_count = 1};
    struct diptych_index *index;
    assert_done(diptych_index_open(&index, path, model, &options, &error));
    if (filled)
        assert_done(diptych_index_sync(index, NULL, &sources, NULL, &error));
    return index;
}

static struct diptych_index_info info_of(struct diptych_index *index)
{
    struct diptych_index_info info = {.size = sizeof info};
    assert_done(diptych_index_info(index, &info, &error));
    return info;
}

static struct diptych_hit hit_of(const struct diptych_hits *hits, size_t query, size_t i)
{
    struct diptych_hit hit = {.size = sizeof hit};
    assert_done(diptych_hits_get(hits, query, i, &hit, &error));
    return hit;
}

/* ---- codes --------------------------------------------------------------------------------------------- */

static void null_is_an_argument(void **state)
{
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/null.dip", 0);
    struct diptych_hits *hits;
    const struct diptych_term term = {.text = "a"};
    const struct diptych_addition nothing = {.text = NULL}, none = {.text = "a", .image = {.path = "a"}};
    const int64_t id = 1;
    int64_t out;
    float row[1];
    (void)state;
    assert_says(diptych_index_open(NULL, "a", NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_index_info(NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "index is NULL");
    assert_says(diptych_index_info(index, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "out is NULL");
    assert_says(diptych_index_refresh(NULL, &error), DIPTYCH_ERROR_ARGUMENT, "index is NULL");
    assert_says(
        diptych_index_embeddings(index, NULL, &id, 1, &error), DIPTYCH_ERROR_ARGUMENT, "embeddings is NULL");
    assert_says(diptych_index_embeddings(index, row, NULL, 1, &error), DIPTYCH_ERROR_ARGUMENT, "ids is NULL");
    assert_says(diptych_index_sync(NULL, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "index is NULL");
    assert_says(diptych_index_add(index, &out, NULL, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "additions is NULL");
    assert_says(diptych_index_add(index, &out, &nothing, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "addition 0 has not one of image and text");
    assert_says(diptych_index_add(index, &out, &none, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "addition 0 has not one of image and text");
    assert_says(diptych_index_remove(index, NULL, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "nothing to remove");
    assert_says(diptych_index_search(NULL, index, &term, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "out is NULL");
    assert_says(diptych_index_search(&hits, NULL, &term, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "index is NULL");
    assert_null(hits);
    assert_says(diptych_index_search(&hits, index, NULL, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "terms is NULL");
    assert_says(diptych_index_search(&hits, index, NULL, 0, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "without terms");
    assert_says(diptych_index_search_embeddings(&hits, index, NULL, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "queries is NULL");
    assert_says(diptych_hits_get(NULL, 0, 0, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "hits is NULL");
    assert_int_equal(diptych_hits_queries(NULL), 0);
    assert_int_equal(diptych_hits_count(NULL, 0), 0);
    assert_false(diptych_hits_more(NULL, 0));
    diptych_hits_free(NULL);
    diptych_index_free(NULL);
    diptych_index_free(index);
}

/* The same model but for how it sees pictures, which is another to an index. */
static struct diptych_model *another_model(void)
{
    static const char *const commands[] = {
        "cp -r " DIPTYCH_ROOT "/assets/model " DIPTYCH_SCRATCH "/another",
        "sed -i 's/0.48145466/0.5/' " DIPTYCH_SCRATCH "/another/preprocessor_config.json",
    };
    struct diptych_model *another;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_int_equal(system(commands[i]), 0);
    assert_done(diptych_model_open(&another, DIPTYCH_SCRATCH "/another", NULL, NULL, &error));
    return another;
}

static void indexes_say_why_they_do_not_open(void **state)
{
    struct diptych_index *index;
    struct diptych_index_options options = {.size = sizeof options, .make = 1};
    struct diptych_model *another = another_model();
    const struct diptych_model_options own = {.size = sizeof own, .index = DIPTYCH_SCRATCH "/codes.dip"};
    (void)state;
    assert_says(diptych_index_open(&index, DIPTYCH_SCRATCH "/none.dip", model, NULL, &error),
        DIPTYCH_ERROR_IO, "none.dip");
    assert_null(index);
    assert_says(diptych_index_open(&index, DIPTYCH_SCRATCH "/none.dip", NULL, &options, &error),
        DIPTYCH_ERROR_ARGUMENT, "without a model");
    struct diptych_index *writer = make(own.index, 0);
    assert_says(
        diptych_index_open(&index, own.index, model, &options, &error), DIPTYCH_ERROR_BUSY, "codes.dip");
    assert_says(diptych_index_open(&index, own.index, another, NULL, &error), DIPTYCH_ERROR_MODEL, "");
    diptych_index_free(writer);
    assert_says(diptych_index_open(&index, own.index, another, &options, &error), DIPTYCH_ERROR_MODEL, "");
    options.storage = "f64";
    assert_says(diptych_index_open(&index, own.index, model, &options, &error), DIPTYCH_ERROR_ARGUMENT,
        "storage is one of 'f32', 'f16', 'i8', not 'f64'");
    options.storage = "i8";
    assert_says(diptych_index_open(&index, own.index, model, &options, &error), DIPTYCH_ERROR_ARGUMENT, "i8");
    diptych_model_free(another);

    /* A model is found by its index. */
    assert_says(diptych_model_open(&another, DIPTYCH_SCRATCH "/another", &own, NULL, &error),
        DIPTYCH_ERROR_MODEL, "codes.dip");
    assert_done(diptych_model_open(&another, NULL, &own, NULL, &error));
    diptych_model_free(another);
}

static void readers_do_not_write(void **state)
{
    struct diptych_index *index;
    const struct diptych_addition addition = {.text = "a"};
    const int64_t id = 1;
    const struct diptych_remove_options removal = {.size = sizeof removal, .ids = &id, .id_count = 1};
    struct diptych_hits *hits;
    const struct diptych_term term = {.text = "a"};
    int64_t out;
    (void)state;
    diptych_index_free(make(DIPTYCH_SCRATCH "/reader.dip", 0));
    assert_done(diptych_index_open(&index, DIPTYCH_SCRATCH "/reader.dip", NULL, NULL, &error));
    assert_says(diptych_index_sync(index, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "is not open for writing");
    assert_says(diptych_index_add(index, &out, &addition, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "is not open for writing");
    assert_says(diptych_index_remove(index, NULL, NULL, &removal, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "is not open for writing");
    assert_says(diptych_index_search(&hits, index, &term, 1, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "open without a model");
    diptych_index_free(index);
}

/* ---- structs of other sizes ---------------------------------------------------------------------------- */

static struct diptych_index *sized_index;

static int open_with(const void *options)
{
    struct diptych_index *index;
    const int rc = diptych_index_open(&index, DIPTYCH_SCRATCH "/sized-reader.dip", model, options, &error);
    diptych_index_free(index);
    return rc;
}

static int sync_with(const void *options)
{
    return diptych_index_sync(sized_index, NULL, options, NULL, &error);
}

static int search_with(const void *options)
{
    const struct diptych_term term = {.text = "a red heart"};
    struct diptych_hits *hits;
    const int rc = diptych_index_search(&hits, sized_index, &term, 1, options, NULL, &error);
    diptych_hits_free(hits);
    return rc;
}

static void options_may_be_of_another_version(void **state)
{
    static const struct {
        size_t size; /* today's */
        int (*call)(const void *options);
    } sized[] = {
        {sizeof(struct diptych_index_options), open_with},
        {sizeof(struct diptych_sync_options), sync_with},
        {sizeof(struct diptych_search_options), search_with},
    };
    unsigned char bytes[256];
    (void)state;
    sized_index = make(DIPTYCH_SCRATCH "/sized.dip", 0);
    diptych_index_free(make(DIPTYCH_SCRATCH "/sized-reader.dip", 0));
    for (size_t i = 0; i < sizeof sized / sizeof *sized; i++) {
        assert_true(sized[i].size + 8 <= sizeof bytes);
        for (size_t size = sizeof(size_t); size <= sized[i].size + 8; size += sizeof(size_t)) {
            memset(bytes, 0xEE, sizeof bytes);
            memset(bytes, 0, size);
            memcpy(bytes, &size, sizeof size);
            assert_done(sized[i].call(bytes));
        }
        const size_t later = sized[i].size + 8;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, &later, sizeof later);
        bytes[sized[i].size] = 1;
        assert_says(sized[i].call(bytes), DIPTYCH_ERROR_UNSUPPORTED, "does not know");
    }
    /* Of removing, the first fields must say what. */
    const int64_t id = 1;
    struct diptych_remove_options removal = {.ids = &id, .id_count = 1};
    removal.size = offsetof(struct diptych_remove_options, paths);
    removal.paths = (const char *const *)-1; /* behind what there is */
    removal.path_count = 1;
    size_t missing;
    assert_done(diptych_index_remove(sized_index, NULL, &missing, &removal, NULL, &error));
    assert_int_equal(missing, 1);
    diptych_index_free(sized_index);
}

/* ---- bringing up to date ------------------------------------------------------------------------------- */

static void folders_are_kept_up_to_date(void **state)
{
    static const char *const folders[1] = {DIPTYCH_SCRATCH "/folder"};
    const struct diptych_sync_options sources = {
        .size = sizeof sources, .pictures = folders, .picture_count = 1};
    struct diptych_sync_counts counts = {.size = sizeof counts};
    struct diptych_job *job;
    (void)state;
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/sync.dip", 0);
    assert_says(diptych_index_sync(index, NULL, &sources, NULL, &error), DIPTYCH_ERROR_IO, "folder");
    assert_int_equal(system("cp -r " PICTURES " " DIPTYCH_SCRATCH "/folder && "
                            "echo nothing > " DIPTYCH_SCRATCH "/folder/bad.png"),
        0);

    assert_done(diptych_job_new(&job, &error));
    diptych_job_cancel(job);
    assert_says(diptych_index_sync(index, NULL, &sources, job, &error), DIPTYCH_ERROR_CANCELLED, "");
    diptych_job_free(job);

    assert_done(diptych_index_sync(index, &counts, &sources, NULL, &error));
    assert_int_equal(counts.images_new, COUNT);
    assert_int_equal(counts.images_failed, 1);
    assert_int_equal(counts.encoded, COUNT);
    assert_int_equal(system("rm " DIPTYCH_SCRATCH "/folder/01.png"), 0);
    assert_done(diptych_index_sync(index, &counts, NULL, NULL, &error));
    assert_int_equal(counts.images_unchanged, COUNT - 1);
    assert_int_equal(counts.images_gone, 1);
    assert_int_equal(counts.images_failed, 0);
    assert_int_equal(counts.images_failed_before, 1);
    assert_int_equal(counts.encoded, 0);

    const struct diptych_index_info info = info_of(index);
    assert_int_equal(info.images, COUNT - 1);
    assert_int_equal(info.texts, 0);
    assert_int_equal(info.width, width);
    assert_string_equal(info.path, DIPTYCH_SCRATCH "/sync.dip");
    assert_string_equal(info.model, "default");
    assert_string_equal(info.storage, "f16");
    assert_string_equal(info.alpha, "model");
    struct diptych_model_info of_model = {.size = sizeof of_model};
    assert_done(diptych_model_info(model, &of_model, &error));
    assert_string_equal(info.fingerprint, of_model.fingerprint);
    diptych_index_free(index);
}

/* ---- searching ----------------------------------------------------------------------------------------- */

static void words_and_pictures_are_found(void **state)
{
    static const double least = 0.2;
    struct diptych_search_options options = {.size = sizeof options, .top = 3};
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/search.dip", 1);
    const struct diptych_term text = {.text = "a red heart"};
    const struct diptych_term sum[2] = {
        {.image = {.path = PICTURES "/02.png"}, .weight = 2}, {.text = "a red heart", .weight = -0.5}};
    const struct diptych_term gone = {.image = {.path = "none.jpg"}};
    struct diptych_hits *hits;
    (void)state;
    assert_done(diptych_index_search(&hits, index, &text, 1, &options, NULL, &error));
    assert_int_equal(diptych_hits_queries(hits), 1);
    assert_int_equal(diptych_hits_count(hits, 0), 3);
    assert_true(diptych_hits_more(hits, 0));
    const struct diptych_hit best = hit_of(hits, 0, 0);
    assert_non_null(strstr(best.path, "/01.png"));
    assert_int_equal(best.kind, DIPTYCH_IMAGE);
    assert_true(
        best.score > hit_of(hits, 0, 1).score && best.width > 0 && best.bytes > 0 && best.modified > 0);
    assert_null(best.text);
    struct diptych_hit hit = {.size = sizeof hit};
    assert_says(diptych_hits_get(hits, 0, 3, &hit, &error), DIPTYCH_ERROR_ARGUMENT, "has 3 hits");
    assert_says(diptych_hits_get(hits, 1, 0, &hit, &error), DIPTYCH_ERROR_ARGUMENT, "query 1 of 1");
    diptych_hits_free(hits);

    options.min_score = &least;
    options.skip = 1;
    assert_done(diptych_index_search(&hits, index, &text, 1, &options, NULL, &error));
    assert_true(diptych_hits_count(hits, 0) >= 1);
    assert_true(hit_of(hits, 0, 0).score < best.score && hit_of(hits, 0, 0).score >= least);
    diptych_hits_free(hits);

    assert_done(diptych_index_search(&hits, index, sum, 2, NULL, NULL, &error));
    assert_non_null(strstr(hit_of(hits, 0, 0).path, "/02.png"));
    assert_int_equal(diptych_hits_count(hits, 0), 10);
    diptych_hits_free(hits);
    assert_says(
        diptych_index_search(&hits, index, &gone, 1, NULL, NULL, &error), DIPTYCH_ERROR_IO, "none.jpg");

    const struct diptych_search_options wrong = {.size = sizeof wrong, .where = "wide > 3"};
    assert_says(
        diptych_index_search(&hits, index, &text, 1, &wrong, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "wide");
    const struct diptych_search_options kind = {.size = sizeof kind, .kind = 3};
    assert_says(diptych_index_search(&hits, index, &text, 1, &kind, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "kind is 3");
    diptych_index_free(index);
}

/* Many queries at once find what each finds alone; stored vectors find themselves. */
static void embeddings_are_found(void **state)
{
    enum { QUERIES = 3 };
    static const int64_t ids[QUERIES] = {5, 1, 12}, unknown = 99;
    const struct diptych_search_options options = {.size = sizeof options, .top = 2};
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/search.dip", 1);
    struct diptych_hits *hits, *one;
    float *queries = malloc(QUERIES * width * sizeof *queries); // (QUERIES, E)
    (void)state;
    assert_done(diptych_index_embeddings(index, queries, ids, QUERIES, &error));
    assert_done(diptych_index_search_embeddings(&hits, index, queries, QUERIES, &options, NULL, &error));
    assert_int_equal(diptych_hits_queries(hits), QUERIES);
    for (size_t q = 0; q < QUERIES; q++) {
        assert_int_equal(hit_of(hits, q, 0).id, ids[q]);
        assert_done(
            diptych_index_search_embeddings(&one, index, queries + q * width, 1, &options, NULL, &error));
        assert_int_equal(hit_of(one, 0, 1).id, hit_of(hits, q, 1).id);
        assert_true(hit_of(one, 0, 1).score == hit_of(hits, q, 1).score);
        diptych_hits_free(one);
    }
    diptych_hits_free(hits);
    assert_says(diptych_index_embeddings(index, queries, &unknown, 1, &error), DIPTYCH_ERROR_NOT_FOUND, "99");
    queries[0] = NAN;
    assert_says(diptych_index_search_embeddings(&hits, index, queries, 1, NULL, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "");
    free(queries);
    diptych_index_free(index);
}

/* Without a model too, page by page. */
static void items_are_listed_in_order(void **state)
{
    struct diptych_search_options options = {
        .size = sizeof options, .top = 5, .order = DIPTYCH_BY_PATH, .where = "path like '%.png'"};
    struct diptych_index *index;
    struct diptych_hits *hits;
    char last[4096] = "";
    size_t seen = 0;
    int more;
    (void)state;
    diptych_index_free(make(DIPTYCH_SCRATCH "/search.dip", 1));
    assert_done(diptych_index_open(&index, DIPTYCH_SCRATCH "/search.dip", NULL, NULL, &error));
    do {
        assert_done(diptych_index_search(&hits, index, NULL, 0, &options, NULL, &error));
        for (size_t i = 0; i < diptych_hits_count(hits, 0); i++, seen++) {
            const struct diptych_hit hit = hit_of(hits, 0, i);
            assert_true(strcmp(last, hit.path) < 0 && hit.score == 0);
            snprintf(last, sizeof last, "%s", hit.path);
            options.after = hit.id;
        }
        more = diptych_hits_more(hits, 0);
        diptych_hits_free(hits);
    } while (more);
    assert_int_equal(seen, 7);
    options.after = 999;
    assert_says(
        diptych_index_search(&hits, index, NULL, 0, &options, NULL, &error), DIPTYCH_ERROR_NOT_FOUND, "999");
    diptych_index_free(index);
}

/* ---- adding and removing ------------------------------------------------------------------------------- */

static void additions_stay_until_they_are_removed(void **state)
{
    enum { ADDED = 7, EDGE = 8 };
    static uint8_t pixels[EDGE][EDGE][4];
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/add.dip", 0), *reader;
    float *own = calloc(width, sizeof *own); // (E)
    own[0] = 1;
    const struct diptych_addition additions[ADDED] = {
        {.image = {.path = PICTURES "/01.png"}, .caption = "the first", .metadata = "{\"stars\": 3}"},
        {.image = {.path = "none.png"}},
        {.image = {.pixels = pixels[0][0], .width = EDGE, .height = EDGE, .channels = 4}},
        {.text = "a blue star"},
        {.text = "no object", .metadata = "[1]"},
        {.text = "with a vector", .embedding = own},
        {.image = {.bytes = "no picture", .size = 10}},
    };
    int64_t ids[ADDED], again[ADDED];
    struct diptych_outcomes *outcomes;
    struct diptych_outcome outcome = {.size = sizeof outcome};
    struct diptych_hits *hits;
    const struct diptych_search_options texts = {.size = sizeof texts, .kind = DIPTYCH_TEXT};
    (void)state;
    assert_done(diptych_index_open(&reader, DIPTYCH_SCRATCH "/add.dip", model, NULL, &error));
    assert_done(diptych_index_add(index, ids, additions, ADDED, &outcomes, NULL, &error));
    assert_int_equal(diptych_outcomes_failed(outcomes), 3);
    static const int32_t codes[ADDED] = {
        0, DIPTYCH_ERROR_IO, 0, 0, DIPTYCH_ERROR_FORMAT, 0, DIPTYCH_ERROR_FORMAT};
    for (size_t i = 0; i < ADDED; i++) {
        assert_done(diptych_outcomes_get(outcomes, i, &outcome, &error));
        assert_int_equal(outcome.code, codes[i]);
        assert_true(codes[i] ? ids[i] == -1 : ids[i] > 0);
    }
    diptych_outcomes_free(outcomes);
    assert_int_equal(info_of(index).images, 2);
    assert_int_equal(info_of(index).texts, 2);

    /* Vectors are the model's, or those that came along; the reader sees them when it looks again. */
    const struct diptych_term term = {.text = "a blue star"};
    assert_int_equal(info_of(reader).texts, 0);
    assert_done(diptych_index_refresh(reader, &error));
    assert_done(diptych_index_search(&hits, reader, &term, 1, &texts, NULL, &error));
    assert_int_equal(hit_of(hits, 0, 0).id, ids[3]);
    assert_true(hit_of(hits, 0, 0).score > 0.999);
    assert_string_equal(hit_of(hits, 0, 0).text, "a blue star");
    diptych_hits_free(hits);
    float *stored = malloc(width * sizeof *stored); // (E)
    assert_done(diptych_index_embeddings(reader, stored, &ids[5], 1, &error));
    assert_memory_equal(stored, own, width * sizeof *own);

    /* What is there already keeps its id. */
    assert_done(diptych_index_add(index, again, additions, 4, NULL, NULL, &error));
    assert_int_equal(again[0], ids[0]);
    assert_int_equal(again[2], ids[2]);
    assert_int_equal(again[3], ids[3]);

    /* The picture's file is the index's own, with what was said of it. */
    const struct diptych_search_options images = {
        .size = sizeof images, .order = DIPTYCH_BY_PATH, .where = "metadata ->> 'stars' = 3"};
    assert_done(diptych_index_search(&hits, index, NULL, 0, &images, NULL, &error));
    assert_int_equal(diptych_hits_count(hits, 0), 1);
    assert_string_equal(hit_of(hits, 0, 0).text, "the first");
    assert_non_null(strstr(hit_of(hits, 0, 0).path, "add.dip/uploads/"));
    diptych_hits_free(hits);

    const int64_t gone[2] = {ids[0], 77};
    size_t removed, missing;
    const struct diptych_remove_options removal = {.size = sizeof removal, .ids = gone, .id_count = 2};
    assert_done(diptych_index_remove(index, &removed, &missing, &removal, NULL, &error));
    assert_int_equal(removed, 1);
    assert_int_equal(missing, 1);
    const struct diptych_remove_options kind = {.size = sizeof kind, .kind = DIPTYCH_TEXT};
    assert_done(diptych_index_remove(index, &removed, NULL, &kind, NULL, &error));
    assert_int_equal(removed, 2);
    assert_int_equal(info_of(index).images, 1);
    diptych_index_free(reader);
    diptych_index_free(index);
    free(stored);
    free(own);
}

static int32_t end_at_two(void *context, const char *unit, size_t done, size_t total)
{
    (void)context;
    return !strcmp(unit, "additions") && done == 2 && total == 3;
}

/* What is read before anything is encoded can be ended, too; nothing goes in. */
static void additions_are_counted_and_end(void **state)
{
    static const struct diptych_addition additions[3] = {{.text = "a"}, {.text = "b"}, {.text = "c"}};
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/ended.dip", 0);
    struct diptych_progress progress = {.size = sizeof progress};
    struct diptych_job *job;
    int64_t ids[3];
    (void)state;
    assert_done(diptych_job_new(&job, &error));
    assert_done(diptych_job_watch(job, end_at_two, NULL, NULL, &error));
    assert_says(diptych_index_add(index, ids, additions, 3, NULL, job, &error), DIPTYCH_ERROR_CANCELLED,
        "interrupted");
    assert_done(diptych_job_progress(job, &progress, &error));
    assert_string_equal(progress.unit, "additions");
    assert_int_equal(info_of(index).texts, 0);
    diptych_job_free(job);
    diptych_index_free(index);
}

/* ---- exchange ------------------------------------------------------------------------------------------ */

static void rows_go_out_and_come_in(void **state)
{
    enum { TEXTS = 2 };
    static const char folder[] = DIPTYCH_SCRATCH "/out/", path[] = DIPTYCH_SCRATCH "/in.dip";
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/exchange.dip", 1), *back;
    const struct diptych_addition texts[TEXTS] = {{.text = "a blue star"}, {.text = "a red heart"}};
    const struct diptych_export_options of_texts = {.size = sizeof of_texts, .kind = DIPTYCH_TEXT};
    const struct diptych_import_options as_texts = {
        .size = sizeof as_texts, .kind = DIPTYCH_TEXT, .storage = "f32"};
    struct diptych_import_counts counts = {.size = sizeof counts};
    int64_t ids[TEXTS];
    size_t items;
    (void)state;
    assert_done(diptych_index_add(index, ids, texts, TEXTS, NULL, NULL, &error));
    assert_done(diptych_index_export(index, &items, folder, NULL, NULL, &error));
    assert_int_equal(items, COUNT + TEXTS);
    assert_done(diptych_index_import(&counts, path, model, folder, NULL, NULL, &error));
    assert_int_equal(counts.rows, COUNT + TEXTS);
    assert_done(diptych_index_open(&back, path, model, NULL, &error));
    assert_int_equal(info_of(back).images, COUNT);
    assert_string_equal(info_of(back).model, info_of(index).model);
    diptych_index_free(back);

    /* Without a model, into an index that is there: its pictures are replaced. */
    assert_done(diptych_index_import(&counts, path, NULL, folder, NULL, NULL, &error));
    assert_int_equal(counts.replaced, COUNT);

    /* A matrix, of what is chosen. */
    assert_done(diptych_index_export(index, &items, DIPTYCH_SCRATCH "/texts.npy", &of_texts, NULL, &error));
    assert_int_equal(items, TEXTS);
    assert_done(diptych_index_import(
        NULL, DIPTYCH_SCRATCH "/texts.dip", model, DIPTYCH_SCRATCH "/texts.npy", &as_texts, NULL, &error));
    assert_done(diptych_index_open(&back, DIPTYCH_SCRATCH "/texts.dip", NULL, NULL, &error));
    assert_int_equal(info_of(back).texts, TEXTS);
    assert_string_equal(info_of(back).storage, "f32");
    diptych_index_free(back);
    diptych_index_free(index);
}

static void exchange_says_why_not(void **state)
{
    struct diptych_index *index = make(DIPTYCH_SCRATCH "/why_not.dip", 1);
    const struct diptych_export_options nowhere = {.size = sizeof nowhere, .where = "no such column"};
    const struct diptych_import_options odd = {.size = sizeof odd, .storage = "f64"};
    struct diptych_job *job;
    (void)state;
    assert_says(diptych_index_export(NULL, NULL, "a.npy", NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "index is NULL");
    assert_says(
        diptych_index_export(index, NULL, NULL, NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT, "path is NULL");
    assert_says(diptych_index_export(index, NULL, DIPTYCH_SCRATCH "/a.csv", NULL, NULL, &error),
        DIPTYCH_ERROR_UNSUPPORTED, "a.csv");
    assert_says(diptych_index_export(index, NULL, DIPTYCH_SCRATCH "/a.npy", &nowhere, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "column");
    assert_says(diptych_index_import(NULL, NULL, model, "a.npy", NULL, NULL, &error), DIPTYCH_ERROR_ARGUMENT,
        "path is NULL");
    assert_says(diptych_index_import(NULL, DIPTYCH_SCRATCH "/none.dip", NULL, "a.npy", NULL, NULL, &error),
        DIPTYCH_ERROR_IO, "none.dip");
    assert_says(diptych_index_import(NULL, DIPTYCH_SCRATCH "/none.dip", model, "a.npy", &odd, NULL, &error),
        DIPTYCH_ERROR_ARGUMENT, "storage is one of");
    assert_says(diptych_index_import(NULL, DIPTYCH_SCRATCH "/none.dip", model, "a.npy", NULL, NULL, &error),
        DIPTYCH_ERROR_IO, "a.npy");
    assert_int_equal(diptych_job_new(&job, &error), 0);
    diptych_job_cancel(job);
    assert_says(diptych_index_export(index, NULL, DIPTYCH_SCRATCH "/a.npy", NULL, job, &error),
        DIPTYCH_ERROR_CANCELLED, "");
    diptych_job_free(job);
    diptych_index_free(index);
}

int main(void)
{
    unsetenv("DIPTYCH_MODEL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_an_argument),
        cmocka_unit_test(indexes_say_why_they_do_not_open),
        cmocka_unit_test(readers_do_not_write),
        cmocka_unit_test(options_may_be_of_another_version),
        cmocka_unit_test(folders_are_kept_up_to_date),
        cmocka_unit_test(words_and_pictures_are_found),
        cmocka_unit_test(embeddings_are_found),
        cmocka_unit_test(items_are_listed_in_order),
        cmocka_unit_test(additions_stay_until_they_are_removed),
        cmocka_unit_test(additions_are_counted_and_end),
        cmocka_unit_test(rows_go_out_and_come_in),
        cmocka_unit_test(exchange_says_why_not),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
