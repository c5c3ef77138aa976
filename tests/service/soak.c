// SPDX-License-Identifier: Apache-2.0
/*
 * soak PORT PID SECONDS REQUESTS: many clients of a service that runs, each asking for something else every time: right
 * and wrong requests, ones that are given up on the way, answers that nobody reads, items added and deleted, updates,
 * reloads. It ends after so many seconds or requests, whichever comes first; 0 is no limit.
 *
 * Every answer must have the status that it has, and the numbers that it had when it was asked for alone; and the
 * process PID must have no more files and, unless SOAK_ANY_MEMORY is set, no more memory than when a tenth was done.
 * soak.sh starts both.
 */
#include "base/base.h"
#include "tests/service/client.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <nettle/base64.h>

#include <cmocka.h>

enum { CLIENTS = 24, NUMBERS_MAX = 4096 };

/* ---- what is asked ------------------------------------------------------------------------------------- */

#define JSON_TYPE "Content-Type: application/json\r\n"
#define FORM_TYPE "Content-Type: multipart/form-data; boundary=b\r\n"
#define FORM(entries, name, value)                                                                           \
    "--b\r\nContent-Disposition: form-data; name=\"entries\"\r\n\r\n" entries                                \
    "\r\n--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n--b--\r\n"

/* "@" in a body becomes the base64 of a picture. */
struct question {
    const char *method, *path, *headers, *body;
    int status;
};

static const struct question questions[] = {
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": \"a red heart\"}", 200},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": [\"a blue star\", \"two\", \"three of them\"]}", 200},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": [49406, 320, 49407]}", 400},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": [1, 2, 3]}", 200},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": {\"image\": \"@\"}}", 200},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": [\"a\", \"data:image/jpeg;base64,@\"]}", 200},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": [\"a\", {\"image\": \"aGVsbG8=\"}]}", 400},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": ", 400},
    {"POST", "/v1/embeddings", JSON_TYPE, "{\"input\": \"a\", \"what\": 1}", 400},
    {"POST", "/v1/embeddings", "Content-Type: text/plain\r\n", "{\"input\": \"a\"}", 415},
    {"POST", "/v1/classify", JSON_TYPE, "{\"input\": {\"image\": \"@\"}, \"labels\": [\"heart\", \"star\"]}",
        200},
    {"POST", "/v1/classify", JSON_TYPE, "{\"input\": \"x\", \"labels\": [\"a\", \"a\"]}", 400},
    {"POST", "/v1/rank", JSON_TYPE, "{\"image\": \"@\", \"captions\": [\"a red heart\", \"a dog\"]}", 200},
    {"POST", "/v1/search", JSON_TYPE, "{\"text\": \"a red heart\", \"where\": \"id <= 6\", \"top\": 3}", 200},
    {"POST", "/v1/search", JSON_TYPE, "{\"terms\": [{\"id\": 3}, {\"text\": \"b\"}], \"where\": \"id < 7\"}",
        200},
    {"POST", "/v1/search", JSON_TYPE, "{\"image\": \"@\", \"where\": \"id < 7\", \"kind\": \"image\"}", 200},
    {"POST", "/v1/search", JSON_TYPE, "{\"text\": \"a\", \"where\": \"nothing = 1\"}", 400},
    {"POST", "/v1/search", JSON_TYPE, "{\"text\": \"a\", \"index\": \"other\"}", 404},
    {"POST", "/v1/search", JSON_TYPE, "{\"text\": \"a\", \"near_copies\": \"hide\", \"where\": \"id < 7\"}",
        200},
    {"POST", "/v1/search", JSON_TYPE, "{\"text\": \"a\", \"sort\": \"path\", \"where\": \"id < 7\"}", 200},
    {"POST", "/v1/score", JSON_TYPE,
        "{\"references\": [[\"a red heart\", \"one heart\"], \"a dog\"], \"candidates\": [\"a heart\", \"a "
        "black dog\"]}",
        200},
    {"POST", "/v1/score", JSON_TYPE, "{\"references\": [\"a\"], \"candidates\": []}", 400},
    {"GET", "/v1/index/map?kind=film", NULL, NULL, 400},
    {"GET", "/openapi.json", "Accept-Encoding: gzip\r\n", NULL, 200},
    {"GET", "/v1/items/1", NULL, NULL, 200},
    {"GET", "/v1/items/1/image", NULL, NULL, 200},
    {"GET", "/v1/items/1/image", "Range: bytes=10-19\r\n", NULL, 206},
    {"GET", "/v1/items/2/thumbnail?edge=64", NULL, NULL, 200},
    {"GET", "/v1/items/999999999", NULL, NULL, 404},
    {"GET", "/v1/models", NULL, NULL, 200},
    {"GET", "/health", NULL, NULL, 200},
    {"GET", "/ready", NULL, NULL, 200},
    {"GET", "/openapi.json", NULL, NULL, 200},
    {"GET", "/page.js", NULL, NULL, 200},
    {"GET", "/v1/login", NULL, NULL, 200},
    {"POST", "/v1/login", JSON_TYPE, "{\"token\": \"none of ours\"}", 401},
    {"POST", "/v1/logout", NULL, NULL, 204},
    {"GET", "/nothing", NULL, NULL, 404},
    {"DELETE", "/health", NULL, NULL, 405},
    {"GET", "/health", "Origin: http://evil.example\r\n", NULL, 403},
    {"POST", "/embed", JSON_TYPE, "{\"inputs\": [\"a\", \"b\"]}", 200},
    {"POST", "/embed", JSON_TYPE, "{\"inputs\": []}", 422},
    {"POST", "/rerank", JSON_TYPE, "{\"query\": \"a\", \"texts\": [\"a\", \"b and c\"]}", 200},
    {"POST", "/v2/embed", JSON_TYPE, "{\"texts\": [\"a\"], \"embedding_types\": [\"float\", \"binary\"]}",
        200},
    {"POST", "/vectorize", JSON_TYPE, "{\"texts\": [\"a\"], \"images\": [\"@\"]}", 200},
    {"POST", "/predict", FORM_TYPE,
        FORM("{\"clip\": {\"textual\": {\"modelName\": \"model\"}}}", "text", "a"), 200},
    {"POST", "/predict", FORM_TYPE, "--b\r\nContent-Disposition: form-data; na", 422},
    {"POST", "/indices-list", JSON_TYPE, "{}", 405},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

