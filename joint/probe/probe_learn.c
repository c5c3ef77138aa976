// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct learning {
    struct probe *out;
    struct probe_report *report;
    const struct lesson *lesson;
    const struct probe_options *options;
    const struct job *job;
};

/* ---- measuring ----------------------------------------------------------------------------------------- */

/* Of pictures that have one label each. */
static int calibration_error(
    double *error, const struct probe *probe, const struct example_set *set, struct err *err)
{
    const size_t labels = probe->labels.count, top = labels < OUTCOME_TOP ? labels : OUTCOME_TOP;
    struct outcome *outcomes = mem_new(set->count, sizeof *outcomes);
    struct classifier *classifier = NULL;
    int rc =
        outcomes ? probe_classifier(&classifier, probe, err) : err_memory(err, set->count * sizeof *outcomes);
    for (size_t i = 0; i < set->count && !rc; i++) {
        struct prediction best[OUTCOME_TOP];
        classifier_rank(classifier, best, top, example_embedding(set, i));
        outcomes[i] = outcome_of(example_labels(set, i), best, top);
    }
    if (!rc)
        *error = calibration_of(outcomes, set->count).error;
    classifier_free(classifier);
    free(outcomes);
    return rc;
}

/* Logits (count, labels), for free(). */
static int make_logits(float **out, const struct learning *l, const struct example_set *set, struct err *err)
{
    *out = mem_new(set->count, l->out->labels.count * sizeof **out);
    if (!*out)
        return err_memory(err, set->count * l->out->labels.count * sizeof **out);
    probe_logits(*out, set, l->out->weights, l->out->intercepts, l->job);
    return 0;
}

static int measure(struct learning *l, int part, struct err *err)
{
    const struct example_set set = lesson_set(l->lesson, part);
    struct probe_result *result = &l->report->results[part];
    struct probe plain = *l->out;
    float *logits = NULL;
    *result = (struct probe_result){.examples = set.count, .error = NAN, .error_before = NAN};
    if (!set.count)
        return 0;
    int rc = make_logits(&logits, l, &set, err);
    if (!rc)
        rc = logits_score(&result->score, logits, &set, err);
    plain.temperature = 1;
    if (!rc && !plain.several)
        rc = calibration_error(&result->error, l->out, &set, err);
    if (!rc && !plain.several)
        rc = calibration_error(&result->error_before, &plain, &set, err);
    free(logits);
    return rc;
}

static int calibrate(struct learning *l, struct err *err)
{
    const struct example_set judges = lesson_set(l->lesson, LESSON_VALIDATION);
    float *logits = NULL;
    const int rc = make_logits(&logits, l, &judges, err);
    if (!rc)
        l->out->temperature = logits_temperature(logits, &judges);
    free(logits);
    return rc;
}

/* ---- fitting ------------------------------------------------------------------------------------------- */

static int fit(struct learning *l, const struct example_set *set, double c, struct err *err)
{
    struct probe_fit_options options = l->options->fit;
    struct probe_fitted fitted;
    options.c = c;
    const int rc = probe_fit(&fitted, set, &options, l->job, err);
    if (rc)
        return rc;
    free(l->out->weights);
    free(l->out->intercepts);
    l->out->weights = fitted.weights;
    l->out->intercepts = fitted.intercepts;
    l->report->objective = fitted.objective;
    l->report->iterations = fitted.iterations;
    l->report->converged = fitted.converged;
    return 0;
}

/* C, and the temperature, with the help of the validation part. */
static int choose(struct learning *l, struct err *err)
{
    const struct example_set train = lesson_set(l->lesson, LESSON_TRAIN),
                             judges = lesson_set(l->lesson, LESSON_VALIDATION);
    struct probe_report *report = l->report;
    int rc = 0;
    report->c = l->options->fit.c;
    if (report->c <= 0 && !judges.count)
        return err_set(err, ERR_ARGUMENT, "no validation pictures to choose C by: name a part of them, or C");
    if (report->c <= 0)
        rc = probe_sweep(&report->sweep, &train, &judges, &l->options->fit, l->job, err);
    if (report->sweep.count)
        report->c = report->sweep.steps[report->sweep.best].c;
    if (!rc && judges.count)
        rc = fit(l, &train, report->c, err);
    if (!rc && judges.count)
        rc = calibrate(l, err);
    return rc || !judges.count ? rc : measure(l, LESSON_VALIDATION, err);
}

