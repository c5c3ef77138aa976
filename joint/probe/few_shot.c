// SPDX-License-Identifier: Apache-2.0
#include "joint/probe/probe.h"

#include <math.h>
#include <stdlib.h>

const char *const few_shot_names[FEW_SHOT_METHODS] = {[FEW_SHOT_ZERO_SHOT] = "zero-shot",
    [FEW_SHOT_TIP_ADAPTER] = "tip-adapter",
    [FEW_SHOT_PROBE] = "probe",
    [FEW_SHOT_BLEND] = "blend"};

struct run {
    const struct few_shot_options *options;
    const struct job *job;
    struct example_set test;
    size_t width, classes;
    float *start;      // (classes, E): scale * zero_shot
    float *intercepts; // (classes): zeros
    float *logits;     // (test.count, classes)
    size_t done;       /* draws with their shots */
};

/* ---- methods ------------------------------------------------------------------------------------------- */

static int score_linear(
    double *score, struct run *run, const float *weights, const float *intercepts, struct err *err)
{
    probe_logits(run->logits, &run->test, weights, intercepts, run->job);
    return logits_score(score, run->logits, &run->test, err);
}

static int score_adapter(double *score, struct run *run, const struct example_set *learned,
    const struct example_set *judges, struct err *err)
{
    struct tip_adapter adapter = {
        .cache = *learned, .zero_shot = run->options->zero_shot, .scale = run->options->scale};
    int rc = tip_adapter_search(&adapter, judges, run->job, err);
    if (!rc)
        rc = tip_adapter_logits(run->logits, &adapter, &run->test, run->job, err);
    return rc ? rc : logits_score(score, run->logits, &run->test, err);
}

/* Without what it says of its steps: those of the run are draws. */
static int quiet_step(void *context, const char *unit, size_t done, size_t total)
{
    const struct job *job = context;
    (void)unit, (void)done, (void)total;
    return job_step(job, "fitting", 0, 0, NULL);
}

static int score_probe(double *score, struct run *run, const struct example_set *learned,
    const struct example_set *judges, const float *start, struct err *err)
{
    struct job job = run->job ? *run->job : (struct job){0};
    struct probe_fit_options options = run->options->fit;
    struct probe_fitted fitted = {0};
    struct probe_sweep sweep;
    job.step = quiet_step;
    job.report = NULL;
    job.context = (void *)run->job;
    options.start = start;
    int rc = probe_sweep(&sweep, learned, judges, &options, &job, err);
    if (rc)
        return rc;
    options.c = sweep.steps[sweep.best].c;
    rc = probe_fit(&fitted, learned, &options, &job, err);
    if (!rc)
        rc = score_linear(score, run, fitted.weights, fitted.intercepts, err);
    probe_fitted_release(&fitted);
    return rc;
}

/* ---- draws --------------------------------------------------------------------------------------------- */

static int score_all(double scores[FEW_SHOT_METHODS], struct run *run, const struct example_set *learned,
    const struct example_set *judges, struct err *err)
{
    int rc = score_linear(&scores[FEW_SHOT_ZERO_SHOT], run, run->start, run->intercepts, err);
    if (!rc)
        rc = score_adapter(&scores[FEW_SHOT_TIP_ADAPTER], run, learned, judges, err);
    if (!rc)
        rc = score_probe(&scores[FEW_SHOT_PROBE], run, learned, judges, NULL, err);
    return rc ? rc : score_probe(&scores[FEW_SHOT_BLEND], run, learned, judges, run->start, err);
}

/* The first of each label in the order of the seed. */
static int draw(struct example_set *out, size_t **rows, const struct example_set *from, size_t shots,
    uint64_t seed, struct err *err)
{
    size_t *left, left_count;
    *out = (struct example_set){.of = from->of};
    const int rc = examples_draw(rows, &out->count, &left, &left_count, from, shots, 0, seed, err);
    if (rc)
        return rc;
    free(left);
    out->rows = *rows;
    return 0;
}

static int score_draw(double scores[FEW_SHOT_METHODS], struct run *run, const struct lesson *lesson,
    size_t shots, uint64_t seed, struct err *err)
{
    const struct example_set train = lesson_set(lesson, LESSON_TRAIN),
                             validation = lesson_set(lesson, LESSON_VALIDATION);
    const size_t wanted = shots < FEW_SHOT_JUDGES ? shots : FEW_SHOT_JUDGES;
    size_t *learned_rows = NULL, *judge_rows = NULL;
    struct example_set learned, judges;
    int rc = draw(&learned, &learned_rows, &train, shots, seed, err);
    if (!rc)
        rc = draw(&judges, &judge_rows, &validation, wanted, seed, err);
    if (!rc)
        rc = score_all(scores, run, &learned, &judges, err);
    free(learned_rows);
    free(judge_rows);
    return rc;
}

static int score_shots(
    struct few_shot_row *row, struct run *run, const struct lesson *lesson, struct err *err)
{
    const size_t draws = run->options->draws;
    double(*scores)[FEW_SHOT_METHODS] = mem_new(draws, sizeof *scores);
    int rc = scores ? 0 : err_memory(err, draws * sizeof *scores);
    for (size_t i = 0; i < draws && !rc; i++) {
        rc = score_draw(scores[i], run, lesson, row->shots, run->options->seed + i, err);
        if (!rc)
            rc = job_step(run->job, "draws", ++run->done, draws * run->options->count, err);
    }
    for (int method = 0; method < FEW_SHOT_METHODS && !rc; method++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < draws; i++)
            sum += scores[i][method] / (double)draws;
        for (size_t i = 0; i < draws; i++)
            squares += (scores[i][method] - sum) * (scores[i][method] - sum);
        row->mean[method] = sum;
        row->deviation[method] = draws > 1 ? sqrt(squares / (double)(draws - 1)) : 0;
    }
    free(scores);
    return rc;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static int check(const struct lesson *lesson, struct err *err)
{
    if (lesson->examples.several)
        return err_set(err, ERR_UNSUPPORTED, "few shots are of pictures that have one label each");
    if (!lesson->counts[LESSON_TEST])
        return err_set(err, ERR_ARGUMENT, "no test pictures to measure few shots with: name a part of them");
    if (!lesson->counts[LESSON_VALIDATION])
        return err_set(err, ERR_ARGUMENT, "no validation pictures to choose by: name a part of them");
    return 0;
}

int few_shot_run(struct few_shot_row *rows, const struct lesson *lesson,
    const struct few_shot_options *options, const struct job *job, struct err *err)
{
    const size_t classes = lesson->examples.classes, width = lesson->examples.width;
    struct run run = {options, job, lesson_set(lesson, LESSON_TEST), width, classes, NULL, NULL, NULL, 0};
    int rc = check(lesson, err);
    if (rc)
        return rc;
    run.start = mem_new(classes, width * sizeof *run.start);
    run.intercepts = mem_new(classes, sizeof *run.intercepts);
    run.logits = mem_new(run.test.count, classes * sizeof *run.logits);
    if (!run.start || !run.intercepts || !run.logits)
        rc = err_memory(err, (run.test.count + width) * classes * sizeof *run.logits);
    for (size_t i = 0; i < classes * width && !rc; i++)
        run.start[i] = options->scale * options->zero_shot[i];
    for (size_t i = 0; i < options->count && !rc; i++) {
        rows[i] = (struct few_shot_row){.shots = options->shots[i]};
        rc = score_shots(&rows[i], &run, lesson, err);
    }
    free(run.start);
    free(run.intercepts);
    free(run.logits);
    return rc;
}
