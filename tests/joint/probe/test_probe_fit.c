// SPDX-License-Identifier: Apache-2.0
/* Linear probes against scikit-learn on made-up embeddings, and their loss against its definition. */
#include "joint/probe/probe_loss.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN DIPTYCH_ROOT "/tests/golden/probe.json"

static json_t *golden;
static size_t width, train;

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

static size_t must_count(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(must_get(object, key));
}

static double must_number(const json_t *object, const char *key)
{
    return json_number_value(must_get(object, key));
}

static const char *must_text(const json_t *object, const char *key)
{
    return json_string_value(must_get(object, key));
}

/* ---- examples ------------------------------------------------------------------------------------------ */

/* The golden embeddings with their labels of a kind: "one", "two" of which the second is all but the first, "several". */
static struct examples make_examples(const char *kind)
{
    const json_t *rows = must_get(golden, "rows"), *labels = must_get(golden, "labels");
    const size_t count = json_array_size(rows), classes = must_count(golden, "classes");
    struct examples out = {.count = count, .width = width, .several = !strcmp(kind, "several")};
    out.classes = strcmp(kind, "two") ? classes : 2;
    out.embeddings = mem_new(count * width, sizeof(float));
    out.first = mem_new(count + 1, sizeof(size_t));
    out.labels = mem_new(count * classes, sizeof(size_t));
    assert_true(out.embeddings && out.first && out.labels);
    for (size_t i = 0; i < count; i++) {
        const size_t label = (size_t)json_integer_value(json_array_get(labels, i));
        const json_t *shown = json_array_get(must_get(golden, "several"), i);
        size_t end = out.first[i];
        for (size_t e = 0; e < width; e++)
            out.embeddings[i * width + e] =
                (float)(json_number_value(json_array_get(json_array_get(rows, i), e)) /
                        must_number(golden, "step"));
        for (size_t k = 0; k < classes && out.several; k++)
            if (json_integer_value(json_array_get(shown, k)))
                out.labels[end++] = k;
        if (!out.several)
            out.labels[end++] = out.classes == 2 ? label > 0 : label;
        out.first[i + 1] = end;
    }
    return out;
}

/* The examples to learn from, which come first, and the others. */
static struct example_set training_set(const struct examples *examples)
{
    return (struct example_set){examples, NULL, train};
}

static struct example_set held_out_set(const struct examples *examples, size_t *rows)
{
    for (size_t i = train; i < examples->count; i++)
        rows[i - train] = i;
    return (struct example_set){examples, rows, examples->count - train};
}

/* ---- scikit-learn -------------------------------------------------------------------------------------- */

static void check_predictions(const json_t *theirs, const float *logits, const struct example_set *set)
{
    const size_t classes = set->of->classes;
    for (size_t i = 0; i < set->count; i++) {
        const float *row = &logits[i * classes];
        const json_t *said = json_array_get(theirs, i);
        size_t best = 0;
        for (size_t k = 0; k < classes; k++) {
            best = row[k] > row[best] ? k : best;
            if (set->of->several && (row[k] > 0) != (json_integer_value(json_array_get(said, k)) != 0))
                fail_msg("label %zu of example %zu has the logit %g", k, i, (double)row[k]);
        }
        if (!set->of->several && (json_int_t)best != json_integer_value(said))
            fail_msg("example %zu is %zu, not %d", i, best, (int)json_integer_value(said));
    }
}