/* What is known of each, once it was asked for alone. */
static struct known {
    char *text; /* the body as it is sent */
    double *numbers;
    size_t number_count; /* of its answer */
} known[QUESTIONS];

static char *with_picture(const char *body, const char *picture)
{
    const char *at = body ? strchr(body, '@') : NULL;
    char *text = NULL;
    if (!body)
        return NULL;
    if (asprintf(&text, "%.*s%s%s", at ? (int)(at - body) : (int)strlen(body), body, at ? picture : "",
            at ? at + 1 : "") < 0)
        abort();
    return text;
}

static char *read_picture(void)
{
    struct err err;
    char *bytes;
    size_t size;
    if (file_read(&bytes, &size, DIPTYCH_ROOT "/assets/pictures/03.jpg", 1 << 24, &err))
        fail_msg("%s", err.msg);
    char *text = mem_new(BASE64_ENCODE_RAW_LENGTH(size) + 1, 1);
    base64_encode_raw(text, size, (const uint8_t *)bytes);
    free(bytes);
    return text;
}

/* ---- what is answered ---------------------------------------------------------------------------------- */

/* Whether a number changes by itself: the time, and how many items an index has. */
static bool changes(const char *key)
{
    return !strcmp(key, "created") || !strcmp(key, "images") || !strcmp(key, "texts");
}

