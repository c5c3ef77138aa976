// SPDX-License-Identifier: Apache-2.0
/* The ensemble rule, the softmax and the ranking, against plain code in double. The encoder is a stand-in
 * that makes an embedding from the letters of a prompt, so this test needs neither a device nor a model. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 20 }; /* no multiple of the lanes of a dot product */

/* ---- the stand-in encoder ------------------------------------------------------------------------------ */

struct encoder {
    size_t texts, calls, largest; /* what was asked of it */
};

const struct model *encoder_model(const struct encoder *encoder)
{
    (void)encoder;
    return NULL;
}

size_t model_width(const struct model *model)
{
    (void)model;
    return WIDTH;
}

struct score_rule model_score(const struct model *model)
{
    (void)model;
    return (struct score_rule){SCORE_SOFTMAX, 100, 0};
}

/* Letters in upper and lower case embed alike, so that two labels can tie. */
static void embed(float *embedding, const char *text)
{
    uint64_t hash = 1469598103934665603u;
    for (; *text; text++)
        hash = (hash ^ (uint64_t)(*text | 0x20)) * 1099511628211u;
    float squares = 0;
    for (size_t e = 0; e < WIDTH; e++) {
        hash = hash * 6364136223846793005u + 1442695040888963407u;
        embedding[e] = (float)(int32_t)(hash >> 32) / 2147483648.0f + 0.5f;
        squares += embedding[e] * embedding[e];
    }
    for (size_t e = 0; e < WIDTH; e++)
        embedding[e] /= sqrtf(squares);
}

int encoder_texts(struct encoder *encoder, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    (void)job, (void)err;
    *truncated = 0;
    for (size_t i = 0; i < count; i++) {
        embed(embeddings + i * WIDTH, texts[i]);
        *truncated += strlen(texts[i]) > 40;
    }
    encoder->texts += count;
    encoder->calls++;
    encoder->largest = count > encoder->largest ? count : encoder->largest;
    return 0;
}

/* ---- helpers ------------------------------------------------------------------------------------------- */

