// SPDX-License-Identifier: Apache-2.0
/* Probes in files: there and back, and what is refused. */
#include "joint/probe/probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROBE DIPTYCH_SCRATCH "/a.probe"
#define FINGERPRINT "0123456789abcdef0123456789abcdef"

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* Three labels of four numbers. */
static void make_probe(struct probe *out)
{
    static const char *const labels[] = {"cat", "a \"dog\", or so", "föhn"};
    *out = (struct probe){.width = 4, .temperature = 1.25, .model = FINGERPRINT};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(strings_add(&out->labels, labels[i], strlen(labels[i]), NULL), 0);
    out->weights = mem_new(12, sizeof(float));
    out->intercepts = mem_new(3, sizeof(float));
    out->made = strdup("{\"C\":1.0}");
    assert_true(out->weights && out->intercepts && out->made);
    for (size_t i = 0; i < 12; i++)
        out->weights[i] = (float)i / 3 - 1;
    for (size_t i = 0; i < 3; i++)
        out->intercepts[i] = (float)i / 7;
}

static void comes_back(void **state)
{
    (void)state;
    struct probe probe, read = {0};
    struct err err = {0};
    make_probe(&probe);
    for (int several = 0; several < 2; several++) {
        probe.several = several;
        check_ok(probe_save(&probe, PROBE, &err), &err);
        check_ok(probe_load(&read, PROBE, &err), &err);
        assert_int_equal(read.labels.count, 3);
        for (size_t i = 0; i < 3; i++)
            assert_string_equal(read.labels.items[i], probe.labels.items[i]);
        assert_memory_equal(read.weights, probe.weights, 12 * sizeof(float));
        assert_memory_equal(read.intercepts, probe.intercepts, 3 * sizeof(float));
        assert_true(read.temperature == 1.25 && read.several == probe.several && read.width == 4);
        assert_string_equal(read.model, FINGERPRINT);
        assert_string_equal(read.made, probe.made);
        probe_release(&read);
    }
    probe_release(&probe);
}

