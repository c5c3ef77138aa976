// SPDX-License-Identifier: Apache-2.0
/* One model of eight threads at once, with encoders for three of them, and one index: each gets what it would get alone.
 * Others cancel their work meanwhile, open and free models of their own, and write to the index. */
#include "joint/diptych.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PICTURES DIPTYCH_ROOT "/assets/pictures/"
enum { THREADS = 8, IMAGES = 4, TEXTS = 3 };
static size_t rounds = 6; /* of each thread; or the first argument, where they take long */

static const struct diptych_image images[IMAGES] = {{.path = PICTURES "01.png"}, {.path = PICTURES "02.png"},
    {.path = PICTURES "none.png"}, {.path = PICTURES "05.jpg"}};
static const char *const texts[TEXTS] = {"a red heart", "a blue star", "five purple ovals"};

/* What one thread alone gets. */
static struct shared {
    struct diptych_model *model;
    struct diptych_classifier *classifier;
    size_t width;
    float *images, *texts; // (IMAGES, E), (TEXTS, E)
    int64_t best[IMAGES];
} shared;

struct worker {
    pthread_t thread;
    size_t number;
    char problem[256]; /* the first; cmocka's assertions are of the main thread */
};

static void check(struct worker *w, int good, const char *what)
{
    if (!good && !*w->problem)
        snprintf(w->problem, sizeof w->problem, "thread %zu: %s", w->number, what);
}

static void encode(struct worker *w, float *rows)
{
    struct diptych_outcomes *outcomes = NULL;
    struct diptych_error error;
    int rc = diptych_encode_images(shared.model, rows, images, IMAGES, NULL, &outcomes, NULL, &error);
    check(w, !rc && diptych_outcomes_failed(outcomes) == 1, "pictures are not encoded");
    for (size_t i = 0; i < IMAGES; i++)
        check(w,
            i == 2 || !memcmp(rows + i * shared.width, shared.images + i * shared.width,
                          shared.width * sizeof *rows),
            "a picture has another embedding");
    diptych_outcomes_free(outcomes);
    rc = diptych_encode_texts(shared.model, rows, texts, TEXTS, NULL, NULL, NULL, &error);
    check(w, !rc && !memcmp(rows, shared.texts, TEXTS * shared.width * sizeof *rows),
        "a text has another embedding");
}

static void classify(struct worker *w)
{
    int64_t best[IMAGES];
    float scores[IMAGES];
    struct diptych_error error;
    const int rc = diptych_classify(shared.classifier, best, scores, 1, images, IMAGES, NULL, NULL, &error);
    check(w, !rc && !memcmp(best, shared.best, sizeof best), "a picture has another label");
}

/* Cancelled by another thread while it waits or works, or before it begins. */
static void *cancel(void *job)
{
    diptych_job_cancel(job);
    return NULL;
}

static void encode_cancelled(struct worker *w, float *rows)
{
    struct diptych_image many[64];
    struct diptych_progress progress = {.size = sizeof progress};
    struct diptych_job *job;
    struct diptych_error error;
    pthread_t canceller;
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = images[0];
    check(w, !diptych_job_new(&job, &error), "there is no job");
    check(w, !pthread_create(&canceller, NULL, cancel, job), "there is no thread");
    const int rc =
        diptych_encode_images(shared.model, rows, many, sizeof many / sizeof *many, NULL, NULL, job, &error);
    check(w, !rc || rc == DIPTYCH_ERROR_CANCELLED, "a cancelled call failed");
    check(w, !diptych_job_progress(job, &progress, &error), "there is no progress");
    pthread_join(canceller, NULL);
    check(w,
        diptych_encode_images(shared.model, rows, many, 1, NULL, NULL, job, &error) ==
            DIPTYCH_ERROR_CANCELLED,
        "a cancelled job goes on");
    diptych_job_free(job);
}

static void open_another(struct worker *w)
{
    struct diptych_model *model;
    struct diptych_error error;
    check(w, !diptych_model_open(&model, NULL, NULL, NULL, &error), "a model does not open");
    diptych_model_free(model);
}

static void *work(void *context)
{
    struct worker *w = context;
    float *rows = malloc(64 * shared.width * sizeof *rows); // (64, E)
    for (size_t round = 0; round < rounds; round++) {
        encode(w, rows);
        classify(w);
        if (w->number % 2)
            encode_cancelled(w, rows);
        if (w->number == round)
            open_another(w);
    }
    free(rows);
    return NULL;
}

static void threads_get_what_one_gets(void **state)
{
    const struct diptych_model_options options = {.size = sizeof options, .encoders = 3, .batch = 8};
    struct diptych_model_info info = {.size = sizeof info};
    struct worker workers[THREADS] = {0};
    struct diptych_error error;
    float scores[IMAGES];
    (void)state;
    assert_int_equal(diptych_model_open(&shared.model, NULL, &options, NULL, &error), 0);
    assert_int_equal(diptych_model_info(shared.model, &info, &error), 0);
    shared.width = info.width;
    shared.images = malloc(IMAGES * info.width * sizeof *shared.images);
    shared.texts = malloc(TEXTS * info.width * sizeof *shared.texts);
    assert_int_equal(
        diptych_encode_images(shared.model, shared.images, images, IMAGES, NULL, NULL, NULL, &error), 0);
    assert_int_equal(
        diptych_encode_texts(shared.model, shared.texts, texts, TEXTS, NULL, NULL, NULL, &error), 0);
    assert_int_equal(
        diptych_classifier_open(&shared.classifier, shared.model, texts, TEXTS, NULL, NULL, &error), 0);
    assert_int_equal(
        diptych_classify(shared.classifier, shared.best, scores, 1, images, IMAGES, NULL, NULL, &error), 0);

    for (size_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++)
        assert_string_equal(workers[i].problem, "");
    diptych_classifier_free(shared.classifier);
    diptych_model_free(shared.model);
    free(shared.images);
    free(shared.texts);
}

