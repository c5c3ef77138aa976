// SPDX-License-Identifier: Apache-2.0
/*
 * A service that is killed in the middle of writing, again and again, while other processes update, compact and remove:
 * every item whose answer was sent is there afterwards, as it was sent, and none that was deleted.
 *
 * DIPTYCH_ROUNDS in the environment says how often; 10 times where it does not.
 */
#include "joint/collection/collection.h"
#include "tests/service/client.h"
#include "tests/service/process.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <nettle/base64.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define INDEX DIPTYCH_SCRATCH "/killed.dip"
#define FOLDER DIPTYCH_SCRATCH "/folder"

enum { CLIENTS = 4, KEPT_MAX = 100000, BYTES = 24 };

/* An item that the service said is in, or, deleted, is no more. */
struct kept {
    int64_t id;
    unsigned number; /* which content it has */
    bool picture, deleted;
};

static struct kept kept[KEPT_MAX]; // (kept_count)
static size_t kept_count;
static size_t answers, refused;                          /* of this round */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all of these */
static pthread_cond_t answered_one = PTHREAD_COND_INITIALIZER;
static atomic_uint next_number;
static atomic_bool stop;
static int port;

/* ---- contents ------------------------------------------------------------------------------------------ */

static void text_of(char out[64], unsigned number)
{
    snprintf(out, 64, "text %u", number);
}

/* A picture of 2 x 2 pixels of one colour; returns its size. */
static size_t picture_of(uint8_t out[BYTES], unsigned number)
{
    const size_t head = (size_t)snprintf((char *)out, BYTES, "P6 2 2 255\n");
    for (size_t i = 0; i < 12; i++)
        out[head + i] = (uint8_t)(number >> 8 * (i % 3));
    return head + 12;
}

static char *body_of(unsigned number, bool picture)
{
    uint8_t bytes[BYTES];
    char text[64], base64[64] = "", *body;
    text_of(text, number);
    base64_encode_raw(base64, picture_of(bytes, number), bytes);
    const int length =
        picture ? asprintf(&body, "{\"items\": [{\"image\": \"%s\", \"caption\": \"%s\"}]}", base64, text)
                : asprintf(&body, "{\"items\": [{\"text\": \"%s\"}]}", text);
    assert_true(length > 0);
    return body;
}

/* ---- clients ------------------------------------------------------------------------------------------- */

static int connect_or_not(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!connect(fd, (struct sockaddr *)&address, sizeof address))
        return fd;
    close(fd);
    return -1;
}

static struct kept *keep(int64_t id, unsigned number, bool picture)
{
    pthread_mutex_lock(&lock);
    struct kept *one = &kept[kept_count];
    *one = (struct kept){id, number, picture, false};
    kept_count += kept_count + 1 < KEPT_MAX;
    answers++;
    pthread_cond_signal(&answered_one);
    pthread_mutex_unlock(&lock);
    return one;
}

static void count_refused(void)
{
    pthread_mutex_lock(&lock);
    refused++;
    pthread_mutex_unlock(&lock);
}

/* Whether the service still answers. */
static bool add(int fd, struct kept **out, unsigned number, bool picture)
{
    char *body = body_of(number, picture);
    struct answer answer = client_ask(fd, "POST", "/v1/items", "Content-Type: application/json\r\n", body);
    json_t *value = answer.status == 200 ? json_loads(answer.body, 0, NULL) : NULL;
    const json_t *item = json_array_get(json_object_get(value, "data"), 0);
    *out = item ? keep(json_integer_value(json_object_get(item, "id")), number, picture) : NULL;
    if (answer.status == 409)
        count_refused();
    const bool answered = answer.status != 0;
    json_decref(value);
    answer_release(&answer);
    free(body);
    return answered;
}

/* Where the answer does not come, nothing is known of it: it is left out of what is compared. */
static bool take_out(int fd, struct kept *one)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/items/%lld", (long long)one->id);
    struct answer answer = client_ask(fd, "DELETE", path, "", NULL);
    one->deleted = answer.status == 200;
    if (!answer.status)
        one->id = 0;
    const bool answered = answer.status != 0;
    answer_release(&answer);
    return answered;
}