/* Once more, from training and validation part. */
static int fit_all(struct learning *l, struct err *err)
{
    const struct example_set train = lesson_set(l->lesson, LESSON_TRAIN),
                             judges = lesson_set(l->lesson, LESSON_VALIDATION);
    size_t *rows = mem_new(train.count + judges.count, sizeof *rows);
    if (!rows)
        return err_memory(err, (train.count + judges.count) * sizeof *rows);
    memcpy(rows, train.rows, train.count * sizeof *rows);
    if (judges.count)
        memcpy(rows + train.count, judges.rows, judges.count * sizeof *rows);
    const struct example_set all = {&l->lesson->examples, rows, train.count + judges.count};
    const int rc = fit(l, &all, l->report->c, err);
    free(rows);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int describe(struct learning *l, struct err *err)
{
    const struct probe_report *report = l->report;
    const struct lesson *lesson = l->lesson;
    json_t *made = json_pack("{s:s, s:o, s:f, s:f, s:s, s:s, s:I, s:I, s:b, s:I, s:f, s:b}", "by",
        "diptych " DIPTYCH_VERSION, "from", json_text(l->options->made_from), "C", report->c, "tolerance",
        l->options->fit.tolerance, "start", l->options->fit.start ? "zero-shot" : "zero", "class_weights",
        l->options->fit.balanced  ? "balanced"
        : l->options->fit.weights ? "given"
                                  : "none",
        "train", (json_int_t)lesson->counts[LESSON_TRAIN], "validation",
        (json_int_t)lesson->counts[LESSON_VALIDATION], "held_out", lesson->held_out, "iterations",
        (json_int_t)report->iterations, "objective", report->objective, "converged", report->converged);
    l->out->made = json_dumps(made, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(made);
    return l->out->made ? 0 : err_memory(err, 0);
}

static int copy_labels(struct strings *out, const struct strings *labels, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < labels->count && !rc; i++)
        rc = strings_add(out, labels->items[i], strlen(labels->items[i]), err);
    return rc;
}

int probe_learn(struct probe *out, struct probe_report *report, const struct lesson *lesson,
    const struct probe_options *options, const struct job *job, struct err *err)
{
    struct learning l = {out, report, lesson, options, job};
    *report = (struct probe_report){0};
    out->width = lesson->examples.width;
    out->several = lesson->examples.several;
    out->temperature = 1;
    int rc = copy_labels(&out->labels, lesson->labels, err);
    if (!rc)
        rc = choose(&l, err);
    if (!rc)
        rc = fit_all(&l, err);
    if (!rc)
        rc = measure(&l, LESSON_TRAIN, err);
    if (!rc)
        rc = measure(&l, LESSON_TEST, err);
    report->temperature = out->temperature;
    return rc ? rc : describe(&l, err);
}

/* ---- weights of labels --------------------------------------------------------------------------------- */

static int set_weight(double *weights, const struct strings *labels, struct string_map *rows,
    const char *line, size_t number, const char *path, struct err *err)
{
    const char *tab = strrchr(line, '\t');
    char *end = NULL;
    const double weight = tab ? strtod(tab + 1, &end) : 0;
    if (!tab || end == tab + 1 || end[strspn(end, " \t\r")] || !isfinite(weight) || weight <= 0)
        return err_set(
            err, ERR_FORMAT, "unable to read '%s': line %zu: no label, tab and weight above 0", path, number);
    const size_t *row = string_map_find(rows, line, (size_t)(tab - line));
    if (!row)
        return err_set(err, ERR_NOT_FOUND, "unable to read '%s': line %zu: '%.*s' is none of the %zu labels",
            path, number, (int)(tab - line), line, labels->count);
    weights[*row] = weight;
    return 0;
}

int class_weights_read(double **out, const struct strings *labels, const char *path, struct err *err)
{
    enum { LIMIT = 64 << 20 };
    struct strings lines = {0};
    struct string_map rows = {0};
    size_t *row;
    int rc = input_lines(&lines, path, LIMIT, err);
    *out = mem_new(labels->count, sizeof **out);
    if (!*out && !rc)
        rc = err_memory(err, labels->count * sizeof **out);
    for (size_t i = 0; i < labels->count && !rc; i++) {
        rc = string_map_add(&row, &rows, labels->items[i], strlen(labels->items[i]), i, err);
        (*out)[i] = 1;
    }
    for (size_t i = 0; i < lines.count && !rc; i++)
        if (*lines.items[i])
            rc = set_weight(*out, labels, &rows, lines.items[i], i + 1, input_name(path), err);
    string_map_release(&rows);
    strings_release(&lines);
    return rc;
}
