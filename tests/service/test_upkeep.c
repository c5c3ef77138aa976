// SPDX-License-Identifier: Apache-2.0
/* What changes while a service runs: indexes that are replaced or taken away, and a model that is given back. */
#include "tests/service/served.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENOUGH_SECONDS = 60 };

/* ---- indexes that are replaced ------------------------------------------------------------------------- */

#define PLACE DIPTYCH_SCRATCH "/swapped.dip"
#define BESIDE DIPTYCH_SCRATCH "/beside.dip"
#define AWAY DIPTYCH_SCRATCH "/away.dip"

/* An index with one text. */
static void make_index_of(const char *path, const char *caption, const char *fingerprint)
{
    struct err err;
    struct index *index;
    char own[FINGERPRINT_SIZE];
    float embedding[WIDTH];
    assert_int_equal(model_directory_fingerprint(own, MODEL, &err), 0);
    const struct index_options options = {.model = "frozen",
        .fingerprint = fingerprint ? fingerprint : own,
        .width = WIDTH,
        .storage = INDEX_F32,
        .preparation = "model"};
    struct index_item item = {.kind = INDEX_TEXT, .caption = caption};
    encode_text(embedding, caption);
    assert_int_equal(index_create(&index, path, &options, &err), 0);
    assert_int_equal(index_add(index, &item, embedding, 1, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
}

static void remove_index(const char *path)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static struct service *serve_place(void)
{
    static const char *const names[] = {"swapped"}, *const paths[] = {PLACE};
    struct err err;
    struct service *service;
    const struct service_options options = {.model = MODEL,
        .device = {.precision = "f32"},
        .index_names = names,
        .index_paths = paths,
        .index_count = 1};
    assert_int_equal(service_open(&service, &options, &err), 0);
    if (service_wait(service, &err))
        fail_msg("%s", err.msg);
    return service;
}

/* What the two readers of the index see: a search and an item, which both have this text (NULL: either). The status, 0 if
 * they have another. */
static int see(int port, const char *text)
{
    static const char *const asks[][3] = {
        {"POST", "/v1/search", "{\"text\": \"first\"}"}, {"GET", "/v1/items/1", NULL}};
    int status = 200;
    for (size_t i = 0; i < 2 && status == 200; i++) {
        struct answer answer = client_once(port, asks[i][0], asks[i][1], NULL, asks[i][2]);
        status = answer.status != 200 || !text || strstr(answer.body, text) ? answer.status : 0;
        answer_release(&answer);
    }
    return status;
}

/* Until both readers see the text, or the answer has that status. */
static void wait_for(int port, const char *text, int status)
{
    const double until = time_now() + ENOUGH_SECONDS;
    while (see(port, text) != status)
        if (time_now() > until)
            fail_msg("no '%s' with status %d", text ? text : "", status);
}

/* Another index comes to the place by two renames, so that for a moment there is none. */
static void swap(void)
{
    assert_int_equal(rename(PLACE, AWAY), 0);
    assert_int_equal(rename(BESIDE, PLACE), 0);
    assert_int_equal(rename(AWAY, BESIDE), 0);
}

struct asker {
    int port;
    atomic_bool stop;
    atomic_int asked, failed;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    while (!asker->stop) {
        asker->failed += see(asker->port, NULL) != 200;
        asker->asked++;
    }
    return NULL;
}

static void replaced_indexes_fail_no_request(void **state)
{
    (void)state;
    enum { ASKERS = 4, SWAPS = 20 };
    static const char *const captions[] = {"first", "second"};
    make_index_of(PLACE, captions[0], NULL);
    make_index_of(BESIDE, captions[1], NULL);
    struct service *service = serve_place();
    struct asker asker = {.port = service_port(service)};
    pthread_t threads[ASKERS];
    struct err err;
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asker), 0);
    for (int i = 1; i <= SWAPS; i++) {
        swap();
        if (i % 4 == 0)
            assert_int_equal(service_reload(service, &err), 0);
        wait_for(asker.port, captions[i % 2], 200);
    }
    asker.stop = true;
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(asker.failed, 0);
    assert_true(asker.asked > 0);
    service_close(service, 0);
    remove_index(PLACE);
    remove_index(BESIDE);
}

/* What cannot be opened is not taken; where nothing is for long, that is what is said. */
static void the_last_good_index_stays(void **state)
{
    (void)state;
    struct err err;
    make_index_of(PLACE, "first", NULL);
    make_index_of(BESIDE, "second", "anothermodel");
    struct service *service = serve_place();
    const int port = service_port(service);
    swap();
    assert_int_equal(service_reload(service, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "another model"));
    assert_int_equal(see(port, "first"), 200);
    struct answer answer = client_once(port, "POST", "/v1/reload", NULL, "");
    assert_int_equal(answer.status, 500);
    assert_non_null(strstr(answer.body, "another model"));
    answer_release(&answer);

    assert_int_equal(rename(PLACE, AWAY), 0);
    assert_int_equal(service_reload(service, &err), ERR_IO);
    wait_for(port, NULL, 404);
    assert_int_equal(rename(BESIDE, PLACE), 0);
    assert_int_equal(see(port, "first"), 200);
    assert_int_equal(service_reload(service, &err), 0);
    assert_int_equal(see(port, "first"), 200);
    service_close(service, 0);
    remove_index(PLACE);
    remove_index(AWAY);
}

/* ---- a model that is given back ------------------------------------------------------------------------ */