static void check_case(const json_t *one)
{
    struct examples examples = make_examples(must_text(one, "kind"));
    const struct example_set learned = training_set(&examples);
    const json_t *weights = must_get(one, "weights");
    size_t *rows = mem_new(examples.count, sizeof *rows);
    assert_non_null(rows);
    const struct example_set judged = held_out_set(&examples, rows);
    struct probe_fit_options options = PROBE_FIT_OPTIONS;
    struct probe_fitted fitted;
    struct err err = {0};
    double own[16];
    options.c = must_number(one, "c");
    options.tolerance = must_number(one, "tolerance");
    options.balanced = json_is_string(weights);
    for (size_t k = 0; k < json_array_size(weights); k++)
        own[k] = json_number_value(json_array_get(weights, k));
    options.weights = json_is_array(weights) ? own : NULL;
    check_ok(probe_fit(&fitted, &learned, &options, NULL, &err), &err);

    float *logits = mem_new(judged.count * examples.classes, sizeof *logits);
    assert_non_null(logits);
    probe_logits(logits, &judged, fitted.weights, fitted.intercepts, NULL);
    const double theirs = must_number(one, "objective"), heat = must_number(one, "temperature");
    const double ours = logits_temperature(logits, &judged);
    if (!(fabs(fitted.objective - theirs) < 1e-6 * theirs))
        fail_msg("the objective is %.12g, not %.12g", fitted.objective, theirs);
    const double steps = (double)fitted.iterations, their_steps = must_number(one, "iterations");
    if (fabs(steps - their_steps) > their_steps / 50) /* the last bits are others after a hundred steps */
        fail_msg("%g iterations, not %g", steps, their_steps);
    if (!(fabs(ours / heat - 1) < 1e-3))
        fail_msg("the temperature is %g, not %g", ours, heat);
    assert_true(fitted.converged);
    check_predictions(must_get(one, "predictions"), logits, &judged);
    if (!examples.several) {
        double score;
        check_ok(logits_score(&score, logits, &judged, &err), &err);
        assert_true(fabs(score - must_number(one, "accuracy")) < 1e-12);
    }
    free(logits);
    free(rows);
    probe_fitted_release(&fitted);
    examples_release(&examples);
}

static void fits_as_scikit_learn(void **state)
{
    (void)state;
    size_t i;
    const json_t *one;
    json_array_foreach(must_get(golden, "cases"), i, one) check_case(one);
    assert_int_equal(i, 19);
}

static void sweeps_as_clip(void **state)
{
    (void)state;
    const json_t *theirs = must_get(golden, "sweep"), *places = must_get(theirs, "places");
    struct examples examples = make_examples("one");
    const struct example_set learned = training_set(&examples);
    size_t rows[256];
    const struct example_set judged = held_out_set(&examples, rows);
    struct probe_fit_options options = PROBE_FIT_OPTIONS;
    struct probe_sweep sweep;
    struct err err = {0};
    options.tolerance = 1e-10;
    options.iterations = 100000;
    check_ok(probe_sweep(&sweep, &learned, &judged, &options, NULL, &err), &err);
    assert_int_equal(sweep.count, json_array_size(places));
    for (size_t i = 0; i < sweep.count; i++) {
        const double place = json_number_value(json_array_get(places, i));
        assert_true(fabs(log10(sweep.steps[i].c) * 8 - place) < 1e-9);
        assert_true(fabs(sweep.steps[i].score -
                         json_number_value(json_array_get(must_get(theirs, "scores"), i))) < 1e-12);
    }
    assert_true(fabs(log10(sweep.steps[sweep.best].c) * 8 - must_number(theirs, "best")) < 1e-9);
    examples_release(&examples);
}

/* ---- the loss ------------------------------------------------------------------------------------------ */

/* Of one example by its definition in probe_loss.h; with `label` SIZE_MAX of each class by itself, summed. */
static double plain_loss(const struct probe_loss *loss, const double *w, size_t i)
{
    const float *x = example_embedding(&loss->examples, i);
    const struct picture_labels shown = example_labels(&loss->examples, i);
    const size_t columns = loss->examples.of->width + 1;
    double sum = 0, total = 0, own = 0;
    for (size_t k = 0; k < loss->classes; k++) {
        double z = w[k * columns + columns - 1];
        bool is = false;
        for (size_t e = 0; e + 1 < columns; e++)
            z += w[k * columns + e] * (double)x[e];
        for (size_t j = 0; j < shown.count; j++)
            is = is || shown.rows[j] == k + loss->first_class;
        sum += exp(z);
        own = is ? z : own;
        total += (is ? loss->positive : loss->negative)[k] * (log(1 + exp(z)) - (is ? z : 0));
    }
    return loss->kind == PROBE_EACH ? total : loss->positive[*shown.rows] * (log(sum) - own);
}

static double plain_sum(const struct probe_loss *loss, const double *w)
{
    double sum = 0;
    for (size_t i = 0; i < loss->examples.count; i++)
        sum += plain_loss(loss, w, i);
    return sum;
}

static double sum_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

