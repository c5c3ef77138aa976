// SPDX-License-Identifier: Apache-2.0
/* Changing an index over HTTP: items that are added and deleted, updates that are followed, and what goes wrong. */
#include "tests/service/served.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UPLOADS INDEX "/uploads"

/* ---- asking -------------------------------------------------------------------------------------------- */

static json_t *get(const char *method, const char *path, int status)
{
    struct answer answer = client_once(served.port, method, path, NULL, NULL);
    if (answer.status != status)
        fail_msg("%s %s: %d, expected %d: %s", method, path, answer.status, status, answer.body);
    json_t *value = json_loads(answer.body, 0, NULL);
    answer_release(&answer);
    return value;
}

static const char *word_at(const json_t *value, const char *name)
{
    return json_string_value(json_object_get(value, name));
}

static json_int_t number_at(const json_t *value, const char *name)
{
    return json_integer_value(json_object_get(value, name));
}

static const json_t *added(const json_t *answer, size_t i)
{
    return json_array_get(json_object_get(answer, "data"), i);
}

/* The item of a picture with more fields of JSON behind it; for free(). */
static char *item_of(const char *path, const char *more)
{
    char *bytes = base64_file(path), *item;
    assert_true(asprintf(&item, "{\"image\": \"data:image/png;base64,%s\"%s}", bytes, more) > 0);
    free(bytes);
    return item;
}

/* Posts items, a list in JSON without its brackets. */
static json_t *post_items(const char *items, int status)
{
    char *body;
    assert_true(asprintf(&body, "{\"items\": [%s]}", items) > 0);
    json_t *answer = post("/v1/items", body, status);
    free(body);
    return answer;
}

static void expect_message(json_t *answer, const char *text)
{
    const char *message = word_at(json_object_get(answer, "error"), "message");
    if (!message || !strstr(message, text))
        fail_msg("'%s' does not say '%s'", message ? message : "", text);
    json_decref(answer);
}

static json_t *item_at(json_int_t id)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/items/%lld", (long long)id);
    return get("GET", path, 200);
}

static json_int_t count_items(void)
{
    json_t *answer = get("GET", "/v1/models", 200);
    const json_t *index =
        json_array_get(json_object_get(json_array_get(json_object_get(answer, "data"), 0), "indexes"), 0);
    if (!index)
        index = json_array_get(json_object_get(answer, "indexes"), 0);
    assert_non_null(index);
    const json_int_t count = number_at(index, "images") + number_at(index, "texts");
    json_decref(answer);
    return count;
}

static size_t count_uploads(void)
{
    size_t count = 0;
    DIR *folder = opendir(UPLOADS);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += *entry->d_name != '.';
    if (folder)
        closedir(folder);
    return count;
}

static void delete (json_int_t id)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/items/%lld", (long long)id);
    json_t *answer = get("DELETE", path, 200);
    assert_true(json_is_true(json_object_get(answer, "deleted")));
    assert_true(json_is_false(json_object_get(answer, "comes_back")));
    json_decref(answer);
    json_decref(get("GET", path, 404));
}

/* ---- adding and deleting ------------------------------------------------------------------------------- */

