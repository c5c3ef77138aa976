// SPDX-License-Identifier: Apache-2.0
#include "joint/train/training.h"

#include <stdlib.h>
#include <string.h>

#include "joint/internal.h"

int training_is_there(const char *out, struct err *err)
{
    return err_set(err, ERR_ARGUMENT, "'%s' is there already", out);
}

/* What can be told at once. */
static int check(const struct training *t, struct err *err)
{
    const struct training_options *options = &t->options;
    const size_t batch = options->loader.batch;
    if (options->out && file_exists(options->out) && !options->resume)
        return training_is_there(options->out, err);
    if (batch > t->set->count)
        return err_set(err, ERR_ARGUMENT,
            "a batch of %zu is more than the %zu pictures with captions in '%s'", batch, t->set->count,
            t->set->name);
    if (options->fresh && (options->what != TRAINED_ALL || options->blend < 1 ||
                              (options->adapters && options->adapters->count)))
        return err_set(err, ERR_ARGUMENT,
            "fresh weights are all trained: there is no part of them, no adapter and nothing to blend with");
    if (options->what != TRAINED_ALL && options->adapters && options->adapters->count)
        return err_set(err, ERR_ARGUMENT,
            "adapters are merged where all of a model is trained; for a part write it with 'diptych convert' "
            "first");
    if (options->adapter && options->what != TRAINED_LORA)
        return err_set(err, ERR_ARGUMENT, "--adapter is of --part lora");
    if (options->adapter && options->blend < 1)
        return err_set(err, ERR_ARGUMENT,
            "--blend goes back to where it began, and between two adapters lies none of their rank: leave "
            "out "
            "--adapter or --blend");
    if (options->smoothing > 0 && training_loss_of(&t->config) != LOSS_SOFTMAX)
        return err_set(err, ERR_ARGUMENT,
            "--smoothing is of the softmax loss, and '%s' is trained with the sigmoid loss", options->model);
    if (t->config.vision.any_size)
        return err_set(err, ERR_UNSUPPORTED, "'%s' takes pictures of any size: such models cannot be trained",
            options->model);
    if (options->adapters && options->adapters->count && t->config.layout == LAYOUT_OPEN_CLIP &&
        !model_fits_clip(&t->config, &t->preprocess))
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' is of open_clip's layout, and no model that transformers' CLIP can be: write it with its "
            "adapters by 'diptych convert' first",
            options->model);
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
        .augmentation = &t->options.augmentation,
        .each = t->options.each,
        .draws_alike = t->options.draws_alike,
        .open_kinds = t->options.open_kinds,
        .seed = t->options.seed};
    return feed_open(&t->feed, &feed, err);
}

/* Opens the model that is trained, of its weights or fresh ones, and an adapter that there is. */
static int open_trained(
    struct training *t, struct device *device, struct trained_model_options *how, struct err *err)
{
    struct weights *adapter = NULL, *fresh = NULL;
    int rc = t->options.fresh ? weights_fresh(&fresh, t->options.seed, err) : 0;
    if (!rc && t->options.adapter)
        rc =
            trained_adapter_open(&t->options.lora, &adapter, t->options.adapter, &t->config, t->weights, err);
    how->lora = t->options.lora;
    if (!rc)
        rc = trained_model_open(
            &t->model, &t->config, &t->preprocess, fresh ? fresh : t->weights, device, how, err);
    if (!rc && adapter)
        rc = trained_model_load_adapter(t->model, adapter, err);
    weights_free(adapter);
    weights_free(fresh);
    return rc;
}

static int open_model(struct training *t, struct device *device, struct err *err)
{
    const struct training_options *options = &t->options;
    const size_t own = t->texts.longest, held = t->judge ? judge_longest(t->judge) : 0;
    struct trained_model_options how = {
        .loss = training_loss_of(&t->config),
        .batch = options->loader.batch,
        .chunk = options->chunk,
        .tokens = own > held ? own : held,
        .recomputes = options->recomputes,
        .smoothing = (float)options->smoothing,
        .averages = options->average > 0,
        .what = options->what,
    };
    const bool named =
        options->fresh && t->config.layout == LAYOUT_HF; /* tensors have their names of themselves */
    int rc = named ? 0 : weights_open_adapted(&t->weights, options->model, options->adapters, err);
    if (!rc)
        t->dtype = options->dtype ? *options->dtype : t->weights ? weights_dtype(t->weights) : DTYPE_F32;
    if (!rc)
        rc = open_trained(t, device, &how, err);
    if (!rc && training_changes_file(t) && (rc = trained_model_can_write(t->model, t->weights, err)))
        err_wrap(err, "unable to train '%s'", options->model);
    return rc;
}

/* Of all that the run begins with. */
static int fingerprint_start(
    char out[FINGERPRINT_SIZE], const struct training_options *options, struct err *err)
{
    const struct adapters one = {&options->adapter, 1};
    if (options->fresh)
        return model_form_fingerprint(out, options->model, err);
    return model_adapted_fingerprint(out, options->model, options->adapter ? &one : options->adapters, err);
}

static int open_state(struct training *t, const struct device *device, struct err *err)
{
    char fingerprint[FINGERPRINT_SIZE];
    int rc = fingerprint_start(fingerprint, &t->options, err);
    if (!rc)
        rc = training_state_open(&t->state, t->options.out,
            training_options_json(&t->options, &t->plan, t->set, fingerprint, device), t->options.resume,
            t->model, &t->plan.first, err);
    t->plan.over = t->state.over;
    return rc;
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

size_t training_kept(const struct training *t)
{
    return t->state.kept_step;
}

struct training_validation training_best(const struct training *t)
{
    return (struct training_validation){.step = t->state.best.step, .score = t->state.best.score};
}

struct model_conversion training_written(const struct training *t)
{
    return t->written;
}
