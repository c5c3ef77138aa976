// SPDX-License-Identifier: Apache-2.0
/* A service with a probe: requests without labels get the probe's, others what they ask for. */
#include "joint/probe/probe.h"
#include "tests/service/served.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROBE DIPTYCH_SCRATCH "/learned.probe"
enum { LABELS = 3 };
static const char *const labels[LABELS] = {"round", "pointed", "neither"};
static struct probe probe = {.width = WIDTH, .temperature = 0.5};

static json_t *ask(json_t *more, int status)
{
    char *picture = base64_file(served.paths[1]);
    json_object_set_new(more, "input", json_pack("[{s:s}]", "image", picture));
    free(picture);
    return post_json("/v1/classify", more, status);
}

static const json_t *prediction(const json_t *answer, size_t i)
{
    const json_t *one = json_array_get(json_object_get(answer, "data"), 0);
    return json_array_get(json_object_get(one, "predictions"), i);
}

/* The softmax of weights x embedding + intercepts, by the temperature. */
static void without_labels_they_are_the_probes(void **state)
{
    (void)state;
    double shares[LABELS], sum = 0;
    for (size_t k = 0; k < LABELS; k++) {
        double logit = (double)probe.intercepts[k];
        for (size_t e = 0; e < WIDTH; e++)
            logit += (double)probe.weights[k * WIDTH + e] * (double)served.pictures[1][e];
        sum += shares[k] = exp(logit / probe.temperature);
    }
    json_t *answer = ask(json_object(), 200);
    assert_string_equal(json_string_value(json_object_get(answer, "score")), "softmax");
    for (size_t i = 0; i < LABELS; i++) {
        const char *label = json_string_value(json_object_get(prediction(answer, i), "label"));
        const double score = json_number_value(json_object_get(prediction(answer, i), "score"));
        size_t k = 0;
        while (k < LABELS && strcmp(labels[k], label))
            k++;
        assert_true(k < LABELS && fabs(score - shares[k] / sum) < 1e-5);
        assert_null(json_object_get(prediction(answer, i), "cosine"));
    }
    json_decref(answer);
}

static void with_labels_they_are_the_requests(void **state)
{
    (void)state;
    json_t *answer = ask(json_pack("{s:[s, s]}", "labels", "a heart", "a star"), 200);
    assert_non_null(json_object_get(prediction(answer, 0), "cosine"));
    assert_null(strstr(json_string_value(json_object_get(prediction(answer, 0), "label")), "round"));
    json_decref(answer);
}

static void a_probe_has_no_prompts(void **state)
{
    (void)state;
    json_decref(ask(json_pack("{s:s}", "templates", "simple"), 400));
    json_decref(ask(json_pack("{s:s}", "scores", "cosine"), 400));
}

static void a_probe_of_another_model_hinders_it(void **state)
{
    (void)state;
    struct err err;
    struct service *service;
    const struct service_options options = {.model = DIPTYCH_ROOT "/tests/golden/lora/model", .probe = PROBE};
    assert_int_equal(service_open(&service, &options, &err), 0);
    assert_int_equal(service_wait(service, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "learned.probe' was made with another model than"));
    service_close(service, 0);
}

static int open_learned(void **state)
{
    struct err err;
    assert_int_equal(served_open(state), 0);
    probe.weights = mem_new(LABELS * WIDTH, sizeof *probe.weights);
    probe.intercepts = mem_new(LABELS, sizeof *probe.intercepts);
    probe.made = strdup("{}");
    for (size_t k = 0; k < LABELS; k++) {
        assert_int_equal(strings_add(&probe.labels, labels[k], strlen(labels[k]), NULL), 0);
        probe.intercepts[k] = 0.1f * (float)k;
        for (size_t e = 0; e < WIDTH; e++)
            probe.weights[k * WIDTH + e] = (float)((e * 7 + k * 13) % 17) / 17 - 0.5f;
    }
    assert_int_equal(model_directory_fingerprint(probe.model, MODEL, &err), 0);
    assert_int_equal(probe_save(&probe, PROBE, &err), 0);
    service_close(served.service, 0);
    served.service = served_with((struct service_options){.probe = PROBE});
    served.port = service_port(served.service);
    return 0;
}

static int close_learned(void **state)
{
    probe_release(&probe);
    return served_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_labels_they_are_the_probes),
        cmocka_unit_test(with_labels_they_are_the_requests),
        cmocka_unit_test(a_probe_has_no_prompts),
        cmocka_unit_test(a_probe_of_another_model_hinders_it),
    };
    return cmocka_run_group_tests(tests, open_learned, close_learned);
}