/* Adds until the service is gone, and deletes one in eight again. */
static void *client(void *context)
{
    (void)context;
    const int fd = connect_or_not();
    for (bool answered = fd >= 0; answered;) {
        const unsigned number = next_number++;
        struct kept *one;
        answered = add(fd, &one, number, number % 2);
        if (answered && one && number % 8 < 2)
            answered = take_out(fd, one);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* ---- other processes ----------------------------------------------------------------------------------- */

static void run_diptych(const char *const *arguments)
{
    int status;
    const pid_t child = fork();
    if (!child) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(126);
        execv(DIPTYCH_PROGRAM, (char *const *)arguments);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 2); /* 2: busy, which is right */
}

static void *others(void *context)
{
    static const char *const commands[][6] = {
        {"diptych", "index", "update", INDEX, "--quiet", NULL},
        {"diptych", "index", "compact", INDEX, "--quiet", NULL},
        {"diptych", "index", "remove", INDEX, "--id=1", NULL},
    };
    (void)context;
    for (size_t i = 0; !stop; i++)
        run_diptych(commands[i % 3]);
    return NULL;
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static void expect_picture(const struct index_item *item, const struct kept *one)
{
    uint8_t expected[BYTES];
    char *bytes;
    size_t size;
    struct err err;
    const size_t length = picture_of(expected, one->number);
    if (file_read(&bytes, &size, item->path, 1 << 20, &err))
        fail_msg("item %lld: %s", (long long)one->id, err.msg);
    assert_int_equal(size, length);
    assert_memory_equal(bytes, expected, length);
    free(bytes);
}

static void expect_item(struct index *index, const struct kept *one)
{
    struct index_item item;
    struct arena arena = {0};
    struct err err;
    char text[64];
    const int rc = index_get(&item, index, one->id, &arena, &err);
    text_of(text, one->number);
    if (one->deleted) {
        assert_int_equal(rc, ERR_NOT_FOUND);
    } else if (rc) {
        fail_msg("item %lld, '%s', was answered and is gone: %s", (long long)one->id, text, err.msg);
    } else {
        assert_string_equal(item.caption, text);
        if (one->picture)
            expect_picture(&item, one);
    }
    arena_release(&arena);
}

static void say_defect(void *context, const struct err *problem)
{
    (void)context;
    fprintf(stderr, "%s\n", problem->msg);
}

/* Opens it as a writer first, who repairs what is left. */
static void expect_all(void)
{
    const struct job job = {.report = say_defect};
    struct index *index;
    struct err err;
    int64_t defects;
    if (index_open(&index, INDEX, INDEX_WRITE, NULL, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < kept_count; i++)
        if (kept[i].id)
            expect_item(index, &kept[i]);
    index_free(index);
    assert_int_equal(access(INDEX "/uploads/.unsettled", F_OK), -1);
    if (index_verify(&defects, INDEX, &job, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(defects, 0);
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

/* Item 1, which the others remove, and a folder, which they update. */
static void make_index(void)
{
    struct err err;
    struct index *index;
    char fingerprint[FINGERPRINT_SIZE];
    float vector[128] = {1};
    struct index_item item = {.kind = INDEX_TEXT, .caption = "the first"};
    assert_int_equal(model_directory_fingerprint(fingerprint, DIPTYCH_ROOT "/tests/model", &err), 0);
    const struct index_options options = {.model = DIPTYCH_ROOT "/tests/model",
        .fingerprint = fingerprint,
        .width = 128,
        .storage = INDEX_F16,
        .preparation = "model"};
    mkdir(FOLDER, 0777);
    assert_int_equal(index_create(&index, INDEX, &options, &err), 0);
    assert_int_equal(index_add(index, &item, vector, 1, &err), 0);
    assert_int_equal(index_source_add(index, "pictures", FOLDER, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
}

static void run_round(int number)
{
    const char *const arguments[] = {"--index", INDEX, "--listen", "127.0.0.1:0", NULL};
    pthread_t clients[CLIENTS], other;
    char line[512];
    struct process process = process_serve(arguments, -1);
    port = atoi(process_line(process.err, "listening on http://127.0.0.1:", line));
    answers = refused = 0;
    stop = false;
    assert_int_equal(pthread_create(&other, NULL, others, NULL), 0);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, client, NULL), 0);
    pthread_mutex_lock(&lock);
    while (answers < 20 + (size_t)number * 7 % 30) /* another moment each time */
        pthread_cond_wait(&answered_one, &lock);
    pthread_mutex_unlock(&lock);
    kill(process.pid, SIGKILL);
    assert_int_equal(process_end(&process), 128 + SIGKILL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    stop = true;
    pthread_join(other, NULL);
    expect_all();
}

static void what_was_answered_is_there(void **state)
{
    (void)state;
    const char *rounds = getenv("DIPTYCH_ROUNDS");
    make_index();
    for (int i = 0; i < (rounds ? atoi(rounds) : 10); i++)
        run_round(i);
    printf("%zu items answered and compared, %zu refused in the last round\n", kept_count, refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_answered_is_there)};
    unsetenv("DIPTYCH_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