/* The numbers in a value, in order, but for those that change. */
static void collect(double *numbers, size_t *count, const json_t *value)
{
    const char *key;
    json_t *part;
    size_t i;
    if (json_is_number(value) && *count < NUMBERS_MAX)
        numbers[(*count)++] = json_number_value(value);
    json_object_foreach((json_t *)value, key, part)
    {
        if (!changes(key))
            collect(numbers, count, part);
    }
    json_array_foreach(value, i, part)
    {
        collect(numbers, count, part);
    }
}

static size_t numbers_of(double *numbers, const struct answer *answer)
{
    char type[64];
    size_t count = 0;
    if (!answer_header(answer, "Content-Type", type, sizeof type) || strcmp(type, "application/json") ||
        answer_header(answer, "Content-Encoding", type, sizeof type))
        return 0;
    json_t *root = json_loadb(answer->body, answer->size, 0, NULL);
    if (!root)
        fail_msg("no JSON: %s", answer->body);
    collect(numbers, &count, root);
    json_decref(root);
    return count;
}

static bool is_same(const struct known *expected, const struct answer *answer)
{
    double numbers[NUMBERS_MAX];
    if (numbers_of(numbers, answer) != expected->number_count)
        return false;
    for (size_t i = 0; i < expected->number_count; i++)
        if (!(fabs(numbers[i] - expected->numbers[i]) <= 1e-4 * fmax(1, fabs(expected->numbers[i]))))
            return false;
    return true;
}

/* ---- clients ------------------------------------------------------------------------------------------- */

static struct {
    int port, pid;
    double until;
    long requests; /* to be made; 0: any number */
    atomic_long done, busy, wrong;
    atomic_bool pause; /* of all clients */
} soak;

static struct answer ask(int fd, size_t i)
{
    return client_ask(fd, questions[i].method, questions[i].path, questions[i].headers, known[i].text);
}

static void learn_answers(void)
{
    char *picture = read_picture();
    for (size_t i = 0; i < QUESTIONS; i++) {
        const struct question *question = &questions[i];
        double numbers[NUMBERS_MAX];
        known[i].text = with_picture(question->body, picture);
        const int fd = client_connect(soak.port);
        struct answer answer = ask(fd, i);
        if (answer.status != question->status)
            fail_msg("%s %s %s: %d, expected %d: %s", question->method, question->path,
                question->body ? question->body : "", answer.status, question->status,
                answer.body ? answer.body : "");
        known[i].number_count = numbers_of(numbers, &answer);
        known[i].numbers = mem_new(known[i].number_count + 1, sizeof *numbers);
        memcpy(known[i].numbers, numbers, known[i].number_count * sizeof *numbers);
        answer_release(&answer);
        close(fd);
    }
    free(picture);
}

static void check(size_t i, const struct answer *answer)
{
    const struct question *question = &questions[i];
    if (answer->status == 429)
        soak.busy++;
    else if (answer->status != question->status || !is_same(&known[i], answer)) {
        fprintf(stderr, "%s %s: %d, expected %d: %.300s\n", question->method, question->path, answer->status,
            question->status, answer->body ? answer->body : "");
        soak.wrong++;
    }
}

/* A request that breaks off somewhere, or whose answer is not waited for. */
static void give_up(size_t i, uint64_t random)
{
    const struct question *question = &questions[i];
    const char *body = known[i].text ? known[i].text : "";
    char *text;
    const int length = asprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
        question->method, question->path, question->headers ? question->headers : "", strlen(body), body);
    if (length < 0)
        abort();
    const int fd = client_connect(soak.port);
    client_send(fd, text, random % 3 ? random / 3 % (uint64_t)length : (size_t)length);
    if (random % 2) {
        const struct linger at_once = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(fd);
    free(text);
}

static void tell_wrong(const char *what, const struct answer *answer)
{
    fprintf(stderr, "%s: %d: %.300s\n", what, answer->status, answer->body ? answer->body : "");
    soak.wrong++;
}

