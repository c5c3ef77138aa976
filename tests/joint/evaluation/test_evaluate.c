// SPDX-License-Identifier: Apache-2.0
/* Retrieval and classification scores against CLIP_benchmark and scikit-learn on made-up embeddings. */
#include "joint/evaluation/evaluation.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/evaluate.json"

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static const json_t *must_get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("no '%s'", key);
    return value;
}

static void check_number(const json_t *object, const char *key, double ours)
{
    const double theirs = json_number_value(must_get(object, key));
    if (!(fabs(ours - theirs) < 1e-12))
        fail_msg("%s is %.17g, not %.17g", key, ours, theirs);
}

/* The rows of a list of lists; free() it. */
static float *must_rows(const json_t *list, size_t *count, size_t *width)
{
    *count = json_array_size(list);
    *width = json_array_size(json_array_get(list, 0));
    float *rows = mem_new(*count * *width, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < *count * *width; i++)
        rows[i] = (float)json_number_value(json_array_get(json_array_get(list, i / *width), i % *width));
    return rows;
}

static size_t *must_indices(const json_t *list)
{
    size_t *indices = mem_new(json_array_size(list), sizeof *indices);
    assert_non_null(indices);
    for (size_t i = 0; i < json_array_size(list); i++)
        indices[i] = (size_t)json_integer_value(json_array_get(list, i));
    return indices;
}

static json_t *golden;
static struct device *device;

/* ---- retrieval ----------------------------------------------------------------------------------------- */

static void check_direction(const json_t *theirs, const struct retrieval_scores *ours)
{
    check_number(theirs, "queries", (double)ours->queries);
    for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
        char key[16];
        snprintf(key, sizeof key, "R@%zu", retrieval_cutoffs[k]);
        check_number(theirs, key, ours->recall[k]);
    }
    check_number(theirs, "median_rank", ours->median_rank);
    check_number(theirs, "mean_rank", ours->mean_rank);
}

static void retrieves_as_clip_benchmark(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(must_get(golden, "retrieval"), i, one)
    {
        size_t images, captions, width;
        float *image_rows = must_rows(must_get(one, "images"), &images, &width);
        float *caption_rows = must_rows(must_get(one, "captions"), &captions, &width);
        size_t *image_of = must_indices(must_get(one, "image_of"));
        for (int threads = 1; threads <= 3; threads++) {
            const struct job job = {.threads = threads};
            struct retrieval scores;
            struct err err;
            check_ok(retrieval_compute(&scores, device, image_rows, images, caption_rows, image_of, captions,
                         width, &job, &err),
                &err);
            check_direction(must_get(one, "image_to_text"), &scores.image_to_text);
            check_direction(must_get(one, "text_to_image"), &scores.text_to_image);
            retrieval_release(&scores);
        }
        free(image_of);
        free(caption_rows);
        free(image_rows);
    }
    assert_int_equal(i, 3);
}

/* The ranks that the definition gives, pair by pair. */
static double mean_rank_of_captions(const float *images, size_t image_count, const float *captions,
    const size_t *image_of, size_t caption_count, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < caption_count; i++) {
        const float *caption = &captions[i * width];
        const float mark = dot_product(&images[image_of[i] * width], caption, width);
        sum++;
        for (size_t j = 0; j < image_count; j++)
            sum += j != image_of[i] && !(dot_product(&images[j * width], caption, width) < mark);
    }
    return sum / (double)caption_count;
}

static double mean_rank_of_images(const float *images, size_t image_count, const float *captions,
    const size_t *image_of, size_t caption_count, size_t width)
{
    double sum = 0;
    for (size_t j = 0; j < image_count; j++) {
        float mark = -INFINITY;
        for (size_t i = 0; i < caption_count; i++)
            if (image_of[i] == j)
                mark = fmaxf(mark, dot_product(&images[j * width], &captions[i * width], width));
        sum++;
        for (size_t i = 0; i < caption_count; i++)
            sum += image_of[i] != j && !(dot_product(&images[j * width], &captions[i * width], width) < mark);
    }
    return sum / (double)image_count;
}

static void random_unit_rows(float *rows, size_t count, size_t width, uint32_t *seed)
{
    for (size_t i = 0; i < count; i++) {
        double squares = 0;
        for (size_t e = 0; e < width; e++) {
            *seed = *seed * 1664525 + 1013904223;
            rows[i * width + e] = (float)(*seed >> 8) / (1 << 24) - 0.5f;
            squares += (double)rows[i * width + e] * rows[i * width + e];
        }
        for (size_t e = 0; e < width; e++)
            rows[i * width + e] /= (float)sqrt(squares);
    }
}