static void what_is_added_is_found(void **state)
{
    (void)state;
    char path[128], *item = item_of(DIPTYCH_ROOT "/assets/pictures/07.png",
                        ", \"caption\": \"flowers\", \"metadata\": {\"by\": \"me\"}");
    char *both;
    const json_int_t before = count_items();
    assert_true(
        asprintf(&both, "%s, {\"text\": \"some words of mine\", \"metadata\": {\"n\": 1}}", item) > 0);
    json_t *answer = post_items(both, 200);
    assert_string_equal(word_at(answer, "index"), "pictures");
    const json_int_t picture = number_at(added(answer, 0), "id"), text = number_at(added(answer, 1), "id");
    assert_true(json_is_true(json_object_get(added(answer, 0), "new")));
    assert_string_equal(word_at(added(answer, 1), "kind"), "text");
    json_decref(answer);
    assert_int_equal(count_items(), before + 2);

    answer = item_at(picture);
    assert_string_equal(word_at(answer, "caption"), "flowers");
    assert_string_equal(word_at(json_object_get(answer, "metadata"), "by"), "me");
    assert_true(path_below(word_at(answer, "path"), UPLOADS));
    assert_true(number_at(answer, "width") > 0);
    char *stored = base64_file(word_at(answer, "path")),
         *sent = base64_file(DIPTYCH_ROOT "/assets/pictures/07.png");
    assert_string_equal(stored, sent);
    json_decref(answer);
    snprintf(path, sizeof path, "/v1/items/%lld/image", (long long)picture);
    struct answer image = client_once(served.port, "GET", path, NULL, NULL);
    assert_int_equal(image.status, 200);
    answer_release(&image);

    answer = post("/v1/search", "{\"text\": \"some words of mine\", \"kind\": \"text\", \"top\": 1}", 200);
    const json_t *hit = json_array_get(json_object_get(answer, "hits"), 0);
    assert_int_equal(number_at(json_object_get(hit, "item"), "id"), text);
    assert_true(json_number_value(json_object_get(hit, "score")) > 0.999);
    json_decref(answer);

    answer = post_items(item, 200); /* again */
    assert_int_equal(number_at(added(answer, 0), "id"), picture);
    assert_true(json_is_false(json_object_get(added(answer, 0), "new")));
    json_decref(answer);
    assert_int_equal(count_uploads(), 1);
    delete (picture);
    delete (text);
    assert_int_equal(count_uploads(), 0);
    assert_int_equal(count_items(), before);
    free(sent);
    free(stored);
    free(both);
    free(item);
}

static void what_is_wrong_is_named_and_nothing_goes_in(void **state)
{
    (void)state;
    static const struct {
        const char *items;
        int status;
        const char *says;
    } wrong[] = {
        {"", 400, "'items' is missing or empty"},
        {"7", 400, "input 0: it is no object"},
        {"{\"text\": \"a\"}, {\"text\": \" \"}", 400, "input 1: 'text' is empty"},
        {"{\"text\": \"a\"}, {}", 400, "input 1: it has not one of 'image' and 'text'"},
        {"{\"text\": \"a\", \"image\": \"AAAA\"}", 400, "input 0: it has not one of"},
        {"{\"text\": \"a\", \"caption\": \"b\"}", 400, "'caption' is of pictures"},
        {"{\"text\": \"a\", \"metadata\": []}", 400, "'metadata' is no object"},
        {"{\"text\": \"a\", \"meta\": {}}", 400, "'meta' is not known here; there are image, text"},
        {"{\"text\": \"a\"}, {\"image\": \"!\"}", 400, "input 1: 'image' is not base64"},
        {"{\"text\": \"a\"}, {\"image\": \"https://example.org/a.png\"}", 400, "pictures are not fetched"},
        {"{\"text\": \"a\"}, {\"image\": \"bm8gcGljdHVyZQ==\"}", 400, "input 1: "},
        {"{\"text\": \"a\"}, {\"image\": \"iVBORw0KGgo=\"}", 400, "input 1: "},
    };
    const json_int_t before = count_items();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_message(post_items(wrong[i].items, wrong[i].status), wrong[i].says);
    expect_message(post("/v1/items", "{\"items\": [{\"text\": \"a\"}], \"index\": \"none\"}", 404), "'none'");
    expect_message(
        post("/v1/items", "{\"items\": [{\"text\": \"a\"}], \"to\": 1}", 400), "'to' is not known");
    expect_message(get("DELETE", "/v1/items/999", 404), "has no item 999");
    expect_message(get("DELETE", "/v1/items/x", 404), "no number of an item");
    expect_message(get("DELETE", "/v1/items/1?index=none", 404), "'none'");
    expect_message(get("DELETE", "/v1/items/1?of=none", 400), "'of' is not known here; there are index");
    expect_message(
        get("GET", "/v1/items/1/thumbnail?size=9", 400), "'size' is not known here; there are index, edge");
    assert_int_equal(count_items(), before);
    assert_int_equal(count_uploads(), 0);
}