/* The bytes of a picture that is like no other, in base64: a BMP of 8 by 8 pixels. */
static void make_picture(char out[512], uint64_t random)
{
    enum { HEAD = 54, PIXELS = 8 * 8 * 3 };
    uint8_t bytes[HEAD + PIXELS] = "BM", *info = bytes + 14;
    bytes[2] = sizeof bytes;
    bytes[10] = HEAD;
    info[0] = 40;
    info[4] = info[8] = 8;
    info[12] = 1;
    info[14] = 24;
    for (size_t i = 0; i < PIXELS; i++)
        bytes[HEAD + i] = (uint8_t)random_at(random, i);
    memset(out, 0, 512);
    base64_encode_raw(out, sizeof bytes, bytes);
}

/* Adds an item and takes it out again. Who writes may have to come again, 409. */
static void change_index(int fd, uint64_t random)
{
    char picture[512], body[1024], path[64];
    make_picture(picture, random);
    if (random % 2)
        snprintf(body, sizeof body, "{\"items\": [{\"image\": \"%s\", \"caption\": \"pixels\"}]}", picture);
    else
        snprintf(body, sizeof body, "{\"items\": [{\"text\": \"text %llu\"}]}", (unsigned long long)random);
    struct answer answer = client_ask(fd, "POST", "/v1/items", JSON_TYPE, body);
    if (answer.status != 200 && answer.status != 409 && answer.status != 429)
        tell_wrong("POST /v1/items", &answer);
    json_t *root = answer.status == 200 ? json_loads(answer.body, 0, NULL) : NULL;
    const json_t *item = json_array_get(json_object_get(root, "data"), 0);
    const long long id = json_integer_value(json_object_get(item, "id"));
    json_decref(root);
    answer_release(&answer);
    snprintf(path, sizeof path, "/v1/items/%lld", id);
    for (int tries = 0; id && tries < 100; tries++) {
        answer = client_ask(fd, "DELETE", path, NULL, NULL);
        const int status = answer.status;
        if (status != 200 && status != 409 && status != 429)
            tell_wrong(path, &answer);
        answer_release(&answer);
        if (status != 409 && status != 429)
            return;
    }
}

/* Has the index opened anew, under all that is being searched. */
static void reload(int fd)
{
    struct answer answer = client_ask(fd, "POST", "/v1/reload", NULL, NULL);
    if (answer.status != 200 && answer.status != 429)
        tell_wrong("POST /v1/reload", &answer);
    answer_release(&answer);
}

/* Follows an update to its end, or leaves it. */
static void update_index(uint64_t random)
{
    const char *text =
        "POST /v1/index/update HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    struct answer answer = {.body = mem_new(1, 1 << 16)};
    const int fd = client_connect(soak.port);
    client_send(fd, text, strlen(text));
    for (ssize_t got = 1; got > 0 && answer.size < (1 << 16) - 1 && random % 4;
         answer.size += got > 0 ? (size_t)got : 0)
        got = recv(fd, answer.body + answer.size, (1 << 16) - 1 - answer.size, 0);
    answer.status = answer.size > 12 ? atoi(answer.body + strlen("HTTP/1.1 ")) : 0;
    if (random % 4 && answer.status != 409 && answer.status != 429 && !strstr(answer.body, "event: done"))
        tell_wrong("POST /v1/index/update", &answer);
    close(fd);
    answer_release(&answer);
}

static bool goes_on(void)
{
    return (soak.until <= 0 || time_now() < soak.until) && (!soak.requests || soak.done < soak.requests) &&
           !soak.wrong;
}

