// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "cli/train.h"

/* What comes of what the command line asks for. */
struct train {
    struct train_request request;
    struct strings templates;
    struct training_set set, held;
    struct training *training;
    struct train_watch watch;
    struct train_forgotten forgotten;
};

enum { DEFAULT_BATCH = 64 };

/* ---- opening ------------------------------------------------------------------------------------------- */

static void say_data(struct train *t, const struct training_set *set)
{
    if (t->request.session.quiet)
        return;
    progress_clear(&t->request.session.progress);
    for (size_t i = 0; i < set->left_out.count; i++)
        message("%s: %s", set->name, set->left_out.items[i]);
    if (set->empty)
        message("%s: %zu captions without a word are left out", set->name, set->empty);
    passed_over_put(&set->captioned.list.passed);
    passed_over_put(&set->labelled.list.passed);
}

static int read_data(struct train *t, const struct job *job, struct err *err)
{
    struct model_config config;
    struct training_source *source = &t->request.source;
    int rc = model_directory(&t->request.session.directory, t->request.session.model_options.directory,
        &t->request.session.arena, err);
    if (!rc)
        rc = model_config_read(&config, t->request.session.directory, err);
    if (!rc)
        rc = templates_read(&t->templates, &t->request.labels, err);
    if (rc)
        return rc;
    t->request.session.adapters = t->request.session.model_options.adapters.all;
    source->by_class = t->request.labels.labels || t->request.labels.templates || source->labelled.classes;
    source->split = source->split ? source->split : "train";
    source->labelled.labels = t->request.labels.labels;
    source->labelled.excludes = &t->request.exclude.excludes;
    source->templates = &t->templates;
    source->template = config.family->template;
    source->part = DATA_PART_TRAIN;
    rc = training_set_read(&t->set, source, job, err);
    if (rc && t->set.may_go_on) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing leaves them out", problem.msg);
    }
    if (!rc)
        say_data(t, &t->set);
    return rc;
}

/* Of what is left to learn from. */
static void say_few(const struct train *t)
{
    char names[LABEL_NAMES];
    const size_t few = training_set_short(names, &t->set, 2);
    if (few && !t->request.session.quiet)
        message("%zu of %zu labels have one picture to learn from, or none: %s", few,
            t->set.labelled.labels.count, names);
}

static int say_shared(const struct train *t, struct err *err)
{
    size_t shared;
    const int rc = training_set_shared(&shared, &t->held, &t->set, err);
    if (!rc && shared && !t->request.session.quiet)
        message("%zu of the %zu pictures of '%s' are learned from, too: where others are called as they are, "
                "--validation-images says where",
            shared, t->held.count, t->request.validation);
    return rc;
}

/* Where the pictures of --validation are. By class they have the labels of those that are learned from, which
 * a pipe tells only once. */
static struct training_source held_source(const struct train *t)
{
    struct training_source held = t->request.source;
    if (t->request.validation_images)
        held.labelled.folder = t->request.validation_images;
    if (held.captions) {
        held.captions = t->request.validation;
        held.split = "val";
        return held;
    }
    held.paths = &t->request.validation;
    held.path_count = 1;
    held.part = DATA_PART_MEASURED;
    held.by_class = t->set.templates > 0;
    if (!held.labelled.labels || input_is_pipe(held.labelled.labels)) {
        held.labelled.labels = NULL;
        held.labelled.names = held.by_class ? &t->set.labelled.labels : NULL;
    }
    return held;
}

static int read_validation(struct train *t, const struct job *job, struct err *err)
{
    const struct training_source source = held_source(t);
    const int rc = training_set_read(&t->held, &source, job, err);
    if (rc) {
        err_wrap(err, "validation");
        return rc;
    }
    say_data(t, &t->held);
    return say_shared(t, err);
}

/* Pictures that are not learned from. */
static int read_held(struct train *t, const struct job *job, struct err *err)
{
    const struct train_request *request = &t->request;
    int rc = 0;
    if (request->validation)
        rc = read_validation(t, job, err);
    else if (request->hold_out > 0)
        rc = training_set_hold_out(&t->held, &t->set, request->hold_out, request->options.seed, err);
    t->request.options.held = request->validation || request->hold_out > 0 ? &t->held : NULL;
    return rc;
}

static int open_all(struct train *t, const struct job *job, struct err *err)
{
    struct session *session = &t->request.session;
    const size_t batch = t->request.options.loader.batch;
    int rc = read_data(t, job, err);
    if (!rc)
        rc = read_held(t, job, err);
    if (!rc)
        rc = train_forgotten_read(&t->forgotten, &t->request, job, err);
    if (rc)
        return rc;
    say_few(t);
    t->request.options.loader = session->loader_options;
    t->request.options.loader.batch = batch;
    t->request.options.model = session->directory;
    t->request.options.adapters = &session->adapters;
    progress_note(&session->progress, "opening the model");
    session->opened = time_now();
    rc = device_open(&session->device, &session->model_options.device, err);
    if (!rc)
        rc = training_open(
            &t->training, &t->set, &t->request.options, session->device, !t->request.dry_run, job, err);
    return rc;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

static void say_plan(const struct train *t, const struct training_plan *plan)
{
    progress_clear((struct progress *)&t->request.session.progress);
    message("%zu pictures with %zu captions: %zu steps of %zu, %zu an epoch; %zu parameters are trained, in "
            "%.0f MiB",
        plan->pictures, plan->texts, plan->steps, t->request.options.loader.batch, plan->epoch_steps,
        plan->parameters, (double)plan->bytes / (1 << 20));
    if (plan->truncated)
        message("captions cut at the model's %zu tokens: %zu", plan->tokens, plan->truncated);
    if (plan->first)
        message("going on after step %zu", plan->first);
    else if (t->request.options.resume)
        message("there is no checkpoint to go on from: it begins anew");
}

static int dry_run(struct train *t, const struct job *job, struct err *err)
{
    const struct training_plan *plan = training_plan(t->training);
    double seconds;
    const int rc = training_measure(&seconds, t->training, job, err);
    if (rc)
        return rc;
    progress_clear(&t->request.session.progress);
    json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "parameters",
        (json_int_t)plan->parameters, "pictures", (json_int_t)plan->pictures, "captions",
        (json_int_t)plan->texts, "batch", (json_int_t)t->request.options.loader.batch, "steps",
        (json_int_t)plan->steps, "steps_an_epoch", (json_int_t)plan->epoch_steps, "memory_mib",
        (double)plan->bytes / (1 << 20), "seconds_a_step", seconds, "seconds", seconds * (double)plan->steps);
    return report_print("train-plan/1", json, t->request.format == 1, err);
}