/* SQLite would read no metadata of any item any more. */
static void metadata_is_not_nested_without_end(void **state)
{
    (void)state;
    enum { DEPTH = 500 };
    char items[8 * DEPTH] = "{\"text\": \"deep\", \"metadata\": ";
    for (size_t i = 0; i < DEPTH; i++)
        strcat(items, "{\"a\":");
    strcat(items, "1");
    for (size_t i = 0; i < DEPTH; i++)
        strcat(items, "}");
    strcat(items, "}");
    expect_message(post_items(items, 400), "metadata is nested deeper than 100");
    json_decref(
        post("/v1/search", "{\"text\": \"a\", \"where\": \"json_extract(metadata, '$.a') IS NULL\"}", 200));
}

/* A photo that ends in the middle. */
static void a_truncated_picture_keeps_all_out(void **state)
{
    (void)state;
    const json_int_t before = count_items();
    char *bytes = base64_file(DIPTYCH_ROOT "/assets/pictures/03.jpg"), *items;
    bytes[strlen(bytes) / 2 & ~(size_t)3] = '\0';
    assert_true(asprintf(&items, "{\"text\": \"a\"}, {\"image\": \"%s\"}", bytes) > 0);
    expect_message(post_items(items, 400), "input 1: ");
    assert_int_equal(count_items(), before);
    free(items);
    free(bytes);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static struct index *open_index(enum index_access access)
{
    struct err err;
    struct index *index;
    if (index_open(&index, INDEX, access, NULL, &err))
        fail_msg("%s", err.msg);
    return index;
}

static void an_index_that_others_write_to_is_409(void **state)
{
    (void)state;
    char after[16];
    struct index *index = open_index(INDEX_WRITE);
    struct answer answer =
        client_once(served.port, "POST", "/v1/items", NULL, "{\"items\": [{\"text\": \"busy\"}]}");
    assert_int_equal(answer.status, 409);
    assert_non_null(answer_header(&answer, "Retry-After", after, sizeof after));
    answer_release(&answer);
    expect_message(get("DELETE", "/v1/items/1", 409), "is changing it");
    expect_message(get("POST", "/v1/index/update", 409), "is changing it");
    index_free(index);
    answer = client_once(served.port, "POST", "/v1/items", NULL, "{\"items\": [{\"text\": \"busy\"}]}");
    assert_int_equal(answer.status, 200);
    json_t *value = json_loads(answer.body, 0, NULL);
    delete (number_at(added(value, 0), "id"));
    json_decref(value);
    answer_release(&answer);
}

static void an_index_that_is_gone_is_404(void **state)
{
    (void)state;
    assert_int_equal(rename(INDEX, INDEX ".away"), 0);
    json_t *answer = post_items("{\"text\": \"gone\"}", 404);
    expect_message(get("DELETE", "/v1/items/1", 404), "is not there any more");
    expect_message(get("POST", "/v1/index/update", 404), "is not there any more");
    assert_int_equal(rename(INDEX ".away", INDEX), 0);
    expect_message(answer, "is not there any more");
    answer = post_items("{\"text\": \"gone\"}", 200);
    delete (number_at(added(answer, 0), "id"));
    json_decref(answer);
}

static void a_full_disk_is_507_and_nothing_is_in(void **state)
{
    (void)state;
    struct rlimit before, small;
    const json_int_t count = count_items();
    char *item = item_of(DIPTYCH_ROOT "/assets/pictures/03.jpg", ""), *items;
    assert_true(asprintf(&items, "{\"text\": \"full\"}, %s", item) > 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct answer full =
        client_once(served.port, "POST", "/v1/items", NULL, "{\"items\": [{\"text\": \"full\"}]}");
    json_t *answer = post_items(items, 507);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(full.status, 507);
    answer_release(&full);
    expect_message(answer, "File too large");
    assert_int_equal(count_items(), count);
    assert_int_equal(count_uploads(), 0);
    answer = post_items(items, 200);
    delete (number_at(added(answer, 0), "id"));
    delete (number_at(added(answer, 1), "id"));
    json_decref(answer);
    free(items);
    free(item);
}

/* ---- updates ------------------------------------------------------------------------------------------- */

#define FOLDER DIPTYCH_SCRATCH "/folder"

/* Asks for events on a connection of its own; all there are come with events_read. */
static int events_begin(const char *method)
{
    char text[256];
    const int fd = client_connect(served.port);
    snprintf(text, sizeof text,
        "%s /v1/index/update HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method);
    client_send(fd, text, strlen(text));
    return fd;
}

/* Reads on until the text is among the events, or to their end where it is NULL. */
static void events_read(int fd, char *events, size_t size, const char *until)
{
    size_t used = strlen(events);
    while (!until || !strstr(events, until)) {
        assert_true(used + 1 < size);
        const ssize_t got = recv(fd, events + used, size - used - 1, 0);
        if (got <= 0) {
            if (until)
                fail_msg("the events end without '%s': %s", until, events);
            return;
        }
        events[used += (size_t)got] = '\0';
    }
}

/* The data of an event, the last of its kind. */
static json_t *event_data(const char *events, const char *name)
{
    char begin[64];
    const char *found = NULL;
    snprintf(begin, sizeof begin, "event: %s\ndata: ", name);
    for (const char *at = events; (at = strstr(at, begin)); at++)
        found = at + strlen(begin);
    if (!found)
        fail_msg("there is no event '%s': %s", name, events);
    json_t *value = json_loadb(found, strcspn(found, "\n"), 0, NULL);
    assert_non_null(value);
    return value;
}

/* A picture of one colour that no other has. */
static void write_picture(const char *name, unsigned color)
{
    char path[4096];
    snprintf(path, sizeof path, FOLDER "/%s", name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "P6 2 2 255\n");
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 3; c++)
            fputc((int)(color >> 8 * c & 255), file);
    assert_int_equal(fclose(file), 0);
}

static void remember_folder(void)
{
    struct err err;
    struct index *index = open_index(INDEX_WRITE);
    mkdir(FOLDER, 0777);
    assert_int_equal(index_source_add(index, "pictures", FOLDER, &err), 0);
    assert_int_equal(index_commit(index, &err), 0);
    index_free(index);
}

static void an_update_tells_what_it_does(void **state)
{
    (void)state;
    static char events[1 << 20];
    json_decref(get("GET", "/v1/index/update", 404));
    json_decref(get("DELETE", "/v1/index/update", 404));
    remember_folder();
    write_picture("a.ppm", 1);
    write_picture("b.ppm", 2);
    FILE *broken = fopen(FOLDER "/broken.png", "w");
    fputs("no picture", broken);
    fclose(broken);
    const json_int_t before = count_items();

    *events = '\0';
    int fd = events_begin("POST");
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    assert_non_null(strstr(events, "text/event-stream"));
    assert_non_null(strstr(events, "event: progress\n"));
    json_t *data = event_data(events, "problem");
    assert_non_null(strstr(word_at(data, "message"), "unable to read '" FOLDER "/broken.png'"));
    json_decref(data);
    data = event_data(events, "done");
    assert_int_equal(number_at(json_object_get(data, "pictures"), "new"), 2);
    assert_int_equal(number_at(json_object_get(data, "pictures"), "failed"), 1);
    json_decref(data);
    assert_int_equal(count_items(), before + 2);

    *events = '\0'; /* who comes later hears how it ended */
    fd = events_begin("GET");
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    json_decref(event_data(events, "done"));
    unlink(FOLDER "/broken.png");
}

/* Its file is there still, so the next update finds it. */
static void an_item_of_a_folder_comes_back(void **state)
{
    (void)state;
    static char events[1 << 20];
    char path[64];
    json_t *answer = post("/v1/search", "{\"text\": \"a\", \"where\": \"path like '%a.ppm'\"}", 200);
    const json_t *hit = json_array_get(json_object_get(answer, "hits"), 0);
    snprintf(path, sizeof path, "/v1/items/%lld", (long long)number_at(json_object_get(hit, "item"), "id"));
    json_decref(answer);
    answer = get("DELETE", path, 200);
    assert_true(json_is_true(json_object_get(answer, "comes_back")));
    json_decref(answer);
    assert_int_equal(access(FOLDER "/a.ppm", F_OK), 0);
    *events = '\0';
    const int fd = events_begin("POST");
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    answer = event_data(events, "done");
    assert_int_equal(number_at(json_object_get(answer, "pictures"), "copied"), 1);
    json_decref(answer);
}

/* An update gives way to those who add, and ends when it is told to; how far it comes is up to the machine. */
static void others_write_while_an_update_runs(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static char events[1 << 20];
    char name[32];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%u.ppm", i);
        write_picture(name, 1000 + i);
    }
    const json_int_t before = count_items();
    *events = '\0';
    const int fd = events_begin("POST");
    events_read(fd, events, sizeof events, "\"unit\":\"pictures\"");
    json_t *answer = post_items("{\"text\": \"written meanwhile\"}", 200);
    const json_int_t id = number_at(added(answer, 0), "id");
    json_decref(answer);
    struct answer ended = client_once(served.port, "DELETE", "/v1/index/update", NULL, NULL);
    assert_true(ended.status == 200 || ended.status == 404);
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    answer =
        event_data(events, ended.status == 200 && strstr(events, "event: cancelled") ? "cancelled" : "done");
    const json_t *pictures = json_object_get(answer, "pictures");
    const json_int_t got = number_at(pictures, "new") + number_at(pictures, "copied");
    assert_true(got <= MANY);
    assert_int_equal(count_items(), before + 1 + got);
    json_decref(answer);
    answer_release(&ended);
    delete (id);

    *events = '\0'; /* the next one goes on from there; who goes away does not end it */
    close(events_begin("POST"));
    const int next = events_begin("POST");
    events_read(next, events, sizeof events, NULL);
    close(next);
    json_decref(event_data(events, "done"));
    assert_int_equal(count_items(), before + MANY);
}

/* How many connections the service has, this one among them. */
static int count_connections(void)
{
    struct answer answer = client_once(served.port, "GET", "/metrics", NULL, NULL);
    const char *line = strstr(answer.body, "\ndiptych_connections ");
    assert_non_null(line);
    const int count = atoi(line + strlen("\ndiptych_connections "));
    answer_release(&answer);
    return count;
}

/* Those who follow an update and go away leave no connection behind; nor do those who shut it half. */
static void followers_may_go(void **state)
{
    (void)state;
    static char events[1 << 20];
    char name[32];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "gone%u.ppm", i);
        write_picture(name, 9000 + i);
    }
    *events = '\0';
    const int fd = events_begin("POST"), half = events_begin("GET");
    events_read(fd, events, sizeof events, "event: progress");
    for (int i = 0; i < 20; i++)
        close(events_begin("GET"));
    shutdown(half, SHUT_WR);
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    json_decref(event_data(events, "done"));
    while (count_connections() > 1)
        sched_yield();
    close(half);
}

