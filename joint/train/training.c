// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "joint/internal.h"

struct training {
    struct training_options options;
    const struct training_set *set;
    struct training_plan plan;
    struct model_config config;
    struct preprocess preprocess;
    struct training_texts texts;
    struct training_feed *feed;
    struct weights *weights;      /* where it begins, which locked towers go on reading */
    struct training_judge *judge; /* NULL: none */
    struct device *device;
    struct trained_model *model;
    struct course {
        bool begun;
        double loss, best; /* the running mean of losses, and the least that it was */
    } course;
    struct training_state state;
    enum dtype dtype; /* of what is written */
    struct model_conversion written;
};

static enum contrastive_loss loss_of(const struct model_config *config)
{
    return config->score == SCORE_SIGMOID ? LOSS_SIGMOID : LOSS_SOFTMAX;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* What can be told at once. */
static int check(const struct training *t, struct err *err)
{
    const struct training_options *options = &t->options;
    const size_t batch = options->loader.batch;
    if (file_exists(options->out))
        return err_set(err, ERR_ARGUMENT, "'%s' is there already", options->out);
    if (batch > t->set->count)
        return err_set(err, ERR_ARGUMENT,
            "a batch of %zu is more than the %zu pictures with captions in '%s'", batch, t->set->count,
            t->set->name);
    if (options->what != TRAINED_ALL && options->adapters && options->adapters->count)
        return err_set(err, ERR_ARGUMENT,
            "adapters are merged where all of a model is trained; for a part write it with 'diptych convert' "
            "first");
    if (!model_fits_clip(&t->config, &t->preprocess))
        return err_set(
            err, ERR_UNSUPPORTED, "'%s' is no model that transformers' CLIP can be", options->model);
    return 0;
}

static void plan(struct training *t)
{
    const struct training_options *options = &t->options;
    struct training_plan *plan = &t->plan;
    plan->pictures = t->set->count;
    plan->texts = t->set->templates ? t->set->texts.count : 0;
    for (size_t i = 0; i < t->set->count && !t->set->templates; i++)
        plan->texts += t->set->said[i].count;
    plan->epoch_steps = feed_epoch_steps(t->feed);
    plan->steps = options->steps ? options->steps : options->epochs * plan->epoch_steps;
    plan->warmup = options->warmup == SIZE_MAX ? plan->steps / 10 : options->warmup;
    plan->tokens = t->texts.longest;
    plan->validate = options->validate ? options->validate : plan->epoch_steps;
    plan->truncated = t->texts.truncated;
    plan->parameters = trained_model_trained(t->model);
    plan->bytes = trained_model_bytes(t->model);
}

static int open_judge(
    struct training *t, const struct tokenizer *tokenizer, const struct job *job, struct err *err)
{
    const struct judge_options options = {.set = t->options.held,
        .config = &t->config,
        .preprocess = &t->preprocess,
        .loader = &t->options.loader,
        .chunk = t->options.chunk};
    return options.set ? judge_open(&t->judge, &options, tokenizer, job, err) : 0;
}

static int open_texts(struct training *t, const struct job *job, struct err *err)
{
    struct arena arena = {0};
    struct tokenizer *tokenizer = NULL;
    const char *folder = t->options.model;
    int rc = path_folder(&folder, t->options.model, &arena, err);
    if (!rc)
        rc = model_tokenizer_load(&tokenizer, &t->config, folder, err);
    if (!rc)
        rc = training_texts_encode(&t->texts, &t->set->texts, &t->config, tokenizer, job, err);
    if (!rc)
        rc = open_judge(t, tokenizer, job, err);
    tokenizer_free(tokenizer);
    arena_release(&arena);
    return rc;
}

static int open_feed(struct training *t, struct err *err)
{
    const struct feed_options feed = {.set = t->set,
        .texts = &t->texts,
        .preprocess = &t->preprocess,
        .loader = &t->options.loader,
        .crops = t->options.crops,
        .seed = t->options.seed};
    return feed_open(&t->feed, &feed, err);
}

static int open_model(struct training *t, struct device *device, struct err *err)
{
    const struct training_options *options = &t->options;
    const size_t own = t->texts.longest, held = t->judge ? judge_longest(t->judge) : 0;
    const struct trained_model_options how = {
        .loss = loss_of(&t->config),
        .batch = options->loader.batch,
        .chunk = options->chunk,
        .tokens = own > held ? own : held,
        .recomputes = options->recomputes,
        .smoothing = (float)options->smoothing,
        .averages = options->average > 0,
        .what = options->what,
        .lora = options->lora,
    };
    int rc = weights_open_adapted(&t->weights, options->model, options->adapters, err);
    if (!rc)
        t->dtype = options->dtype ? *options->dtype : weights_dtype(t->weights);
    if (!rc)
        rc = trained_model_open(&t->model, &t->config, &t->preprocess, t->weights, device, &how, err);
    return rc;
}

static int open_state(struct training *t, const struct device *device, struct err *err)
{
    char fingerprint[FINGERPRINT_SIZE];
    const int rc = model_adapted_fingerprint(fingerprint, t->options.model, t->options.adapters, err);
    return rc ? rc
              : training_state_open(&t->state, t->options.out,
                    training_options_json(&t->options, &t->plan, t->set, fingerprint, device),
                    t->options.resume, t->model, &t->plan.first, err);
}

int training_open(struct training **out, const struct training_set *set,
    const struct training_options *options, struct device *device, bool opens, const struct job *job,
    struct err *err)
{
    struct training *t = mem_new(1, sizeof *t);
    int rc;
    if (!t)
        return err_memory(err, sizeof *t);
    t->options = *options;
    t->set = set;
    t->device = device;
    if (!options->chunk || options->chunk > options->loader.batch)
        t->options.chunk = options->loader.batch;
    if (!(rc = model_config_read(&t->config, options->model, err)) &&
        !(rc = model_preprocess_read(&t->preprocess, &t->config, options->model, err)) &&
        !(rc = check(t, err)) && !(rc = open_texts(t, job, err)) && !(rc = open_feed(t, err)) &&
        !(rc = open_model(t, device, err))) {
        plan(t);
        rc = opens ? open_state(t, device, err) : 0;
    }
    if (rc)
        training_free(t);
    else
        *out = t;
    return rc;
}

void training_free(struct training *t)
{
    if (!t)
        return;
    training_state_release(&t->state);
    feed_free(t->feed);
    judge_free(t->judge);
    trained_model_free(t->model);
    weights_free(t->weights);
    training_texts_release(&t->texts);
    free(t);
}

const struct training_plan *training_plan(const struct training *t)
{
    return &t->plan;
}

size_t training_failed(const struct training *t)
{
    return feed_failed(t->feed) + (t->judge ? judge_failed(t->judge) : 0);
}

struct training_validation training_best(const struct training *t)
{
    return (struct training_validation){.step = t->state.best.step, .score = t->state.best.score};
}

struct model_conversion training_written(const struct training *t)
{
    return t->written;
}

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

#define WHAT_TO_TRY "try a lower --rate, a longer --warmup, a lower --clip, or --precision f32"

/* Weights that are no numbers are never kept: a checkpoint is always of steps that went well. */
static int check_numbers(const struct training_step *step, struct err *err)
{
    if (isfinite(step->loss) && isfinite(step->norm))
        return 0;
    return err_set(err, ERR_LIMIT, "step %zu: the %s is no number any more: " WHAT_TO_TRY, step->step,
        isfinite(step->loss) ? "length of the gradients" : "loss");
}

/* The loss where all logits are equal, and of the sigmoid the best such one: n times the entropy of a share of 1/n. */
static double loss_of_guessing(enum contrastive_loss loss, size_t pairs)
{
    const double n = (double)pairs;
    return log(n) - (loss == LOSS_SIGMOID && pairs > 1 ? (n - 1) * log1p(-1 / n) : 0);
}

/* A model that knew what belongs together, and now takes everything for the same, does not come back. */
static int check_course(struct training *t, const struct training_step *step, struct err *err)
{
    static const double slow = 0.9, knew = 0.5, forgot = 0.95;
    struct course *course = &t->course;
    const double guessing = loss_of_guessing(loss_of(&t->config), step->pictures);
    if (!course->begun)
        *course = (struct course){true, step->loss, step->loss};
    course->loss = slow * course->loss + (1 - slow) * step->loss;
    course->best = fmin(course->best, course->loss);
    if (course->best > knew * guessing || course->loss < forgot * guessing)
        return 0;
    return err_set(err, ERR_LIMIT, "step %zu: the loss is that of guessing, %.2f, and was %.1f: " WHAT_TO_TRY,
        step->step, guessing, course->best);
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
        .accuracy = (double)report.right / (double)batch.count,
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
    return rc ? rc : check_course(t, out, err);
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
    return step == t->plan.steps || (patience && t->state.best.waited >= patience);
}

/* What is measured and written is the mean, where there is one; twice, and all is as it was. */
static int exchange_averages(struct training *t, struct err *err)
{
    return t->options.average > 0 ? trained_model_exchange_averages(t->model, err) : 0;
}

static int validate(struct training *t, size_t step, const struct training_visitor *visitor,
    const struct job *job, struct err *err)
{
    struct training_best *best = &t->state.best;
    struct training_validation validation;
    int rc = exchange_averages(t, err);
    if (!rc)
        rc = judge_model(&validation, t->judge, t->model, t->device, job, err);
    const int back = exchange_averages(t, rc ? NULL : err);
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

/* ---- the model ----------------------------------------------------------------------------------------- */

/* All that is written, twice: to be announced, and then. Adapters that were merged leave weights of no file. */
static int add(const struct training *t, struct weights_writer *writer, struct err *err)
{
    const bool merged = t->options.adapters && t->options.adapters->count;
    return merged ? trained_model_save(t->model, PARAMETERS_VALUES, writer, err)
                  : trained_model_write(t->model, PARAMETERS_VALUES, t->weights, writer, err);
}

static int save(const struct training *t, const char *path, struct err *err)
{
    struct weights_writer *writer = NULL;
    int rc = weights_writer_open(&writer, path, DTYPE_F32, NULL, err);
    if (!rc && !(rc = add(t, writer, err)) && !(rc = weights_writer_begin(writer, err)))
        rc = add(t, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

static int write_model(struct training *t, const struct job *job, struct err *err)
{
    struct weights *weights = NULL;
    int rc = save(t, t->state.weights, err);
    if (!rc)
        rc = weights_open(&weights, t->state.weights, err);
    if (!rc)
        rc = model_write(&t->written, t->options.out, t->options.model, weights, &t->dtype, job, err);
    weights_free(weights);
    return rc;
}

static int write_adapter(struct training *t, struct err *err)
{
    const enum dtype dtype = t->options.dtype ? *t->options.dtype : DTYPE_F32;
    struct new_folder folder = {0};
    int rc = new_folder_open(&folder, t->options.out, err);
    if (!rc)
        rc = trained_model_write_adapter(
            t->model, PARAMETERS_VALUES, folder.beside, t->options.model, dtype, err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    t->written = (struct model_conversion){.dtype = dtype, .parameters = t->plan.parameters};
    return rc ? rc : closed;
}

/* What of the course of training is written: its end, or where it was best, or a mean of it, or something on the way back to where it began. */
static int choose_weights(struct training *t, struct err *err)
{
    const struct training_options *options = &t->options;
    int rc = t->judge ? training_state_take_best(&t->state, t->model, err) : 0;
    if (!rc)
        rc = exchange_averages(t, err);
    if (!rc && options->blend < 1)
        rc = trained_model_blend(t->model, t->weights, (float)options->blend, err);
    return rc;
}

static int write(struct training *t, const struct job *job, struct err *err)
{
    int rc = choose_weights(t, err);
    if (!rc)
        rc = t->options.what == TRAINED_LORA ? write_adapter(t, err) : write_model(t, job, err);
    if (!rc)
        training_state_remove(&t->state);
    return rc;
}

int training_run(
    struct training *t, const struct training_visitor *visitor, const struct job *job, struct err *err)
{
    const int rc = take_steps(t, visitor, job, err);
    return rc ? rc : write(t, job, err);
}
