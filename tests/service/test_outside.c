// SPDX-License-Identifier: Apache-2.0
/* Answers about pictures that the model was not made for say so, and no others do. */
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The same model, so that it is the index's, which says what it knows. */
#define CAREFUL DIPTYCH_SCRATCH "/careful"

/* The request with the page of README, which is no scene, or with a scene in place of %s. */
static json_t *ask(const char *path, const char *body, const char *picture)
{
    char *base64 = base64_file(picture);
    const size_t size = strlen(body) + strlen(base64) + 1;
    char *text = mem_new(size, 1);
    assert_non_null(text);
    snprintf(text, size, body, base64);
    json_t *answer = post(path, text, 200);
    free(text);
    free(base64);
    return answer;
}

static const json_t *first(const json_t *answer)
{
    return json_array_get(json_object_get(answer, "data"), 0);
}

static void expect(const char *path, const char *body, bool in_list, const char *picture, bool outside)
{
    json_t *answer = ask(path, body, picture);
    const json_t *word = json_object_get(in_list ? first(answer) : answer, "outside");
    if (outside ? !json_is_true(word) : word != NULL)
        fail_msg("%s of '%s' says %s", path, picture, word ? "outside" : "nothing");
    json_decref(answer);
}

static const struct {
    const char *path, *body;
    bool in_list; /* of the answer: its first object says so, not the answer itself */
} requests[] = {
    {"/v1/classify", "{\"input\": [{\"image\": \"%s\"}], \"labels\": [\"heart\", \"star\"]}", true},
    {"/v1/embeddings", "{\"input\": [{\"image\": \"%s\"}]}", true},
    {"/v1/rank", "{\"image\": \"%s\", \"captions\": [\"a red heart\", \"a star\"]}", false},
    {"/v1/search", "{\"image\": \"%s\"}", false},
    {"/v1/search", "{\"terms\": [{\"image\": \"%s\"}, {\"id\": 1}, {\"text\": \"a star\"}]}", false},
};

static void pages_are_outside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        expect(
            requests[i].path, requests[i].body, requests[i].in_list, DIPTYCH_ROOT "/assets/page.jpg", true);
}

static void scenes_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        expect(requests[i].path, requests[i].body, requests[i].in_list, served.paths[0], false);
}

/* Each picture of a list has its own word, and texts have none. */
static void each_of_a_list(void **state)
{
    static const bool outside[] = {false, true, false};
    (void)state;
    char *scene = base64_file(served.paths[1]);
    const size_t size = strlen(scene) + 128;
    char *text = mem_new(size, 1);
    assert_non_null(text);
    snprintf(text, size, "{\"input\": [{\"image\": \"%s\"}, {\"image\": \"%%s\"}, {\"text\": \"a star\"}]}",
        scene);
    json_t *answer = ask("/v1/embeddings", text, DIPTYCH_ROOT "/assets/page.jpg");
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(json_object_get(answer, "data"), i);
        assert_int_equal(json_object_get(one, "outside") != NULL, outside[i]);
    }
    json_decref(answer);
    free(text);
    free(scene);
}

/* Whoever runs it hears of the first, once. */
static atomic_int told;
static char line[512];

static void hear(void *context, const char *text)
{
    (void)context;
    if (!told++)
        snprintf(line, sizeof line, "%s", text);
}

static void it_is_told_once(void **state)
{
    (void)state;
    assert_int_equal(told, 0);
    for (int i = 0; i < 3; i++)
        expect("/v1/search", "{\"image\": \"%s\"}", false,
            i ? DIPTYCH_ROOT "/assets/page.jpg" : served.paths[0], i);
    assert_int_equal(told, 1);
    assert_non_null(strstr(line, "1 picture is unlike the "));
    assert_non_null(strstr(line, "what it says of it means nothing"));
}

static int open_careful(void **state)
{
    assert_int_equal(served_open(state), 0);
    service_close(served.service, 0);
    assert_int_equal(system("mkdir " CAREFUL " && ln -s " MODEL "/* " CAREFUL " && cp " DIPTYCH_ROOT
                            "/assets/model/scope.json " CAREFUL),
        0);
    served.service = served_with((struct service_options){.model = CAREFUL, .tell = hear});
    served.port = service_port(served.service);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_once),
        cmocka_unit_test(pages_are_outside),
        cmocka_unit_test(scenes_are_not),
        cmocka_unit_test(each_of_a_list),
    };
    return cmocka_run_group_tests(tests, open_careful, served_close);
}
