// SPDX-License-Identifier: Apache-2.0
/* How sure scores are, of two made-up models (tests/golden/evaluate_sure.py): calibration by torchmetrics and Guo et al.'s
 * rule, intervals and differences by numpy and scikit-learn on the same draws. */
#include "joint/evaluation/evaluation.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/evaluate_sure.json"

enum { MODELS = 2, PICTURES_MAX = 100, CAPTIONS_MAX = 200 };

static json_t *golden;
static struct outcome outcomes[MODELS][PICTURES_MAX];
static struct class_evaluation classes[MODELS];
static size_t image_ahead[MODELS][PICTURES_MAX], caption_ahead[MODELS][CAPTIONS_MAX], image_of[CAPTIONS_MAX];
static struct retrieval retrieval[MODELS];

static const json_t *get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("no '%s'", key);
    return value;
}

static size_t read_indices(size_t *out, size_t max, const json_t *list)
{
    assert_in_range(json_array_size(list), 1, max);
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (size_t)json_integer_value(json_array_get(list, i));
    return json_array_size(list);
}

static void read_classes(size_t m, const json_t *model)
{
    const json_t *order = get(model, "order"), *probability = get(model, "probability");
    size_t truths[PICTURES_MAX];
    const size_t count = read_indices(truths, PICTURES_MAX, get(golden, "truth"));
    struct err err;
    for (size_t i = 0; i < count; i++) {
        struct prediction best[OUTCOME_TOP];
        for (size_t k = 0; k < OUTCOME_TOP; k++)
            best[k] = (struct prediction){
                .label = (size_t)json_integer_value(json_array_get(json_array_get(order, i), k)),
                .probability = (float)json_real_value(json_array_get(json_array_get(probability, i), k))};
        outcomes[m][i] = outcome_of((struct picture_labels){&truths[i], 1}, best, OUTCOME_TOP);
    }
    classes[m] = (struct class_evaluation){.outcomes = outcomes[m], .count = count};
    assert_int_equal(class_scores_compute(&classes[m].scores, outcomes[m], count,
                         (size_t)json_integer_value(get(golden, "labels")), &err),
        0);
}

static void read_retrieval(size_t m, const json_t *model)
{
    struct retrieval *r = &retrieval[m];
    *r = (struct retrieval){
        .image_ahead = image_ahead[m], .caption_ahead = caption_ahead[m], .image_of = image_of};
    read_indices(image_of, CAPTIONS_MAX, get(golden, "image_of"));
    r->image_to_text.queries = read_indices(image_ahead[m], PICTURES_MAX, get(model, "image_ahead"));
    r->text_to_image.queries = read_indices(caption_ahead[m], CAPTIONS_MAX, get(model, "caption_ahead"));
    for (size_t k = 0; k < RETRIEVAL_CUTOFFS; k++) {
        for (size_t i = 0; i < r->image_to_text.queries; i++)
            r->image_to_text.recall[k] += image_ahead[m][i] < retrieval_cutoffs[k];
        for (size_t i = 0; i < r->text_to_image.queries; i++)
            r->text_to_image.recall[k] += caption_ahead[m][i] < retrieval_cutoffs[k];
        r->image_to_text.recall[k] /= (double)r->image_to_text.queries;
        r->text_to_image.recall[k] /= (double)r->text_to_image.queries;
    }
}

static int read_golden(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(GOLDEN, 0, &error);
    if (!golden) {
        print_error("%s\n", error.text);
        return -1;
    }
    for (size_t m = 0; m < MODELS; m++) {
        read_classes(m, json_array_get(get(golden, "models"), m));
        read_retrieval(m, json_array_get(get(golden, "retrievers"), m));
    }
    return 0;
}

static int drop_golden(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++)
        class_scores_release(&classes[m].scores);
    json_decref(golden);
    return 0;
}

static void calibration_is_guos(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        const double theirs =
            json_real_value(get(json_array_get(get(golden, "models"), m), "calibration_error"));
        const struct calibration ours = calibration_of(outcomes[m], classes[m].count);
        size_t pictures = 0;
        if (!(fabs(ours.error - theirs) < 1e-7))
            fail_msg("model %zu: %.12g, not %.12g", m, ours.error, theirs);
        for (size_t i = 0; i < CALIBRATION_BINS; i++) {
            const struct calibration_bin *bin = &ours.bins[i];
            pictures += bin->pictures;
            assert_true(!bin->pictures || (bin->confidence > (double)i / CALIBRATION_BINS - 1e-6 &&
                                              bin->confidence < (double)(i + 1) / CALIBRATION_BINS + 1e-6));
        }
        assert_int_equal(pictures, classes[m].count);
    }
}