/* Every element of the gradient against the difference of losses on both sides of it. */
static void check_gradient(const char *kind, enum loss_kind loss_kind)
{
    enum { CLASSES = 5, COLUMNS = 32 };
    static const double positive[CLASSES] = {1, 2, 0.5, 1.5, 3}, negative[CLASSES] = {0.5, 1, 1, 2, 1};
    struct examples examples = make_examples(kind);
    struct probe_loss loss = {.examples = {&examples, NULL, examples.count},
        .kind = loss_kind,
        .classes = examples.classes,
        .positive = positive,
        .negative = negative};
    const size_t size = loss.classes * (width + 1), values_count = loss_kind == PROBE_EACH ? loss.classes : 1;
    double w[CLASSES * COLUMNS], values[CLASSES], gradient[CLASSES * COLUMNS];
    struct err err = {0};
    assert_true(width < COLUMNS);
    for (size_t i = 0; i < size; i++)
        w[i] = (double)(random_at(5, i) % 1000) / 250 - 2;
    check_ok(probe_loss_init(&loss, &err), &err);
    probe_loss_evaluate(&loss, w, values, gradient);
    const double value = sum_of(values, values_count);
    assert_true(fabs(value - plain_sum(&loss, w)) < 1e-12 * value);
    for (size_t i = 0; i < size; i++) {
        const double step = 1e-5, before = w[i];
        w[i] = before + step;
        const double above = plain_sum(&loss, w);
        w[i] = before - step;
        const double slope = (above - plain_sum(&loss, w)) / (2 * step);
        w[i] = before;
        if (!(fabs(gradient[i] - slope) < 1e-6 * (1 + fabs(slope))))
            fail_msg("element %zu of the gradient is %.9g, not %.9g", i, gradient[i], slope);
    }
    probe_loss_release(&loss);
    examples_release(&examples);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    check_gradient("one", PROBE_SOFTMAX);
    check_gradient("several", PROBE_EACH);
}

/* ---- large problems ------------------------------------------------------------------------------------ */

/* In many pieces, of which any number of threads makes the same bits. */
static void large_ones_fit_too(void **state)
{
    (void)state;
    enum { COUNT = 5000, WIDTH = 60, CLASSES = 30 };
    struct examples examples = {.count = COUNT, .width = WIDTH, .classes = CLASSES};
    examples.embeddings = mem_new(COUNT * WIDTH, sizeof(float));
    examples.first = mem_new(COUNT + 1, sizeof(size_t));
    examples.labels = mem_new(COUNT, sizeof(size_t));
    assert_true(examples.embeddings && examples.first && examples.labels);
    for (size_t i = 0; i < COUNT; i++) {
        examples.labels[i] = random_at(1, i) % CLASSES;
        examples.first[i + 1] = i + 1;
        for (size_t e = 0; e < WIDTH; e++)
            examples.embeddings[i * WIDTH + e] =
                ((float)(random_at(2, i * WIDTH + e) % 2001) / 1000 - 1) / 16 +
                (e == examples.labels[i] ? 0.3F : 0);
    }
    const struct example_set all = {&examples, NULL, COUNT};
    struct probe_fit_options options = PROBE_FIT_OPTIONS;
    options.tolerance = 1e-6;
    struct probe_fitted fitted[2];
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        const struct job job = {.threads = 1 + 2 * i};
        check_ok(probe_fit(&fitted[i], &all, &options, &job, &err), &err);
    }
    assert_true(fitted[0].converged);
    assert_memory_equal(fitted[0].weights, fitted[1].weights, CLASSES * WIDTH * sizeof(float));

    /* The penalty balances the gradient of the loss where that is a minimum: the mean of the logits' residuals is 0. */
    double *w = mem_new(CLASSES * (WIDTH + 1), sizeof *w),
           *gradient = mem_new(CLASSES * (WIDTH + 1), sizeof *w), value;
    struct probe_loss loss = {.examples = all, .kind = PROBE_SOFTMAX, .classes = CLASSES};
    assert_true(w && gradient);
    check_ok(probe_loss_init(&loss, &err), &err);
    for (size_t k = 0; k < CLASSES; k++) {
        for (size_t e = 0; e < WIDTH; e++)
            w[k * (WIDTH + 1) + e] = (double)fitted[0].weights[k * WIDTH + e];
        w[k * (WIDTH + 1) + WIDTH] = (double)fitted[0].intercepts[k];
    }
    probe_loss_evaluate(&loss, w, &value, gradient);
    for (size_t i = 0; i < CLASSES * (WIDTH + 1); i++) {
        const double penalty = i % (WIDTH + 1) == WIDTH ? 0 : w[i] / COUNT;
        assert_true(fabs(gradient[i] / COUNT + penalty) < 1.1e-6);
    }
    probe_loss_release(&loss);
    free(w);
    free(gradient);
    probe_fitted_release(&fitted[0]);
    probe_fitted_release(&fitted[1]);
    examples_release(&examples);
}

