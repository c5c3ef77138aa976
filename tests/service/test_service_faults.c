// SPDX-License-Identifier: Apache-2.0
/* What goes wrong around a service: its device, its indexes, and crowds of clients. The next request is answered. */
#include "tests/service/served.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nettle/base64.h>
#include <zlib.h>

#include <cmocka.h>

enum { DEADLINE = 60 };

/* ---- a device that fails ------------------------------------------------------------------------------- */

/* The linker leads the service's calls of encoder_ids and encoder_pixels here. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool texts_fail, pictures_fail, held;
    size_t waiting; /* batches, until it is not held any more */
} device = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int __real_encoder_ids(struct encoder *encoder, float *embeddings, const int32_t *ids, const size_t *lengths,
    size_t count, const struct job *job, struct err *err);
int __wrap_encoder_ids(struct encoder *encoder, float *embeddings, const int32_t *ids, const size_t *lengths,
    size_t count, const struct job *job, struct err *err);
int __real_encoder_pixels(
    struct encoder *encoder, float *embeddings, const uint8_t *pixels, size_t count, struct err *err);
int __wrap_encoder_pixels(
    struct encoder *encoder, float *embeddings, const uint8_t *pixels, size_t count, struct err *err);

int __wrap_encoder_ids(struct encoder *encoder, float *embeddings, const int32_t *ids, const size_t *lengths,
    size_t count, const struct job *job, struct err *err)
{
    pthread_mutex_lock(&device.lock);
    const bool fails = device.texts_fail;
    device.waiting++;
    pthread_cond_broadcast(&device.changed);
    while (device.held)
        pthread_cond_wait(&device.changed, &device.lock);
    device.waiting--;
    pthread_mutex_unlock(&device.lock);
    return fails ? err_set(err, ERR_DEVICE, "the device is out of texts")
                 : __real_encoder_ids(encoder, embeddings, ids, lengths, count, job, err);
}

int __wrap_encoder_pixels(
    struct encoder *encoder, float *embeddings, const uint8_t *pixels, size_t count, struct err *err)
{
    pthread_mutex_lock(&device.lock);
    const bool fails = device.pictures_fail;
    pthread_mutex_unlock(&device.lock);
    return fails ? err_set(err, ERR_DEVICE, "the device is out of pictures")
                 : __real_encoder_pixels(encoder, embeddings, pixels, count, err);
}

static void set(bool *what, bool value)
{
    pthread_mutex_lock(&device.lock);
    *what = value;
    pthread_cond_broadcast(&device.changed);
    pthread_mutex_unlock(&device.lock);
}

static void expect_status(int port, const char *method, const char *path, const char *body, int status)
{
    struct answer answer = client_once(port, method, path, NULL, body);
    if (answer.status != status)
        fail_msg("%s %s: %d, expected %d: %s", method, path, answer.status, status,
            answer.body ? answer.body : "");
    answer_release(&answer);
}

static char *picture_body(void)
{
    char *picture = base64_file(served.paths[0]);
    json_t *body = json_pack("{s:{s:s}}", "input", "image", picture);
    char *text = json_dumps(body, 0);
    json_decref(body);
    free(picture);
    return text;
}

/* A batch that fails is its own requests' error; health is bad until one is done again, which health tries itself. */
static void failing_batches_fail_alone(void **state)
{
    (void)state;
    char *picture = picture_body();
    bool *const faults[] = {&device.texts_fail, &device.pictures_fail};
    const char *const bodies[] = {"{\"input\": \"a\"}", picture};
    for (size_t i = 0; i < 2; i++) {
        set(faults[i], true);
        json_t *answer = post("/v1/embeddings", bodies[i], 503);
        const json_t *error = json_object_get(answer, "error");
        assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "the device is out of"));
        assert_string_equal(json_string_value(json_object_get(error, "type")), "server_error");
        json_decref(answer);
        expect_status(served.port, "POST", "/v1/embeddings", bodies[1 - i], 200);
        expect_status(served.port, "GET", "/health", NULL, 503);
        expect_status(served.port, "GET", "/.well-known/live", NULL, 503);
        set(faults[i], false);
        expect_status(served.port, "GET", "/health", NULL, 200);
        expect_status(served.port, "POST", "/v1/embeddings", bodies[i], 200);
    }
    set(&device.texts_fail, true);
    json_t *answer = post("/embed", "{\"inputs\": \"a\"}", 503);
    assert_string_equal(json_string_value(json_object_get(answer, "error_type")), "Unhealthy");
    json_decref(answer);
    set(&device.texts_fail, false);
    expect_status(served.port, "GET", "/health", NULL, 200);
    free(picture);
}