/* More images than a product has, and pairs in plenty whose cosines differ in the last digits only or not at all:
 * captions are copies of images, of their own and of others. */
static void ranks_as_one_pair_after_another(void **state)
{
    enum { IMAGES = 4100, CAPTIONS = 4613, WIDTH = 24 };
    static const char *const precisions[] = {"f32", "bf16", "f16"};
    static float images[IMAGES * WIDTH], captions[CAPTIONS * WIDTH];
    static size_t image_of[CAPTIONS];
    uint32_t seed = 1;
    (void)state;
    random_unit_rows(images, 64, WIDTH, &seed);
    for (size_t i = 64 * WIDTH; i < IMAGES * WIDTH; i++) /* each 64 times, and a little apart */
        images[i] = images[i - 64 * WIDTH] * (i % 5 ? 1 : 1 + 0x1p-23f);
    random_unit_rows(captions, CAPTIONS, WIDTH, &seed);
    for (size_t i = 0; i < CAPTIONS; i++) {
        image_of[i] = i % IMAGES;
        for (size_t e = 0; e < WIDTH && i % 3; e++)
            captions[i * WIDTH + e] = images[(i * 7 % IMAGES) * WIDTH + e];
    }
    const double caption_rank = mean_rank_of_captions(images, IMAGES, captions, image_of, CAPTIONS, WIDTH),
                 image_rank = mean_rank_of_images(images, IMAGES, captions, image_of, CAPTIONS, WIDTH);
    for (size_t i = 0; i < 3; i++) {
        struct device *other = NULL;
        struct retrieval scores;
        struct err err;
        check_ok(device_open(&other, &(struct device_options){.precision = precisions[i]}, &err), &err);
        check_ok(retrieval_compute(
                     &scores, other, images, IMAGES, captions, image_of, CAPTIONS, WIDTH, NULL, &err),
            &err);
        if (fabs(scores.text_to_image.mean_rank - caption_rank) > 1e-9 ||
            fabs(scores.image_to_text.mean_rank - image_rank) > 1e-9)
            fail_msg("%s: %.9g and %.9g, not %.9g and %.9g", precisions[i], scores.text_to_image.mean_rank,
                scores.image_to_text.mean_rank, caption_rank, image_rank);
        retrieval_release(&scores);
        device_free(other);
    }
}

static void finds_nothing_by_nan(void **state)
{
    enum { COUNT = 40 };
    float images[COUNT], captions[COUNT];
    size_t image_of[COUNT];
    struct retrieval scores;
    struct err err;
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        images[i] = NAN;
        captions[i] = 1;
        image_of[i] = i;
    }
    check_ok(
        retrieval_compute(&scores, device, images, COUNT, captions, image_of, COUNT, 1, NULL, &err), &err);
    assert_true(scores.image_to_text.recall[2] == 0 && scores.text_to_image.recall[2] == 0);
    assert_true(scores.image_to_text.median_rank == COUNT && scores.text_to_image.mean_rank == COUNT);
    retrieval_release(&scores);
}