/* ---- training ------------------------------------------------------------------------------------------ */

static void say_written(const struct train *t)
{
    const struct model_conversion written = training_written(t->training);
    if (t->request.options.what == TRAINED_LORA)
        fprintf(stderr, "'%s' is an adapter of %zu parameters in %s", t->request.options.out,
            written.parameters, dtype_name(written.dtype));
    else
        fprintf(stderr, "'%s' has the %s layout and %zu parameters in %s", t->request.options.out,
            layout_name(written.layout), written.parameters, dtype_name(written.dtype));
    fprintf(stderr, ", after %zu steps%s; %.1f pictures/s (%s, %s)\n",
        t->request.options.held ? training_best(t->training).step : t->watch.plan->steps,
        t->request.options.held ? ", the best" : "", train_watch_rate(&t->watch),
        device_gemm(t->request.session.device), precision_name(device_precision(t->request.session.device)));
}

/* What a run has left that ended before its time; --resume does not help one whose numbers went wrong. */
static void say_left(const struct train *t, int rc, struct err *err)
{
    const struct err problem = *err;
    const size_t kept = training_kept(t->training), steps = training_plan(t->training)->steps;
    if (rc == ERR_CANCELLED && kept)
        message("interrupted: --resume goes on after step %zu of %zu", kept, steps);
    else if (rc == ERR_CANCELLED)
        message("interrupted before the first step: nothing is kept");
    else if (kept && rc != ERR_LIMIT)
        err_set(err, rc, "%s; --resume goes on after step %zu of %zu", problem.msg, kept, steps);
}

/* What is in OUT stays, whatever becomes of the question. */
static int ask_again(struct train *t, const struct job *job, struct err *err)
{
    int rc = train_forgotten_after(&t->forgotten, &t->request, job, err);
    if (!rc && t->forgotten.path)
        rc = train_watch_forgotten(&t->watch, &t->forgotten, err);
    if (rc)
        err_wrap(err, "'%s' is whole, and what it has forgotten not known", t->request.options.out);
    return rc;
}

static int learn(struct train *t, const struct job *job, struct err *err)
{
    const struct training_visitor visitor = {train_watch_step, train_watch_validation, &t->watch};
    t->watch = (struct train_watch){.progress = &t->request.session.progress,
        .quiet = t->request.session.quiet,
        .plan = training_plan(t->training),
        .log_path = t->request.log,
        .page_path = t->request.page,
        .name = t->request.options.out};
    int rc = train_watch_open(&t->watch, err);
    if (!rc)
        rc = train_forgotten_before(&t->forgotten, &t->request, job, err);
    return rc ? rc : training_run(t->training, &visitor, job, err);
}

static int train(struct train *t, struct err *err)
{
    const struct training_plan *plan = training_plan(t->training);
    const bool quiet = t->request.session.quiet;
    if (plan->over) {
        if (!quiet)
            message("'%s' is whole: the run that wrote it had no time to say so", t->request.options.out);
        return training_run(t->training, NULL, NULL, err);
    }
    if (!quiet)
        say_plan(t, plan);
    const struct job job =
        progress_job(&t->request.session.progress, t->request.session.loader_options.threads);
    int rc = learn(t, &job, err);
    progress_clear(&t->request.session.progress);
    if (rc)
        say_left(t, rc, err);
    else if (!quiet)
        say_written(t);
    if (!rc)
        rc = ask_again(t, &job, err);
    const int closed = train_watch_close(&t->watch, rc ? NULL : err);
    progress_clear(&t->request.session.progress);
    return rc ? rc : closed;
}

int cmd_train(int argc, char **argv)
{
    struct train t = {.request = {.session = {.model_options = {.device = {.precision = "f32"}}},
                          .options = TRAINING_OPTIONS}};
    struct err err = {0};
    t.request.options.loader.batch = DEFAULT_BATCH;
    t.request.options.open_kinds = &t.request.open_kinds;
    options_parse(&train_argp, argc, argv, &t.request);
    session_begin(&t.request.session);

    const struct job job = session_job(&t.request.session);
    int rc = open_all(&t, &job, &err);
    if (!rc)
        rc = t.request.dry_run ? dry_run(&t, &job, &err) : train(&t, &err);
    output_flush();
    t.request.session.failed = t.set.failed + t.held.failed + t.forgotten.pictures.list.failed +
                               t.forgotten.before.failed + (t.training ? training_failed(t.training) : 0);
    training_free(t.training);
    train_forgotten_release(&t.forgotten);
    training_set_release(&t.held);
    training_set_release(&t.set);
    strings_release(&t.templates);
    strings_release(&t.request.open_kinds);
    strings_release(&t.request.exclude.excludes.patterns);
    return session_close(&t.request.session, "train", rc, &err);
}