static void the_end_of_the_service_ends_an_update(void **state)
{
    (void)state;
    static char events[1 << 20];
    char name[32];
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "more%u.ppm", i);
        write_picture(name, 5000 + i);
    }
    struct service *service = served_with((struct service_options){0});
    const int port = served.port;
    served.port = service_port(service);
    *events = '\0';
    const int fd = events_begin("POST");
    events_read(fd, events, sizeof events, "event: progress");
    service_close(service, 60);
    events_read(fd, events, sizeof events, NULL);
    close(fd);
    served.port = port;
    assert_true(strstr(events, "event: cancelled\n") || strstr(events, "event: done\n"));
    struct index *index = open_index(INDEX_WRITE); /* nobody has it any more */
    index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found),
        cmocka_unit_test(metadata_is_not_nested_without_end),
        cmocka_unit_test(what_is_wrong_is_named_and_nothing_goes_in),
        cmocka_unit_test(a_truncated_picture_keeps_all_out),
        cmocka_unit_test(an_index_that_others_write_to_is_409),
        cmocka_unit_test(an_index_that_is_gone_is_404),
        cmocka_unit_test(a_full_disk_is_507_and_nothing_is_in),
        cmocka_unit_test(an_update_tells_what_it_does),
        cmocka_unit_test(an_item_of_a_folder_comes_back),
        cmocka_unit_test(others_write_while_an_update_runs),
        cmocka_unit_test(followers_may_go),
        cmocka_unit_test(the_end_of_the_service_ends_an_update),
    };
    return cmocka_run_group_tests(tests, served_open, served_close);
}