/* Whether the model is in memory; asking does not load it. */
static bool is_loaded(int port)
{
    struct answer answer = client_once(port, "GET", "/metrics", NULL, NULL);
    const char *line = answer.body ? strstr(answer.body, "\ndiptych_model_loaded ") : NULL;
    assert_non_null(line);
    const bool loaded = atoi(line + strlen("\ndiptych_model_loaded "));
    answer_release(&answer);
    return loaded;
}

static void wait_until_away(int port)
{
    const double until = time_now() + ENOUGH_SECONDS;
    while (is_loaded(port))
        if (time_now() > until)
            fail_msg("the model is not given back");
}

static void expect_answer(int port, const char *method, const char *path, const char *body)
{
    struct answer answer = client_once(port, method, path, NULL, body);
    if (answer.status != 200)
        fail_msg("%s: %d: %s", path, answer.status, answer.body);
    answer_release(&answer);
}

/* Whether the service embeds a text as the model does. */
static bool embeds(int port, const char *text, const float *expected)
{
    char body[256];
    float got[WIDTH];
    double cosine = 0;
    snprintf(body, sizeof body, "{\"input\": \"%s\"}", text);
    struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, body);
    json_t *value = answer.status == 200 ? json_loads(answer.body, 0, NULL) : NULL;
    const json_t *list = json_object_get(json_array_get(json_object_get(value, "data"), 0), "embedding");
    for (size_t e = 0; e < WIDTH; e++) {
        got[e] = (float)json_number_value(json_array_get(list, e));
        cosine += (double)got[e] * (double)expected[e];
    }
    json_decref(value);
    answer_release(&answer);
    return fabs(cosine - 1) < 1e-5;
}

static void an_idle_model_comes_back(void **state)
{
    (void)state;
    struct service *service = served_with((struct service_options){.idle_unload = 0.2});
    const int port = service_port(service);
    float expected[WIDTH];
    encode_text(expected, "a red heart");
    wait_until_away(port);
    expect_answer(port, "GET", "/health", NULL);
    expect_answer(port, "GET", "/ready", NULL);
    expect_answer(port, "GET", "/v1/models", NULL);
    expect_answer(port, "GET", "/info", NULL);
    expect_answer(port, "GET", "/v1/items/1", NULL);
    expect_answer(port, "POST", "/v1/search", "{\"terms\": [{\"id\": 1}]}");
    assert_false(is_loaded(port));
    for (int i = 0; i < 3; i++) {
        assert_true(embeds(port, "a red heart", expected));
        wait_until_away(port);
    }
    expect_answer(port, "POST", "/v1/classify", "{\"input\": \"a\", \"labels\": [\"x\", \"y\"]}");
    wait_until_away(port);
    expect_answer(port, "POST", "/embed", "{\"inputs\": \"a\", \"truncate\": false}");
    service_close(service, 0);
}

struct embedder {
    int port;
    const float *expected; // (WIDTH)
    int wrong;
};

static void *embed_often(void *context)
{
    struct embedder *embedder = context;
    for (int i = 0; i < 60; i++) {
        embedder->wrong += !embeds(embedder->port, "a red heart", embedder->expected);
        if (i % 10 == 0)
            wait_until_away(embedder->port); /* all do so in the end */
    }
    return NULL;
}

static void nobody_notices_that_it_comes_and_goes(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    struct service *service = served_with((struct service_options){.idle_unload = 1e-4});
    struct embedder embedders[THREADS];
    pthread_t threads[THREADS];
    float expected[WIDTH];
    encode_text(expected, "a red heart");
    for (int i = 0; i < THREADS; i++) {
        embedders[i] = (struct embedder){service_port(service), expected, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, embed_often, &embedders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(embedders[i].wrong, 0);
    }
    service_close(service, 0);
}

static void expect_no_model(int port, const char *says)
{
    struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
    assert_int_equal(answer.status, 500);
    if (!strstr(answer.body, says))
        fail_msg("%s", answer.body);
    answer_release(&answer);
}

/* A model whose files are gone, or another's, is not loaded, and the service says so until they are back. */
static void a_model_that_is_gone_is_said(void **state)
{
    (void)state;
    static const char model[] = DIPTYCH_SCRATCH "/leaving", away[] = DIPTYCH_SCRATCH "/left";
    struct err err;
    struct service *service;
    const struct service_options options = {
        .model = model, .device = {.precision = "f32"}, .idle_unload = 1e-3};
    assert_int_equal(system("cp -r " MODEL " " DIPTYCH_SCRATCH "/leaving"), 0);
    assert_int_equal(service_open(&service, &options, &err), 0);
    if (service_wait(service, &err))
        fail_msg("%s", err.msg);
    const int port = service_port(service);
    wait_until_away(port);
    assert_int_equal(rename(model, away), 0);
    expect_no_model(port, "leaving");
    expect_no_model(port, "leaving");
    expect_answer(port, "GET", "/health", NULL);
    assert_int_equal(system("cp -r '" DIPTYCH_SCRATCH "/left' '" DIPTYCH_SCRATCH "/leaving' && sed -i "
                            "s/0.481/0.482/ '" DIPTYCH_SCRATCH "/leaving/preprocessor_config.json'"),
        0);
    expect_no_model(port, "has become another model");
    remove_index(model);
    assert_int_equal(rename(away, model), 0);
    expect_answer(port, "POST", "/v1/embeddings", "{\"input\": \"a\"}");
    service_close(service, 0);
    remove_index(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced_indexes_fail_no_request),
        cmocka_unit_test(the_last_good_index_stays),
        cmocka_unit_test(an_idle_model_comes_back),
        cmocka_unit_test(nobody_notices_that_it_comes_and_goes),
        cmocka_unit_test(a_model_that_is_gone_is_said),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