static void refuses_images_without_captions(void **state)
{
    static const float rows[] = {1, 0, 1};
    static const size_t image_of[] = {0, 2};
    struct retrieval scores;
    struct err err;
    (void)state;
    assert_int_equal(
        retrieval_compute(&scores, device, rows, 3, rows, image_of, 2, 1, NULL, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "image 1 has no caption");
    assert_int_equal(
        retrieval_compute(&scores, device, rows, 3, rows, image_of, 0, 1, NULL, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "image 0 has no caption");
    assert_int_equal(
        retrieval_compute(&scores, device, rows, 0, rows, image_of, 0, 1, NULL, &err), ERR_ARGUMENT);
}

/* ---- classification ------------------------------------------------------------------------------------ */

static void check_confusions(const json_t *matrix, const struct class_scores *ours)
{
    size_t mistakes = 0, listed = 0;
    for (size_t truth = 0; truth < ours->labels; truth++) {
        const json_t *row = json_array_get(matrix, truth);
        size_t pictures = 0;
        for (size_t predicted = 0; predicted < ours->labels; predicted++) {
            const size_t count = (size_t)json_integer_value(json_array_get(row, predicted));
            pictures += count;
            mistakes += truth != predicted && count;
        }
        assert_int_equal(ours->classes[truth].pictures, pictures);
        assert_int_equal(ours->classes[truth].right, json_integer_value(json_array_get(row, truth)));
    }
    for (; listed < ours->confusion_count; listed++) {
        const struct confusion *pair = &ours->confusions[listed];
        assert_int_not_equal(pair->truth, pair->predicted);
        assert_int_equal(pair->count,
            json_integer_value(json_array_get(json_array_get(matrix, pair->truth), pair->predicted)));
        assert_true(!listed || pair[-1].count > pair->count ||
                    (pair[-1].count == pair->count && pair[-1].truth * ours->labels + pair[-1].predicted <
                                                          pair->truth * ours->labels + pair->predicted));
    }
    assert_int_equal(listed, mistakes);
}

static void classifies_as_scikit_learn(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(must_get(golden, "classification"), i, one)
    {
        struct class_scores scores;
        struct err err;
        size_t labels, pictures, width;
        float *rows = must_rows(must_get(one, "rows"), &labels, &width);
        float *embeddings = must_rows(must_get(one, "embeddings"), &pictures, &width);
        size_t *truth = must_indices(must_get(one, "truth"));
        struct outcome *outcomes = mem_new(pictures, sizeof *outcomes);
        const size_t top = labels < OUTCOME_TOP ? labels : OUTCOME_TOP;
        assert_non_null(outcomes);
        for (size_t p = 0; p < pictures; p++) {
            struct prediction best[OUTCOME_TOP];
            rank_rows(
                best, top, &embeddings[p * width], rows, labels, width, (struct score_rule){.scale = 1});
            outcomes[p] = outcome_of((struct picture_labels){&truth[p], 1}, best, top);
        }
        check_ok(class_scores_compute(&scores, outcomes, pictures, labels, &err), &err);
        const json_t *theirs = must_get(one, "scores");
        check_number(theirs, "acc1", scores.acc1);
        check_number(theirs, "mean_per_class_recall", scores.mean_per_class_recall);
        if (json_object_get(theirs, "acc5"))
            check_number(theirs, "acc5", scores.acc5);
        else
            assert_true(isnan(scores.acc5));
        check_confusions(must_get(one, "confusion"), &scores);
        class_scores_release(&scores);
        free(outcomes);
        free(truth);
        free(embeddings);
        free(rows);
    }
    assert_int_equal(i, 2);
}

static void says_where_the_truth_stands(void **state)
{
    static const struct prediction best[] = {
        {.label = 3, .probability = 0.75f}, {.label = 1, .probability = 0.25f}};
    (void)state;
    static const size_t labels[] = {0, 1, 3};
    struct outcome outcome = outcome_of((struct picture_labels){&labels[2], 1}, best, 2);
    assert_int_equal(outcome.place, 0);
    assert_true(outcome.best[0].label == 3 && outcome.truth_probability == 0.75f);
    outcome = outcome_of((struct picture_labels){&labels[1], 1}, best, 2);
    assert_int_equal(outcome.place, 1);
    assert_true(outcome.best[0].label == 3 && outcome.truth_probability == 0.25f);
    outcome = outcome_of((struct picture_labels){labels, 1}, best, 2);
    assert_int_equal(outcome.place, 2);
    assert_true(outcome.truth == 0 && isnan(outcome.truth_probability));
    outcome =
        outcome_of((struct picture_labels){labels, 2}, best, 2); /* of several the one that stands best */
    assert_true(outcome.place == 1 && outcome.truth == 1);
    outcome = outcome_of((struct picture_labels){labels, 3}, best, 2);
    assert_true(outcome.place == 0 && outcome.truth == 3);
    outcome = outcome_of((struct picture_labels){labels, 0}, best, 2);
    assert_true(outcome.place == 2 && outcome.truth == LABEL_NONE);
}

/* ---- average precision --------------------------------------------------------------------------------- */

/* By the definition, one label alone, and all labels by cosines. */
static void has_the_precision_of_scikit_learn(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(must_get(golden, "precision"), i, one)
    {
        struct average_precisions precisions;
        struct err err;
        size_t labels, pictures, width, wide;
        float *rows = must_rows(must_get(one, "rows"), &labels, &width);
        float *embeddings = must_rows(must_get(one, "embeddings"), &pictures, &wide);
        const json_t *truth = must_get(one, "truth"), *theirs = must_get(one, "classes");
        struct picture_labels *shown = mem_new(pictures, sizeof *shown);
        assert_non_null(shown);
        assert_int_equal(wide, width);
        for (size_t p = 0; p < pictures; p++)
            shown[p] = (struct picture_labels){
                must_indices(json_array_get(truth, p)), json_array_size(json_array_get(truth, p))};
        for (int threads = 1; threads <= 3; threads++) {
            const struct job job = {.threads = threads};
            check_ok(average_precisions_compute(
                         &precisions, embeddings, pictures, shown, rows, labels, width, &job, &err),
                &err);
            check_number(one, "mean", precisions.mean);
            assert_int_equal(json_array_size(theirs), labels);
            for (size_t label = 0; label < labels; label++) {
                const double expected = json_number_value(json_array_get(theirs, label));
                if (!(fabs(precisions.classes[label] - expected) < 1e-12))
                    fail_msg("label %zu has %.17g, not %.17g", label, precisions.classes[label], expected);
            }
            average_precisions_release(&precisions);
        }
        for (size_t p = 0; p < pictures; p++)
            free((void *)shown[p].rows);
        free(shown);
        free(embeddings);
        free(rows);
    }
    assert_int_equal(i, 3);
}

static void puts_nan_last(void **state)
{
    struct scored_picture pictures[] = {{NAN, true, 0}, {0.5f, false, 1}, {-1, false, 2}, {NAN, true, 3}};
    struct average_precisions precisions;
    struct err err;
    (void)state;
    assert_true(average_precision(pictures, 4) == 0.5);
    assert_true(average_precision(pictures, 0) == 0);
    assert_int_equal(
        average_precisions_compute(&precisions, NULL, 0, NULL, NULL, 3, 2, NULL, &err), ERR_ARGUMENT);
}

/* A picture that is drawn twice counts as two of the same score. */
static void draws_pictures(void **state)
{
    enum { COUNT = 60, DRAWS = 4 };
    static const size_t row = 0;
    const float one = 1;
    float scores[COUNT];
    struct picture_labels shown[COUNT];
    struct average_precisions precisions;
    struct scored_picture taken[COUNT * DRAWS];
    uint32_t times[COUNT], once[COUNT];
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        scores[i] = (float)(i * 37 % 11) / 8; /* many ties */
        shown[i] = (struct picture_labels){.rows = &row, .count = i * 29 % 7 < 3};
        times[i] = (uint32_t)(i * 13 % 5 % DRAWS);
        once[i] = 1;
        for (uint32_t k = 0; k < times[i]; k++)
            taken[count++] = (struct scored_picture){scores[i], shown[i].count, 0};
    }
    check_ok(average_precisions_compute(&precisions, scores, COUNT, shown, &one, 1, 1, NULL, NULL), NULL);
    assert_float_equal(average_precision_drawn(precisions.order, COUNT, once), precisions.classes[0], 1e-12);
    assert_float_equal(
        average_precision_drawn(precisions.order, COUNT, times), average_precision(taken, count), 1e-12);
    memset(times, 0, sizeof times);
    assert_float_equal(average_precision_drawn(precisions.order, COUNT, times), 0, 0);
    average_precisions_release(&precisions);
}

static void refuses_no_pictures(void **state)
{
    struct class_scores scores;
    struct err err;
    (void)state;
    assert_int_equal(class_scores_compute(&scores, NULL, 0, 3, &err), ERR_ARGUMENT);
    assert_null(scores.classes);
}

static int read_golden(void **state)
{
    struct err err;
    (void)state;
    if (!json_read(&golden, GOLDEN, 16 << 20, &err) &&
        !device_open(&device, &(struct device_options){0}, &err))
        return 0;
    print_error("%s\n", err.msg);
    return -1;
}

static int drop_golden(void **state)
{
    (void)state;
    json_decref(golden);
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retrieves_as_clip_benchmark),
        cmocka_unit_test(ranks_as_one_pair_after_another),
        cmocka_unit_test(finds_nothing_by_nan),
        cmocka_unit_test(refuses_images_without_captions),
        cmocka_unit_test(classifies_as_scikit_learn),
        cmocka_unit_test(says_where_the_truth_stands),
        cmocka_unit_test(has_the_precision_of_scikit_learn),
        cmocka_unit_test(puts_nan_last),
        cmocka_unit_test(draws_pictures),
        cmocka_unit_test(refuses_no_pictures),
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
}