static struct strings list(const char *const *items, size_t count)
{
    struct strings strings = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(strings_add(&strings, items[i], strlen(items[i]), NULL), 0);
    return strings;
}
#define LIST(...)                                                                                            \
    list((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct classifier *open_scored(
    struct encoder *encoder, struct strings labels, struct strings templates, enum label_scores scores)
{
    struct classifier *classifier = NULL;
    struct err err = {0};
    if (classifier_open(&classifier, encoder, &labels, &templates, scores, NULL, &err))
        fail_msg("%s", err.msg);
    strings_release(&labels);
    strings_release(&templates);
    return classifier;
}

static struct classifier *open_classifier(
    struct encoder *encoder, struct strings labels, struct strings templates)
{
    return open_scored(encoder, labels, templates, LABEL_SCORES_OF_MODEL);
}

/* The rule once more, in double: mean of unit vectors, brought to length 1. */
static void class_vector(double *vector, const char *const *prompts, size_t count)
{
    float embedding[WIDTH];
    double squares = 0;
    memset(vector, 0, WIDTH * sizeof *vector);
    for (size_t i = 0; i < count; i++) {
        embed(embedding, prompts[i]);
        for (size_t e = 0; e < WIDTH; e++)
            vector[e] += (double)embedding[e] / (double)count;
    }
    for (size_t e = 0; e < WIDTH; e++)
        squares += vector[e] * vector[e];
    for (size_t e = 0; e < WIDTH; e++)
        vector[e] /= sqrt(squares);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void ensemble_matches_the_rule(void **state)
{
    (void)state;
    static const char *const prompts[3][2] = {
        {"a photo of a cat.", "cat, cat and art"},
        {"a photo of a traffic light.", "traffic light, traffic light and art"},
        {"a photo of a {odd}.", "{odd}, {odd} and art"},
    };
    struct encoder encoder = {0};
    struct classifier *classifier = open_classifier(
        &encoder, LIST("cat", "traffic light", "{odd}"), LIST("a photo of a {}.", "{c}, {} and art"));
    float picture[WIDTH];
    embed(picture, "a picture");

    double logits[3], sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double vector[WIDTH], cosine = 0;
        class_vector(vector, prompts[i], 2);
        for (size_t e = 0; e < WIDTH; e++)
            cosine += vector[e] * (double)picture[e];
        logits[i] = 100 * cosine;
        sum += exp(logits[i]);
    }
    struct prediction best[3];
    classifier_rank(classifier, best, 3, picture);
    for (size_t i = 0; i < 3; i++) {
        assert_float_equal(100 * best[i].cosine, logits[best[i].label], 1e-4);
        assert_float_equal(best[i].probability, exp(logits[best[i].label]) / sum, 1e-4);
        assert_true(i == 0 || best[i - 1].probability >= best[i].probability);
    }
    assert_string_equal(classifier_label(classifier, 1), "traffic light");
    assert_int_equal(classifier_labels(classifier), 3);
    classifier_free(classifier);
}

/* More prompts than are encoded at once, and every `top` gives the beginning of the same order. */
static void many_labels(void **state)
{
    (void)state;
    enum { LABELS = 1200 };
    struct strings labels = {0};
    for (size_t i = 0; i < LABELS; i++) {
        char label[32];
        strings_add(&labels, label, (size_t)snprintf(label, sizeof label, "label %zu", i), NULL);
    }
    struct encoder encoder = {0};
    struct classifier *classifier = open_classifier(
        &encoder, labels, LIST("a {}", "the {}", "my {}", "one {}", "that {} is longer than all the others"));
    assert_int_equal(encoder.texts, LABELS * 5);
    assert_true(encoder.calls > 1 && encoder.largest < LABELS * 5);
    assert_int_equal(classifier_truncated(classifier), LABELS);

    float picture[WIDTH];
    embed(picture, "a picture");
    struct prediction *all = calloc(LABELS, sizeof *all), best[7];
    classifier_rank(classifier, all, LABELS, picture);
    double sum = 0;
    for (size_t i = 0; i < LABELS; i++) {
        sum += (double)all[i].probability;
        assert_true(i == 0 || all[i - 1].cosine >= all[i].cosine);
    }
    assert_float_equal(sum, 1, 1e-5);
    for (size_t top = 1; top <= 7; top++) {
        classifier_rank(classifier, best, top, picture);
        assert_memory_equal(best, all, top * sizeof *best);
    }
    free(all);
    classifier_free(classifier);
}

static void ties_go_by_label_order(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    struct classifier *classifier =
        open_classifier(&encoder, LIST("ox", "cat", "OX", "Ox", "hen", "oX"), LIST("a {}"));
    static const size_t twins[] = {0, 2, 3, 5};
    struct prediction best[6];
    float picture[WIDTH];
    embed(picture, "an ox");
    classifier_rank(classifier, best, 6, picture);
    for (size_t i = 0, twin = 0; i < 6; i++)
        if (best[i].label != 1 && best[i].label != 4)
            assert_int_equal(best[i].label, twins[twin++]);
    embed(picture, "a ox"); /* the prompt itself: the twins are best, and top cuts among them */
    classifier_rank(classifier, best, 2, picture);
    assert_int_equal(best[0].label, 0);
    assert_int_equal(best[1].label, 2);
    assert_float_equal(best[0].probability, 0.25, 1e-3);
    classifier_free(classifier);
}

static double cosine_of(const float *picture, const char *prompt)
{
    double vector[WIDTH], sum = 0;
    class_vector(vector, &prompt, 1);
    for (size_t e = 0; e < WIDTH; e++)
        sum += vector[e] * (double)picture[e];
    return sum;
}

/* A label by itself: the softmax of two texts, whatever other labels there are. */
static void labels_by_themselves_do_not_know_each_other(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    float picture[WIDTH];
    embed(picture, "a picture");
    const double wanted =
        1 / (1 + exp(100 * (cosine_of(picture, "a something!") - cosine_of(picture, "a cat!"))));
    struct classifier *classifiers[] = {
        open_scored(&encoder, LIST("cat"), LIST("a {}!"), LABEL_SCORES_INDEPENDENT),
        open_scored(
            &encoder, LIST("cat", "ox", "something", "hen"), LIST("a {}!"), LABEL_SCORES_INDEPENDENT)};
    for (size_t i = 0; i < 2; i++) {
        const size_t count = classifier_labels(classifiers[i]);
        struct prediction best[4];
        assert_int_equal(count, i ? 4 : 1);
        assert_int_equal(classifier_score(classifiers[i]), SCORE_INDEPENDENT);
        classifier_rank(classifiers[i], best, count, picture);
        for (size_t j = 0; j < count; j++) {
            if (best[j].label == 0)
                assert_float_equal(prediction_score(&best[j], SCORE_INDEPENDENT), wanted, 1e-4);
            if (i && best[j].label == 2) /* the neutral word itself: as likely as not */
                assert_float_equal(prediction_score(&best[j], SCORE_INDEPENDENT), 0.5, 1e-4);
        }
        classifier_free(classifiers[i]);
    }
}

static int encode_prompts(void *context, float *embeddings, const char *const *texts, size_t count,
    size_t *truncated, const struct job *job, struct err *err)
{
    return encoder_texts(context, embeddings, texts, count, truncated, job, err);
}

/* What is asked for and what the model has make the score. */
static void scores_are_chosen(void **state)
{
    (void)state;
    static const enum score_kind wanted[2][4] = {
        [SCORE_SOFTMAX] = {SCORE_SOFTMAX, SCORE_COSINE, SCORE_SOFTMAX, SCORE_INDEPENDENT},
        [SCORE_SIGMOID] = {SCORE_SIGMOID, SCORE_COSINE, SCORE_SOFTMAX, SCORE_SIGMOID}};
    struct strings labels = LIST("cat", "ox"), templates = LIST("a {}!");
    struct encoder encoder = {0};
    for (int model = 0; model < 2; model++)
        for (int scores = 0; label_scores_names[scores]; scores++) {
            const struct prompt_encoder prompts = {
                encode_prompts, &encoder, WIDTH, {(enum score_kind)model, 10, -5}};
            struct classifier *classifier = NULL;
            assert_int_equal(classifier_make(&classifier, &prompts, &labels, &templates,
                                 (enum label_scores)scores, NULL, NULL),
                0);
            assert_int_equal(classifier_score(classifier), wanted[model][scores]);
            classifier_free(classifier);
        }
    strings_release(&labels);
    strings_release(&templates);
}

static void a_threshold_is_of_the_score(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    float picture[WIDTH];
    struct prediction best[3];
    embed(picture, "a picture");
    struct classifier *classifier =
        open_scored(&encoder, LIST("cat", "ox", "hen"), LIST("a {}"), LABEL_SCORES_COSINE);
    classifier_rank(classifier, best, 3, picture);
    for (size_t i = 0; i < 3; i++) {
        assert_true(prediction_score(&best[i], SCORE_COSINE) == best[i].cosine);
        assert_int_equal(classifier_reached(classifier, best, 3, (double)best[i].cosine), i + 1);
    }
    assert_int_equal(classifier_reached(classifier, best, 3, (double)best[0].cosine + 1e-6), 0);
    assert_int_equal(classifier_reached(classifier, best, 2, -INFINITY), 2);
    classifier_free(classifier);
}

/* Data sets have such labels; lists and requests are looked through before. */
static void of_a_label_given_twice_the_first_is_meant(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    struct classifier *classifier = open_classifier(&encoder, LIST("ox", "cat", "hen", "cat"), LIST("a {}"));
    struct strings labels = LIST("ox", "cat", "hen", "cat");
    struct prediction best[2];
    struct err err;
    float picture[WIDTH];
    embed(picture, "a cat");
    classifier_rank(classifier, best, 2, picture);
    assert_int_equal(best[0].label, 1);
    assert_int_equal(best[1].label, 3);
    assert_true(best[0].cosine == best[1].cosine);
    assert_int_equal(labels_distinct(&labels, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "label 'cat' is given twice");
    strings_release(&labels);
    classifier_free(classifier);
}

static void long_prompts_are_counted(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    struct classifier *classifier = open_classifier(
        &encoder, LIST("cat", "a label that goes on and on without an end"), LIST("{}", "a {}"));
    assert_int_equal(classifier_truncated(classifier), 2);
    classifier_free(classifier);
}

static void refuse(struct strings labels, struct strings templates, const char *reason)
{
    struct classifier *classifier = NULL;
    struct encoder encoder = {0};
    struct err err = {0};
    assert_int_equal(
        classifier_open(&classifier, &encoder, &labels, &templates, LABEL_SCORES_OF_MODEL, NULL, &err),
        ERR_ARGUMENT);
    assert_string_equal(err.msg, reason);
    assert_int_equal(encoder.calls, 0);
    strings_release(&labels);
    strings_release(&templates);
}

static void senseless_lists_are_refused(void **state)
{
    (void)state;
    refuse((struct strings){0}, LIST("a {}"), "no labels");
    refuse(LIST("cat", ""), LIST("a {}"), "label 2 is empty");
    refuse(LIST("cat"), (struct strings){0}, "no templates");
    refuse(LIST("cat"), LIST("a {}", "a {cat}"), "template 'a {cat}' has no {} for the label");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ensemble_matches_the_rule),
        cmocka_unit_test(many_labels),
        cmocka_unit_test(ties_go_by_label_order),
        cmocka_unit_test(labels_by_themselves_do_not_know_each_other),
        cmocka_unit_test(scores_are_chosen),
        cmocka_unit_test(a_threshold_is_of_the_score),
        cmocka_unit_test(of_a_label_given_twice_the_first_is_meant),
        cmocka_unit_test(long_prompts_are_counted),
        cmocka_unit_test(senseless_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
