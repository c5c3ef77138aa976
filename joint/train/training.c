// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- steps --------------------------------------------------------------------------------------------- */

int training_measure(double *seconds, struct training *t, const struct job *job, struct err *err)
{
    enum { ROUNDS = 2 }; /* the first compiles kernels */
    struct contrastive_batch batch;
    struct loss_report report;
    int rc = feed_next(&batch, t->feed, 0, job, err);
    for (int round = 0; round < ROUNDS && !rc; round++) {
        const double begin = time_now();
        rc = trained_model_learn(t->model, &report, &batch, err);
        *seconds = time_now() - begin;
        if (!rc)
            rc = job_step(job, "measuring a step", 0, 0, err);
    }
    return rc;
}

/* Weights that are no numbers are never kept: a checkpoint is always of steps that went well. */
static int check_numbers(const struct training_step *step, struct err *err)
{
    if (isfinite(step->loss) && isfinite(step->norm))
        return 0;
    return err_set(err, ERR_LIMIT, "step %zu: the %s is no number any more: " TRAINING_WHAT_TO_TRY,
        step->step, isfinite(step->loss) ? "length of the gradients" : "loss");
}

/* The step of that number, from 0 on. */
static int take_step(
    struct training *t, struct training_step *out, size_t number, const struct job *job, struct err *err)
{
    const struct training_options *options = &t->options;
    const double begin = time_now();
    struct adamw_options adamw = {
        .step = number + 1,
        .rate = cosine_rate(options->rate, number, t->plan.warmup, t->plan.steps),
        .beta_1 = options->beta_1,
        .beta_2 = options->beta_2,
        .eps = options->eps,
        .decay = options->decay,
        .clip = options->clip,
    };
    struct contrastive_batch batch;
    struct loss_report report;
    int rc = feed_next(&batch, t->feed, number, job, err);
    if (!rc)
        rc = trained_model_learn(t->model, &report, &batch, err);
    if (rc)
        return rc;
    *out = (struct training_step){
        .step = number + 1,
        .epoch = number / t->plan.epoch_steps + 1,
        .pictures = batch.count,
        .loss = report.loss,
        .accuracy = (double)report.right / (double)(batch.count * batch.each),
        .rate = adamw.rate,
    };
    if (isfinite(out->loss))
        rc = trained_model_step(t->model, &adamw, &out->norm, err);
    if (!rc && options->average > 0)
        rc = trained_model_average(t->model, number ? options->average : 0, err);
    if (!rc)
        rc = trained_model_scale(t->model, &out->scale, err);
    out->seconds = time_now() - begin;
    if (!rc)
        rc = check_numbers(out, err);
    return rc ? rc
              : course_take(
                    &t->course, out->loss, &batch, training_loss_of(&t->config), options->smoothing, err);
}

/* A checkpoint that cannot be written leaves the one before, and the run goes on. */
static int keep(struct training *t, size_t step, const struct job *job, struct err *err)
{
    struct err problem = {0};
    const int rc = training_state_keep(&t->state, t->model, step, &problem);
    if (rc == ERR_MEMORY)
        return err_set(err, rc, "%s", problem.msg);
    if (rc)
        job_reportf(job, rc, "no checkpoint after step %zu: %s; the one before, of step %zu, stays", step,
            problem.msg, t->state.kept_step);
    return 0;
}

/* ---- validation ---------------------------------------------------------------------------------------- */

/* Whether there is one after so many steps, which has not been yet. */
static bool is_due(const struct training *t, size_t step)
{
    return t->judge && t->state.best.judged != step &&
           (step % t->plan.validate == 0 || step == t->plan.steps);
}

static bool is_over(const struct training *t, size_t step)
{
    const size_t patience = t->options.patience;
    return step >= t->plan.steps || (patience && t->state.best.waited >= patience);
}

int training_exchange_averages(struct training *t, struct err *err)
{
    return t->options.average > 0 ? trained_model_exchange_averages(t->model, err) : 0;
}

static int validate(struct training *t, size_t step, const struct training_visitor *visitor,
    const struct job *job, struct err *err)
{
    struct training_best *best = &t->state.best;
    struct training_validation validation;
    int rc = training_exchange_averages(t, err);
    if (!rc)
        rc = judge_model(&validation, t->judge, t->model, t->device, job, err);
    const int back = training_exchange_averages(t, rc ? NULL : err);
    if (rc || back)
        return rc ? rc : back;
    validation.step = step;
    validation.best = validation.score > best->score;
    if (validation.best)
        rc = training_state_keep_best(&t->state, t->model, err);
    if (rc)
        return rc;
    *best = (struct training_best){.judged = step,
        .step = validation.best ? step : best->step,
        .waited = validation.best ? 0 : best->waited + 1,
        .score = validation.best ? validation.score : best->score};
    if (step)
        rc = keep(t, step, job, err);
    return rc ? rc : visitor->validation(visitor->context, &validation, err);
}

/* ---- the run ------------------------------------------------------------------------------------------- */

/* The next step, unless the run is over; *step counts those that were taken. */
static int go_on(struct training *t, size_t *step, const struct training_visitor *visitor,
    const struct job *job, struct err *err)
{
    struct training_step taken;
    int rc = is_due(t, *step) ? validate(t, *step, visitor, job, err) : 0;
    if (rc || is_over(t, *step))
        return rc;
    rc = take_step(t, &taken, *step, job, err);
    if (rc)
        return rc;
    ++*step;
    rc = visitor->step(visitor->context, &taken, err);
    if (rc || is_due(t, *step) ||
        (time_now() - t->state.kept < t->options.keep_seconds && *step < t->plan.steps))
        return rc;
    return keep(t, *step, job, err);
}

static int take_steps(
    struct training *t, const struct training_visitor *visitor, const struct job *job, struct err *err)
{
    size_t step = t->plan.first;
    int rc = 0;
    while (!rc && !(is_over(t, step) && !is_due(t, step)))
        rc = go_on(t, &step, visitor, job, err);
    if ((rc == ERR_CANCELLED || rc == ERR_IO) && step > t->state.kept_step)
        keep(t, step, job, NULL); /* nothing is lost */
    return rc;
}

int training_run(
    struct training *t, const struct training_visitor *visitor, const struct job *job, struct err *err)
{
    if (t->plan.over) {
        training_state_remove(&t->state);
        return 0;
    }
    const int rc = take_steps(t, visitor, job, err);
    return rc ? rc : training_write(t, job, err);
}
