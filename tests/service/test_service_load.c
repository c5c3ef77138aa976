// SPDX-License-Identifier: Apache-2.0
/* Many clients at once: every answer is its own request's. */
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

/* Under a sanitizer a tenth of them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CONNECTIONS = 64, REQUESTS = 1000 };
#else
enum { CONNECTIONS = 256, REQUESTS = 10000 };
#endif
enum { TEXTS = 50 };

static float texts[TEXTS][WIDTH];
static char *pictures[PICTURE_COUNT];
static atomic_int next_request, wrong, busy;

static void text_of(char out[64], size_t i)
{
    snprintf(out, 64, "number %zu of some texts%s", i, i % 3 ? ", a longer one than others are" : "");
}

static bool is_close(const json_t *answer, const float *expected)
{
    const json_t *list = json_object_get(json_array_get(json_object_get(answer, "data"), 0), "embedding");
    for (size_t e = 0; e < WIDTH; e++)
        if (!(fabs(json_number_value(json_array_get(list, e)) - (double)expected[e]) <= 5e-6))
            return false;
    return json_array_size(list) == WIDTH;
}

/* The best hit of a search for an item of the index is that item. */
static bool finds(const json_t *answer, size_t id)
{
    const json_t *hit = json_array_get(json_object_get(answer, "hits"), 0);
    return (size_t)json_integer_value(json_object_get(json_object_get(hit, "item"), "id")) == id;
}

/* One request of several kinds, by its number; whether the answer is right, or 429. */
static bool ask(int fd, size_t number)
{
    const char *const type = "Content-Type: application/json\r\n";
    const size_t i = (size_t)(random_mix(number) % 1000);
    const char *path = "/v1/embeddings";
    json_t *body;
    char text[64];
    text_of(text, i % TEXTS);
    if (number % 10 == 0)
        body = json_pack("{s:{s:s}}", "input", "image", pictures[i % PICTURE_COUNT]);
    else if (number % 10 < 4) {
        path = "/v1/search";
        body = json_pack("{s:[{s:i}], s:i}", "terms", "id", (int)(i % PICTURE_COUNT) + 1, "top", 3);
    } else
        body = json_pack("{s:[s]}", "input", text);
    char *bytes = json_dumps(body, 0);
    struct answer answer = client_ask(fd, "POST", path, type, bytes);
    json_t *root = answer.status ? json_loads(answer.body, 0, NULL) : NULL;
    bool right = answer.status == 429;
    busy += right;
    if (answer.status == 200 && number % 10 == 0)
        right = is_close(root, served.pictures[i % PICTURE_COUNT]);
    else if (answer.status == 200 && number % 10 < 4)
        right = finds(root, i % PICTURE_COUNT + 1);
    else if (answer.status == 200)
        right = is_close(root, texts[i % TEXTS]);
    json_decref(root);
    json_decref(body);
    free(bytes);
    answer_release(&answer);
    return right;
}

static void *client(void *context)
{
    const int fd = client_connect(served.port);
    (void)context;
    for (int number; (number = next_request++) < REQUESTS;)
        if (!ask(fd, (size_t)number))
            wrong++;
    close(fd);
    return NULL;
}

static void answers_never_cross(void **state)
{
    (void)state;
    pthread_t threads[CONNECTIONS];
    char text[64];
    for (size_t i = 0; i < TEXTS; i++) {
        text_of(text, i);
        encode_text(texts[i], text);
    }
    for (size_t i = 0; i < PICTURE_COUNT; i++)
        pictures[i] = base64_file(served.paths[i]);
    for (size_t i = 0; i < CONNECTIONS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client, NULL), 0);
    for (size_t i = 0; i < CONNECTIONS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < PICTURE_COUNT; i++)
        free(pictures[i]);
    assert_int_equal(wrong, 0);
    assert_int_equal(busy, 0); /* 64 at once and 256 that wait are enough for all */
}

/* A service that takes one request at a time refuses what does not fit, and is done in the end. */
static void closing_answers_what_was_asked(void **state)
{
    (void)state;
    struct service *service = served_with((struct service_options){.requests = 2});
    const int fd = client_connect(service_port(service));
    struct answer answer = client_ask(fd, "POST", "/v1/embeddings", "Content-Type: application/json\r\n",
        "{\"input\": [\"a\", \"b\", \"c\"]}");
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    service_close(service, 5); /* with a connection that stays open */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_never_cross),
        cmocka_unit_test(closing_answers_what_was_asked),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