static void expect_scores(const struct bootstrap_score *ours, const json_t *theirs, size_t statistics)
{
    for (size_t m = 0; m < MODELS; m++)
        for (size_t k = 0; k < statistics; k++) {
            const struct bootstrap_score *score = &ours[m * statistics + k];
            const double numbers[] = {score->low, score->high, score->difference, score->difference_low,
                score->difference_high, score->p};
            for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                const double number =
                    json_number_value(json_array_get(json_array_get(json_array_get(theirs, m), k), i));
                if (!(fabs(numbers[i] - number) < 1e-12))
                    fail_msg(
                        "model %zu, rate %zu, number %zu: %.15g, not %.15g", m, k, i, numbers[i], number);
            }
        }
}

static void rates_are_as_sure_as_numpy_says(void **state)
{
    const size_t samples = (size_t)json_integer_value(get(golden, "samples")),
                 seed = (size_t)json_integer_value(get(golden, "seed"));
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        const struct job job = {.threads = threads};
        struct bootstrap_score of_classes[MODELS * CLASS_RATES], of_pairs[MODELS * RETRIEVAL_RATES];
        struct err err;
        if (class_bootstrap(of_classes, classes, MODELS, samples, seed, &job, &err))
            fail_msg("%s", err.msg);
        expect_scores(of_classes, get(golden, "classification"), CLASS_RATES);
        if (retrieval_bootstrap(of_pairs, retrieval, MODELS, samples, seed, &job, &err))
            fail_msg("%s", err.msg);
        expect_scores(of_pairs, get(golden, "retrieval"), RETRIEVAL_RATES);
    }
}

/* With four labels all are among the best five, and there is no acc@5 to be sure of. */
static void few_labels_have_no_acc5(void **state)
{
    struct outcome few[2] = {{.truth = 1}, {.truth = 0, .place = 2}};
    struct class_evaluation evaluation = {.outcomes = few, .count = 2};
    struct bootstrap_score sure[CLASS_RATES];
    struct err err;
    (void)state;
    assert_int_equal(class_scores_compute(&evaluation.scores, few, 2, 4, &err), 0);
    assert_int_equal(class_bootstrap(sure, &evaluation, 1, 100, 1, NULL, &err), 0);
    assert_true(isnan(sure[CLASS_ACC5].low) && sure[CLASS_ACC1].low == 0 && sure[CLASS_ACC1].high == 1);
    class_scores_release(&evaluation.scores);
}

static void other_pictures_are_no_pairs(void **state)
{
    struct bootstrap_score of_classes[MODELS * CLASS_RATES], of_pairs[MODELS * RETRIEVAL_RATES];
    struct class_evaluation others[] = {classes[0], classes[1]};
    struct retrieval other_pairs[] = {retrieval[0], retrieval[1]};
    struct outcome changed[PICTURES_MAX];
    struct err err;
    (void)state;
    others[1].count--;
    assert_int_equal(class_bootstrap(of_classes, others, MODELS, 10, 1, NULL, &err), ERR_ARGUMENT);
    for (size_t i = 0; i < classes[1].count; i++)
        changed[i] = outcomes[1][i];
    changed[7].truth = !changed[7].truth;
    others[1] = (struct class_evaluation){
        .scores = classes[1].scores, .outcomes = changed, .count = classes[1].count};
    assert_int_equal(class_bootstrap(of_classes, others, MODELS, 10, 1, NULL, &err), ERR_ARGUMENT);
    other_pairs[1].text_to_image.queries--;
    assert_int_equal(retrieval_bootstrap(of_pairs, other_pairs, MODELS, 10, 1, NULL, &err), ERR_ARGUMENT);
    assert_int_equal(class_bootstrap(of_classes, classes, MODELS, 0, 1, NULL, &err), ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibration_is_guos),
        cmocka_unit_test(rates_are_as_sure_as_numpy_says),
        cmocka_unit_test(few_labels_have_no_acc5),
        cmocka_unit_test(other_pictures_are_no_pairs),
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
}