/* ---- one index ----------------------------------------------------------------------------------------- */

#define INDEX DIPTYCH_SCRATCH "/shared.dip"

static struct searched {
    struct diptych_model *model;
    struct diptych_index *index, *writer;
    int64_t best[TEXTS]; /* what one thread alone finds for each text */
} searched;

static int64_t best_of(
    struct worker *w, struct diptych_index *index, const char *text, struct diptych_job *job)
{
    const struct diptych_term term = {.text = text};
    const struct diptych_search_options options = {.size = sizeof options, .top = 1, .kind = DIPTYCH_IMAGE};
    struct diptych_hit hit = {.size = sizeof hit};
    struct diptych_hits *hits;
    struct diptych_error error;
    const int rc = diptych_index_search(&hits, index, &term, 1, &options, job, &error);
    check(w, !rc || (job && rc == DIPTYCH_ERROR_CANCELLED), "nothing is found");
    if (!rc)
        check(w, !diptych_hits_get(hits, 0, 0, &hit, &error), "there is no hit");
    diptych_hits_free(hits);
    return hit.id;
}

static void search_cancelled(struct worker *w)
{
    struct diptych_job *job;
    struct diptych_error error;
    pthread_t canceller;
    check(w, !diptych_job_new(&job, &error), "there is no job");
    check(w, !pthread_create(&canceller, NULL, cancel, job), "there is no thread");
    best_of(w, searched.index, texts[0], job);
    pthread_join(canceller, NULL);
    diptych_job_free(job);
}

/* A text more, and a sync, which searches of the other handle do not wait for. */
static void write_to(struct worker *w, size_t round)
{
    char text[64];
    struct diptych_addition addition = {.text = text};
    struct diptych_error error;
    int64_t id;
    snprintf(text, sizeof text, "round %zu of thread %zu", round, w->number);
    check(w, !diptych_index_add(searched.writer, &id, &addition, 1, NULL, NULL, &error) && id > 0,
        "nothing is added");
    check(w, !diptych_index_sync(searched.writer, NULL, NULL, NULL, &error), "the index is not synced");
}

static void search_own(struct worker *w)
{
    struct diptych_index *index;
    struct diptych_error error;
    check(w, !diptych_index_open(&index, INDEX, searched.model, NULL, &error), "the index does not open");
    if (index)
        check(w, best_of(w, index, texts[1], NULL) == searched.best[1], "another is found");
    diptych_index_free(index);
}

static void *search(void *context)
{
    struct worker *w = context;
    struct diptych_index_info info = {.size = sizeof info};
    struct diptych_error error;
    for (size_t round = 0; round < rounds; round++) {
        const size_t i = (w->number + round) % TEXTS;
        check(w, best_of(w, searched.index, texts[i], NULL) == searched.best[i], "another is found");
        if (w->number % 4 == 1)
            search_cancelled(w);
        if (w->number % 4 == 2)
            write_to(w, round);
        if (w->number == round)
            search_own(w);
        if (w->number == 7)
            check(w, !diptych_index_refresh(searched.index, &error), "there is nothing new");
        check(w, !diptych_index_info(searched.index, &info, &error) && info.images == IMAGES - 1,
            "there are other pictures");
    }
    return NULL;
}

static void threads_find_what_one_finds(void **state)
{
    static const char *const paths[IMAGES - 1] = {PICTURES "01.png", PICTURES "02.png", PICTURES "05.jpg"};
    const struct diptych_model_options few = {.size = sizeof few, .encoders = 2, .batch = 8};
    const struct diptych_index_options options = {.size = sizeof options, .make = 1};
    const struct diptych_sync_options sources = {
        .size = sizeof sources, .pictures = paths, .picture_count = IMAGES - 1};
    struct worker workers[THREADS] = {0};
    struct diptych_error error;
    (void)state;
    assert_int_equal(diptych_model_open(&searched.model, NULL, &few, NULL, &error), 0);
    assert_int_equal(diptych_index_open(&searched.writer, INDEX, searched.model, &options, &error), 0);
    assert_int_equal(diptych_index_sync(searched.writer, NULL, &sources, NULL, &error), 0);
    assert_int_equal(diptych_index_open(&searched.index, INDEX, searched.model, NULL, &error), 0);
    for (size_t i = 0; i < TEXTS; i++)
        searched.best[i] = best_of(&workers[0], searched.index, texts[i], NULL);
    assert_true(searched.best[0] != searched.best[1] && searched.best[1] != searched.best[2]);

    for (size_t i = 0; i < THREADS; i++) {
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, search, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++)
        assert_string_equal(workers[i].problem, "");
    diptych_model_free(searched.model); /* the indexes hold it */
    diptych_index_free(searched.index);
    diptych_index_free(searched.writer);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = strtoul(argv[1], NULL, 10);
    unsetenv("DIPTYCH_MODEL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_get_what_one_gets),
        cmocka_unit_test(threads_find_what_one_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