/* ---- the blend and what cannot be fitted ---------------------------------------------------------------- */

/* With hardly any freedom the weights stay where they start; with much of it they forget it. */
static void starts_where_it_is_told(void **state)
{
    (void)state;
    for (int several = 0; several < 3; several++) {
        const char *const kinds[] = {"one", "two", "several"};
        struct examples examples = make_examples(kinds[several]);
        const struct example_set learned = training_set(&examples);
        const size_t size = examples.classes * width;
        float *start = mem_new(size, sizeof *start);
        struct probe_fit_options options = PROBE_FIT_OPTIONS;
        struct probe_fitted fitted;
        struct err err = {0};
        assert_non_null(start);
        for (size_t i = 0; i < size; i++)
            start[i] = (float)(random_at(9, i) % 100) / 10;
        options.start = start;
        options.c = 1e-9;
        options.tolerance = 1e-8;
        check_ok(probe_fit(&fitted, &learned, &options, NULL, &err), &err);
        for (size_t e = 0; e < width; e++) /* of two classes what counts is the difference */
            assert_true(fabsf((fitted.weights[width + e] - fitted.weights[e]) -
                              (start[width + e] - start[e])) < 1e-3F);
        probe_fitted_release(&fitted);
        free(start);
        examples_release(&examples);
    }
}