static void *client(void *number)
{
    const uint64_t seed = (uint64_t)(uintptr_t)number;
    int fd = -1;
    for (uint64_t i = 0; goes_on(); i++) {
        const uint64_t random = random_at(seed, i);
        const size_t which = random % QUESTIONS;
        while (soak.pause)
            usleep(10000);
        soak.done++;
        if (random >> 60 == 0) {
            give_up(which, random >> 20 & 0xffffff);
            continue;
        }
        if (random >> 52 == 0xfff) {
            update_index(random);
            continue;
        }
        fd = fd < 0 ? client_connect(soak.port) : fd;
        if (random >> 52 == 0xffe) {
            reload(fd);
            continue;
        }
        if (random >> 60 == 1) {
            change_index(fd, random);
            continue;
        }
        struct answer answer = ask(fd, which);
        if (!answer.status) { /* a connection that was kept may end between two requests */
            close(fd);
            fd = client_connect(soak.port);
            answer = ask(fd, which);
        }
        check(which, &answer);
        answer_release(&answer);
        if (random >> 56 & 1) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* ---- the process --------------------------------------------------------------------------------------- */

static size_t files_of_process(void)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", soak.pid);
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

/* Resident memory that is no file's, in KiB. */
static size_t memory_of_process(void)
{
    char path[64], line[256];
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%d/status", soak.pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "RssAnon: %zu", &size);
    if (file)
        fclose(file);
    return size;
}

static double part_done(double begun)
{
    const double by_time = soak.until > 0 ? (time_now() - begun) / (soak.until - begun) : 0;
    const double by_count = soak.requests ? (double)soak.done / (double)soak.requests : 0;
    return by_time > by_count ? by_time : by_count;
}

static int judge(size_t files, size_t memory, size_t files_before, size_t memory_before)
{
    const bool flat = getenv("SOAK_ANY_MEMORY") || memory <= memory_before + memory_before / 10 + 4096;
    if (!files || !memory)
        fprintf(stderr, "the service is not there any more\n");
    else if (files > files_before + CLIENTS)
        fprintf(stderr, "%zu files are open, after a tenth it was %zu\n", files, files_before);
    else if (!flat)
        fprintf(stderr, "%zu KiB of memory, after a tenth it was %zu\n", memory, memory_before);
    return files && memory && files <= files_before + CLIENTS && flat && !soak.wrong ? 0 : 1;
}

static bool model_is_loaded(void)
{
    struct answer answer = client_once(soak.port, "GET", "/metrics", NULL, NULL);
    const bool loaded = !answer.body || !strstr(answer.body, "model_loaded 0");
    answer_release(&answer);
    return loaded;
}

/* Until the service has given its model back, as it does after the second that soak.sh says; the next requests meet
 * while it is loaded. */
static void pause_all(void)
{
    const double until = time_now() + 60;
    soak.pause = true;
    while (model_is_loaded() && time_now() < until)
        usleep(100000);
    if (model_is_loaded()) {
        fprintf(stderr, "the model is not given back\n");
        soak.wrong++;
    }
    soak.pause = false;
}

int main(int argc, char **argv)
{
    pthread_t threads[CLIENTS];
    size_t files = 0, memory = 0;
    if (argc != 5)
        return 2;
    soak.port = atoi(argv[1]);
    soak.pid = atoi(argv[2]);
    soak.requests = atol(argv[4]);
    learn_answers();
    const double begun = time_now();
    soak.until = atof(argv[3]) > 0 ? begun + atof(argv[3]) : 0;
    for (size_t i = 0; i < CLIENTS; i++)
        if (pthread_create(&threads[i], NULL, client, (void *)(uintptr_t)(i + 1)))
            abort();
    for (int tenth = 1; tenth < 10; tenth++) {
        while (goes_on() && part_done(begun) < tenth / 10.0)
            usleep(10000);
        files = tenth == 1 ? files_of_process() : files;
        memory = tenth == 1 ? memory_of_process() : memory;
        printf(
            "%8ld requests: %zu files, %zu KiB\n", (long)soak.done, files_of_process(), memory_of_process());
        fflush(stdout);
        pause_all();
    }
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    const size_t files_now = files_of_process(), memory_now = memory_of_process();
    printf("%8ld requests: %zu files, %zu KiB; %.0f seconds, %ld were answered 429\n", (long)soak.done,
        files_now, memory_now, time_now() - begun, (long)soak.busy);
    for (size_t i = 0; i < QUESTIONS; i++) {
        free(known[i].text);
        free(known[i].numbers);
    }
    return judge(files_now, memory_now, files, memory);
}