/* The classifier says what the formula says. */
static void classifies(void **state)
{
    (void)state;
    static const float x[] = {0.5F, -0.5F, 0.1F, 0.7F};
    struct probe probe;
    struct classifier *classifier;
    struct prediction best[3];
    struct err err = {0};
    double logits[3], sum = 0;
    make_probe(&probe);
    for (size_t k = 0; k < 3; k++) {
        logits[k] = (double)probe.intercepts[k];
        for (size_t e = 0; e < 4; e++)
            logits[k] += (double)(probe.weights[k * 4 + e] * x[e]);
        sum += exp(logits[k] / probe.temperature);
    }
    for (int several = 0; several < 2; several++) {
        probe.several = several;
        check_ok(probe_classifier(&classifier, &probe, &err), &err);
        assert_int_equal(classifier_score(classifier), several ? SCORE_SIGMOID : SCORE_SOFTMAX);
        assert_true(classifier_has_intercepts(classifier));
        classifier_rank(classifier, best, 3, x);
        for (size_t i = 0; i < 3; i++) {
            const double logit = logits[best[i].label], heat = logit / probe.temperature;
            const double wanted = several ? 1 / (1 + exp(-heat)) : exp(heat) / sum;
            assert_true(fabs((double)best[i].probability - wanted) < 1e-6);
            assert_true(fabs((double)best[i].cosine - logit) < 1e-6);
            assert_true(!i || best[i].cosine <= best[i - 1].cosine);
        }
        classifier_free(classifier);
    }
    probe_release(&probe);
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void expect_refused(int code, const char *text)
{
    struct probe read = {0};
    struct err err = {0};
    const int rc = probe_load(&read, PROBE, &err);
    probe_release(&read);
    if (rc != code || !strstr(err.msg, text) || !strstr(err.msg, "a.probe"))
        fail_msg("%d and '%s', not %d and '%s'", rc, err.msg, code, text);
}

/* The file with the first `from` in it as `to`, of the same length. */
static void write_changed(const char *from, const char *to)
{
    struct probe probe;
    struct err err = {0};
    char *bytes;
    size_t size;
    make_probe(&probe);
    check_ok(probe_save(&probe, PROBE, &err), &err);
    probe_release(&probe);
    check_ok(file_read(&bytes, &size, PROBE, 1 << 20, &err), &err);
    char *at = memmem(bytes, size, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    FILE *file = fopen(PROBE, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        int code;
        const char *message;
    } cases[] = {
        {"diptych-probe", "diptych-robes", ERR_FORMAT, "it is no probe"},
        {"\"version\":\"1\"", "\"version\":\"7\"", ERR_UNSUPPORTED, "it is a probe of version 7"},
        {"\"several\":\"false\"", "\"several\":\"maybe\"", ERR_FORMAT, "'several' is neither true nor false"},
        {"\"temperature\":\"1.25\"", "\"temperature\":\"-1.2\"", ERR_FORMAT,
            "'temperature' is no number above 0"},
        {"\"temperature\":\"1.25\"", "\"temperature\":\"1.2x\"", ERR_FORMAT,
            "'temperature' is no number above 0"},
        {"\"temperature\":\"1.25\"", "\"temperature\":  1.25", ERR_FORMAT, "is no text"},
        {"[\\\"cat\\\",", "[\\\"cat\\\"]", ERR_FORMAT, "labels"},
        {"\\\"cat\\\"", "     42", ERR_FORMAT, "label 0 is no text"},
        {"0123456789abcdef0123456789abcdef\"", "0123456789abcdef0123456789abcde\" ", ERR_FORMAT,
            "'model' is no fingerprint"},
        {"\"weight\":", "\"height\":", ERR_FORMAT, "tensor 'weight' is no matrix"},
        {"\"bias\":", "\"vice\":", ERR_FORMAT, "tensor 'bias' is missing"},
        {"[3,4]", "[4,3]", ERR_FORMAT, "tensor 'weight' is not F32 of the shape that the labels have"},
        {"[3,4]", "[3,5]", ERR_FORMAT, "weight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_changed(cases[i].from, cases[i].to);
        expect_refused(cases[i].code, cases[i].message);
    }
}

/* The file ends in weights (3, 4) and intercepts (3). */
static void refuses_numbers_that_are_none(void **state)
{
    (void)state;
    static const struct {
        size_t from_end;
        float value;
        const char *message;
    } cases[] = {
        {10, NAN, "element 5 of tensor 'weight' is not finite"},
        {1, INFINITY, "element 2 of tensor 'bias' is not finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_changed("cat", "cat");
        FILE *file = fopen(PROBE, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, -(long)(cases[i].from_end * sizeof(float)), SEEK_END), 0);
        assert_int_equal(fwrite(&cases[i].value, sizeof(float), 1, file), 1);
        assert_int_equal(fclose(file), 0);
        expect_refused(ERR_FORMAT, cases[i].message);
    }
}

/* Cut at every byte. */
static void refuses_a_part(void **state)
{
    (void)state;
    struct probe probe, read = {0};
    struct err err = {0};
    char *bytes;
    size_t size;
    make_probe(&probe);
    check_ok(probe_save(&probe, PROBE, &err), &err);
    probe_release(&probe);
    check_ok(file_read(&bytes, &size, PROBE, 1 << 20, &err), &err);
    for (size_t left = 0; left < size; left++) {
        FILE *file = fopen(PROBE, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, left, file), left);
        assert_int_equal(fclose(file), 0);
        if (probe_load(&read, PROBE, &err) != ERR_FORMAT)
            fail_msg("%zu of %zu bytes are a probe", left, size);
        probe_release(&read);
    }
    free(bytes);
}

static void refuses_another_model(void **state)
{
    (void)state;
    struct probe probe;
    struct err err = {0};
    make_probe(&probe);
    assert_int_equal(probe_check(&probe, "a.probe", "b16", "another", &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "'a.probe' was made with another model than 'b16'"));
    check_ok(probe_check(&probe, "a.probe", "b16", probe.model, &err), &err);
    probe_release(&probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(classifies),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(refuses_numbers_that_are_none),
        cmocka_unit_test(refuses_a_part),
        cmocka_unit_test(refuses_another_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