static void refuses_what_teaches_nothing(void **state)
{
    (void)state;
    struct examples examples = make_examples("one");
    struct probe_fit_options options = PROBE_FIT_OPTIONS;
    struct probe_fitted fitted;
    struct err err = {0};
    struct example_set set = {&examples, NULL, 0};
    assert_int_equal(probe_fit(&fitted, &set, &options, NULL, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "no examples to learn from");
    set.count = 1;
    assert_int_equal(probe_fit(&fitted, &set, &options, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "has no examples to learn from"));
    examples.classes = 1;
    assert_int_equal(probe_fit(&fitted, &set, &options, NULL, &err), ERR_ARGUMENT);
    assert_string_equal(err.msg, "one label alone is nothing to learn from");
    examples_release(&examples);
}

/* ---- Tip-Adapter ---------------------------------------------------------------------------------------- */

static void adapts_as_the_paper(void **state)
{
    (void)state;
    const json_t *theirs = must_get(golden, "tip_adapter"), *logits = must_get(theirs, "logits");
    struct examples examples = make_examples("one");
    size_t rows[256];
    const struct example_set judged = held_out_set(&examples, rows);
    float zero_shot[5 * 32], ours[256 * 5];
    struct tip_adapter adapter = {.cache = training_set(&examples),
        .zero_shot = zero_shot,
        .scale = (float)must_number(theirs, "scale"),
        .alpha = must_number(theirs, "alpha"),
        .beta = must_number(theirs, "beta")};
    struct err err = {0};
    assert_true(judged.count <= 256 && width <= 32);
    for (size_t i = 0; i < 5 * width; i++)
        zero_shot[i] = (float)(json_number_value(json_array_get(
                                   json_array_get(must_get(theirs, "zero_shot"), i / width), i % width)) /
                               must_number(golden, "step"));
    check_ok(tip_adapter_logits(ours, &adapter, &judged, NULL, &err), &err);
    for (size_t i = 0; i < judged.count * 5; i++) {
        const double logit = json_number_value(json_array_get(json_array_get(logits, i / 5), i % 5));
        if (!(fabs((double)ours[i] - logit) < 1e-4))
            fail_msg("logit %zu is %.7g, not %.7g", i, (double)ours[i], logit);
    }
    check_ok(tip_adapter_search(&adapter, &judged, NULL, &err), &err);
    assert_true(fabs(adapter.alpha - must_number(theirs, "best_alpha")) < 1e-9);
    assert_true(fabs(adapter.beta - must_number(theirs, "best_beta")) < 1e-9);
    check_ok(tip_adapter_logits(ours, &adapter, &judged, NULL, &err), &err);
    double score;
    check_ok(logits_score(&score, ours, &judged, &err), &err);
    assert_true(fabs(score - must_number(theirs, "best_score")) < 1e-12);
    examples_release(&examples);
}

/* ---- few shots ----------------------------------------------------------------------------------------- */

/* Zero-shot is the same in every row, what is learned gets better with more examples, and the same seed gives the same. */
static void few_shots_add_up(void **state)
{
    (void)state;
    static const size_t shots[] = {1, 9};
    struct lesson lesson = {.examples = make_examples("one")};
    const struct example_set all = {&lesson.examples, NULL, lesson.examples.count};
    size_t *rest = NULL, rest_count;
    struct err err = {0};
    float zero_shot[5 * 32];
    for (size_t i = 0; i < 5 * width; i++)
        zero_shot[i] = (float)(random_at(3, i) % 100) / 1000;
    check_ok(examples_draw(&lesson.rows[LESSON_TRAIN], &lesson.counts[LESSON_TRAIN], &rest, &rest_count, &all,
                 0, 0.6, 1, &err),
        &err);
    const struct example_set others = {&lesson.examples, rest, rest_count};
    check_ok(examples_draw(&lesson.rows[LESSON_VALIDATION], &lesson.counts[LESSON_VALIDATION],
                 &lesson.rows[LESSON_TEST], &lesson.counts[LESSON_TEST], &others, 4, 0, 1, &err),
        &err);
    free(rest);
    const struct few_shot_options options = {.shots = shots,
        .count = 2,
        .draws = 3,
        .seed = 5,
        .zero_shot = zero_shot,
        .scale = 10,
        .fit = PROBE_FIT_OPTIONS};
    struct few_shot_row rows[2], again[2];
    check_ok(few_shot_run(rows, &lesson, &options, NULL, &err), &err);
    check_ok(few_shot_run(again, &lesson, &options, NULL, &err), &err);
    assert_memory_equal(rows, again, sizeof rows);
    assert_true(rows[0].mean[FEW_SHOT_ZERO_SHOT] == rows[1].mean[FEW_SHOT_ZERO_SHOT]);
    assert_true(rows[0].deviation[FEW_SHOT_ZERO_SHOT] < 1e-12);
    assert_true(rows[1].mean[FEW_SHOT_PROBE] > rows[0].mean[FEW_SHOT_PROBE]);
    assert_true(rows[0].deviation[FEW_SHOT_PROBE] > 0);

    lesson.counts[LESSON_VALIDATION] = 0;
    assert_int_equal(few_shot_run(rows, &lesson, &options, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "no validation pictures"));
    lesson.counts[LESSON_TEST] = 0;
    assert_int_equal(few_shot_run(rows, &lesson, &options, NULL, &err), ERR_ARGUMENT);
    assert_non_null(strstr(err.msg, "no test pictures"));
    lesson_release(&lesson);
}

/* ---- draws --------------------------------------------------------------------------------------------- */

static void draws_of_each_class(void **state)
{
    (void)state;
    struct examples examples = make_examples("one");
    const struct example_set all = training_set(&examples);
    size_t counts[5], before[5], *taken, *left, taken_count, left_count;
    struct err err = {0};
    example_counts(before, &all);
    check_ok(examples_draw(&taken, &taken_count, &left, &left_count, &all, 4, 0, 1, &err), &err);
    const struct example_set some = {&examples, taken, taken_count};
    example_counts(counts, &some);
    for (size_t k = 0; k < 5; k++)
        assert_int_equal(counts[k], before[k] < 4 ? before[k] : 4);
    assert_int_equal(taken_count + left_count, all.count);
    free(taken);
    free(left);
    check_ok(examples_draw(&taken, &taken_count, &left, &left_count, &all, 0, 0.2, 1, &err), &err);
    const struct example_set share = {&examples, taken, taken_count};
    example_counts(counts, &share);
    for (size_t k = 0; k < 5; k++)
        assert_int_equal(counts[k], (size_t)(0.2 * (double)before[k] + 0.5));
    free(taken);
    free(left);
    examples_release(&examples);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    struct err err = {0};
    check_ok(json_read(&golden, GOLDEN, 16 << 20, &err), &err);
    width = must_count(golden, "width");
    train = must_count(golden, "train");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_as_scikit_learn),
        cmocka_unit_test(sweeps_as_clip),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(large_ones_fit_too),
        cmocka_unit_test(starts_where_it_is_told),
        cmocka_unit_test(refuses_what_teaches_nothing),
        cmocka_unit_test(adapts_as_the_paper),
        cmocka_unit_test(few_shots_add_up),
        cmocka_unit_test(draws_of_each_class),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