static void *ask_text(void *port)
{
    struct answer answer = client_once(*(int *)port, "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
    const int status = answer.status;
    answer_release(&answer);
    return (void *)(intptr_t)status;
}

/* A device that never comes back is noticed, too. */
static void a_batch_without_end_is_no_health(void **state)
{
    (void)state;
    struct service *service = served_with((struct service_options){.seconds = 0.3});
    int port = service_port(service);
    const double until = time_now() + DEADLINE;
    pthread_t thread;
    void *status;
    expect_status(port, "GET", "/health", NULL, 200);
    set(&device.held, true);
    assert_int_equal(pthread_create(&thread, NULL, ask_text, &port), 0);
    int health;
    do {
        struct answer answer = client_once(port, "GET", "/health", NULL, NULL);
        health = answer.status;
        answer_release(&answer);
    } while (health == 200 && time_now() < until);
    assert_int_equal(health, 503);
    set(&device.held, false);
    pthread_join(thread, &status);
    assert_true(
        (intptr_t)status == 504 || (intptr_t)status == 200); /* it may come just before it is given up */
    expect_status(port, "GET", "/health", NULL, 200);
    expect_status(port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
    service_close(service, 0);
}

/* ---- a model that is being loaded ---------------------------------------------------------------------- */

static void requests_wait_for_no_model(void **state)
{
    (void)state;
    struct err err;
    struct service *service;
    char text[16];
    const struct service_options options = {.model = MODEL, .device = {.precision = "f32"}};
    set(&device.held, true); /* the first text, which is encoded in loading */
    assert_int_equal(service_open(&service, &options, &err), 0);
    const int port = service_port(service);
    expect_status(port, "GET", "/health", NULL, 200);
    expect_status(port, "GET", "/ready", NULL, 503);
    expect_status(port, "GET", "/", NULL, 200);
    expect_status(port, "GET", "/metrics", NULL, 200);
    expect_status(port, "GET", "/openapi.json", NULL, 200);
    expect_status(port, "GET", "/v1/models", NULL, 503);
    struct answer answer = client_once(port, "POST", "/v1/embeddings", NULL, "{\"input\": \"a\"}");
    assert_int_equal(answer.status, 503);
    assert_non_null(answer_header(&answer, "Retry-After", text, sizeof text));
    answer_release(&answer);
    set(&device.held, false);
    assert_int_equal(service_wait(service, &err), 0);
    expect_status(port, "GET", "/ready", NULL, 200);
    expect_status(port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
    service_close(service, 0);
}

/* ---- indexes that go ----------------------------------------------------------------------------------- */

static int status_of(const char *method, const char *path, const char *body)
{
    struct answer answer = client_once(served.port, method, path, NULL, body);
    const int status = answer.status;
    answer_release(&answer);
    return status;
}

/* For a moment what was opened goes on being searched: another may be about to come. */
static void a_lost_index_is_not_found(void **state)
{
    (void)state;
    const char *search = "{\"text\": \"a red heart\", \"top\": 1}";
    expect_status(served.port, "POST", "/v1/search", search, 200);
    assert_int_equal(rename(INDEX, INDEX ".kept"), 0);
    const double until = time_now() + DEADLINE;
    while (status_of("POST", "/v1/search", search) != 404 || status_of("GET", "/v1/items/1", NULL) != 404)
        assert_true(time_now() < until);
    for (int again = 0; again < 2; again++) {
        expect_status(served.port, "POST", "/v1/search", search, 404);
        expect_status(served.port, "GET", "/v1/items/1", NULL, 404);
        expect_status(served.port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
        expect_status(served.port, "GET", "/v1/models", NULL, 200);
        expect_status(served.port, "GET", "/health", NULL, 200);
    }
    assert_int_equal(rename(INDEX ".kept", INDEX), 0);
    expect_status(served.port, "POST", "/v1/search", search, 200);
    expect_status(served.port, "GET", "/v1/items/1", NULL, 200);
}

/* Another index in its place is the one that is searched, though the files of the first are still open. */
static void an_index_made_anew_is_seen(void **state)
{
    (void)state;
    struct err err;
    struct index *index;
    char fingerprint[FINGERPRINT_SIZE];
    float embedding[WIDTH];
    assert_int_equal(model_directory_fingerprint(fingerprint, MODEL, &err), 0);
    const struct index_options options = {.model = "frozen",
        .fingerprint = fingerprint,
        .width = WIDTH,
        .storage = INDEX_F32,
        .preparation = "model"};
    struct index_item item = {.kind = INDEX_TEXT, .caption = "an index made anew"};
    assert_int_equal(index_create(&index, INDEX ".new", &options, &err), 0);
    encode_text(embedding, item.caption);
    assert_int_equal(index_add(index, &item, embedding, 1, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
    for (int back = 0; back < 2; back++) {
        json_t *answer = post("/v1/search", "{\"text\": \"an index made anew\"}", 200);
        assert_int_equal(
            json_integer_value(json_object_get(answer, "searched")), back ? 1 : PICTURE_COUNT + 1);
        json_decref(answer);
        assert_int_equal(rename(INDEX, back ? INDEX ".new" : INDEX ".kept"), 0);
        assert_int_equal(rename(back ? INDEX ".kept" : INDEX ".new", INDEX), 0);
    }
    expect_status(served.port, "GET", "/v1/items/2", NULL, 200);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void put_number(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* A PNG of a few bytes that says it has so many pixels. */
static void expect_bomb(uint32_t width, uint32_t height)
{
    static const uint8_t parts[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR________\x08\x06\0\0\0____"
                                   "\0\0\0\0IEND\xae\x42\x60\x82";
    uint8_t bytes[sizeof parts - 1];
    char text[BASE64_ENCODE_RAW_LENGTH(sizeof bytes) + 1], body[256];
    memcpy(bytes, parts, sizeof bytes);
    put_number(bytes + 16, width);
    put_number(bytes + 20, height);
    put_number(bytes + 29, (uint32_t)crc32(0, bytes + 12, 17));
    base64_encode_raw(text, sizeof bytes, bytes);
    text[sizeof text - 1] = '\0';
    snprintf(body, sizeof body, "{\"input\": {\"image\": \"%s\"}}", text);
    json_decref(post("/v1/embeddings", body, 413));
}

static void bombs_are_too_large(void **state)
{
    (void)state;
    expect_bomb(60000, 60000);
    expect_bomb(0x7fffffff, 0x7fffffff);
    expect_bomb(1, 0x7fffffff);
    expect_status(served.port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
}

/* Cut anywhere, a picture is one that is damaged, or, with a piece of its last rows missing, still one. */
static void truncated_pictures_are_told(void **state)
{
    (void)state;
    char *picture = base64_file(served.paths[0]);
    const size_t length = strlen(picture);
    for (size_t cut = 4; cut < length; cut += length / 16 * 4) {
        json_t *body = json_pack("{s:{s:o}}", "input", "image", json_stringn(picture, cut));
        char *text = json_dumps(body, 0);
        json_decref(post("/v1/embeddings", text, 400));
        free(text);
        json_decref(body);
    }
    free(picture);
}

/* ---- crowds -------------------------------------------------------------------------------------------- */

/* Connections that nobody waits for. */
static int connect_and_leave(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0)
        (void)!connect(fd, (struct sockaddr *)&address, sizeof address);
    return fd;
}

/* Ten thousand connections that say nothing, or as many as this process may have: who is there already notices
 * nothing, and who comes gets in. */
static void crowds_keep_nobody_out(void **state)
{
    (void)state;
    enum { CROWD = 10000, OTHER_FILES = 512 };
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const size_t room =
        limit.rlim_cur < 4 * OTHER_FILES ? OTHER_FILES : (size_t)limit.rlim_cur / 2 - OTHER_FILES;
    const size_t count = room < CROWD ? room : CROWD;
    int *crowd = mem_new(count, sizeof *crowd);
    struct service *service = served_with((struct service_options){.connections = count / 4});
    const int port = service_port(service), before = client_connect(port);
    for (size_t i = 0; i < count; i++) {
        crowd[i] = connect_and_leave(port);
        if (i % 50)
            continue;
        struct answer answer = client_ask(
            before, "POST", "/v1/embeddings", "Content-Type: application/json\r\n", "{\"input\": \"a\"}");
        assert_int_equal(answer.status, 200);
        answer_release(&answer);
    }
    expect_status(port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
    for (size_t i = 0; i < count; i++)
        close(crowd[i]);
    expect_status(port, "POST", "/v1/embeddings", "{\"input\": \"a\"}", 200);
    close(before);
    free(crowd);
    service_close(service, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_batches_fail_alone),
        cmocka_unit_test(a_batch_without_end_is_no_health),
        cmocka_unit_test(requests_wait_for_no_model),
        cmocka_unit_test(a_lost_index_is_not_found),
        cmocka_unit_test(an_index_made_anew_is_seen),
        cmocka_unit_test(bombs_are_too_large),
        cmocka_unit_test(truncated_pictures_are_told),
        cmocka_unit_test(crowds_keep_nobody_out),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
