// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/data_set.h"
#include "cli/evaluate.h"
#include "cli/json.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/probe.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    struct label_options labels;
    const char **paths; // (path_count)
    size_t path_count;
    struct labelled_options options;
    const char *html, *predictions;
    struct evaluate_options common;
    const char *probe_path; /* NULL: labels are texts */
    struct probe probe;
    const char *reproduced; /* the name of a model; NULL: nothing is compared */
    struct published published;
    bool other_model;

    struct labelled_pictures pictures;
    struct exclude_options exclude;
    struct new_file page, lines;
    size_t models;
    struct class_evaluation *results; // (models)
    json_t **about;                   // (models)
    struct bootstrap_score *sure;     // (models, CLASS_RATES)
    double *values;                   // likewise
    bool unsure;                      /* there are no intervals */
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_HTML = 0x100, KEY_PREDICTIONS, KEY_REPRODUCE, KEY_PROBE };

static const struct argp_option options[] = {
    {"probe", KEY_PROBE, "FILE", 0, "Measure a probe of 'diptych probe fit' instead, with its labels", 1},
    {"html", KEY_HTML, "FILE", 0, "Write the report as a page too, with the worst mistakes to look at", 3},
    {"predictions", KEY_PREDICTIONS, "FILE", 0,
        "Write what became of each picture too, a line each with its five best labels, their probabilities "
        "and cosines (logits of a probe): FILE.jsonl or FILE.tsv",
        3},
    {"reproduce", KEY_REPRODUCE, "NAME", 0,
        "Compare acc@1 with what was published of the model NAME, ARCHITECTURE/TAG as open_clip names it, on "
        "the data set of --labels; it is the model that is measured unless --model says otherwise",
        3},
    {0},
};

static bool has_suffix(const char *name, const char *suffix)
{
    const size_t length = strlen(name), of_suffix = strlen(suffix);
    return length > of_suffix && !strcmp(name + length - of_suffix, suffix);
}

/* Finds the published figure, and names the model that it is of. */
static void check_reproduced(struct argp_state *state, struct evaluation *e)
{
    struct err err;
    if (!e->labels.labels || !data_set_named(e->labels.labels))
        argp_error(state, "--reproduce takes the labels of a data set: --labels @imagenet or so");
    if (e->common.models.count > 1)
        argp_error(state, "--reproduce is of one model, not of several");
    if (published_find(&e->published, e->reproduced, e->labels.labels + 1, &err))
        argp_failure(state, STATUS_CANNOT, 0, "%s", err.msg);
    e->other_model = e->common.models.count;
    if (!e->other_model)
        e->session.model_options.directory = e->published.model;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluation *e = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &e->labels;
        state->child_inputs[1] = &e->options;
        state->child_inputs[2] = &e->exclude;
        state->child_inputs[3] = &e->common;
        state->child_inputs[4] = &e->session;
        state->child_inputs[5] = &e->session.quiet;
        return 0;
    case KEY_PROBE:
        e->probe_path = argument;
        return 0;
    case KEY_HTML:
        e->html = option_page(state, argument);
        return 0;
    case KEY_PREDICTIONS:
        if (!has_suffix(argument, ".jsonl") && !has_suffix(argument, ".tsv"))
            argp_error(state, "--predictions takes a FILE.jsonl or FILE.tsv, not '%s'", argument);
        e->predictions = argument;
        return 0;
    case KEY_REPRODUCE:
        e->reproduced = argument;
        return 0;
    case ARGP_KEY_ARGS:
        e->paths = (const char **)state->argv + state->next;
        e->path_count = (size_t)(state->argc - state->next);
        for (size_t i = 0; i < e->path_count; i++)
            option_input(state, e->paths[i]);
        return 0;
    case ARGP_KEY_END:
        if (!e->path_count)
            argp_error(state, "no pictures: name a folder of class folders, a CSV or archives");
        if (e->options.classes && e->labels.labels && data_set_named(e->labels.labels))
            argp_error(
                state, "'%s' says which folders have which labels: --classes cannot, too", e->labels.labels);
        if (e->session.model_options.variant && e->common.models.count > 1)
            argp_error(state, "--variant is of one model, not of several");
        if (e->reproduced)
            check_reproduced(state, e);
        if (e->probe_path && (e->labels.labels || e->labels.templates))
            argp_error(state, "--probe has labels of its own: --labels and --templates are of no use");
        if (e->probe_path && e->common.models.count > 1)
            argp_error(state, "--probe is of one model, not of several");
        if (e->predictions && e->common.models.count > 1)
            argp_error(state, "--predictions is a file of one model, not of several");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&data_set_argp, 0, NULL, 0},
    {&exclude_argp, 0, NULL, 0}, {&evaluate_options_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0},
    {&common_argp, 0, "", -1}, {0}};

const struct argp evaluate_classify_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR|CSV|TAR... [--labels LIST|FILE]",
    .doc =
        "Measure classification: every picture gets the label that fits it best, as in 'diptych classify'. "
        "acc@1 is the share that get the right one, acc@5 that have it among the best five, and mean "
        "per-class recall is the mean of the classes' acc@1; where pictures have several labels, it is "
        "average precision by label and its mean instead. What is right says\n\n"
        "  DIR  a folder for each class, whose name is the label of all pictures below it. Where DIR has "
        "train, val and test folders, those of test or val are taken\n" HELP_DATA_SET "\n\n"
        "Without --labels the names there are the labels; those of a data set know its folders (n01440764, "
        "apple_pie), too.\n\n"
        "  diptych evaluate classify animals/ --html report.html\n"
        "  diptych evaluate classify imagenet/ --labels @imagenet -f json\n"
        "  diptych evaluate classify test.csv --images photos/\n"
        "  diptych evaluate classify wds_cifar10/\n"
        "  diptych evaluate classify shards/{00..12}.tar --labels names.txt\n"
        "  diptych evaluate classify animals/ --model one/ --model two/\v"
        "Intervals are 95 % of bootstrap samples of the pictures; with --model again the models are measured "
        "on the same pictures, and what the others differ by from the first has an interval and p by the "
        "same samples, as 'diptych score --compare' has them.\n\n"
        "The model runs in f32 unless --precision says otherwise. A picture that cannot be read is reported "
        "and left out; the numbers are those of the rest. A class without pictures has no recall and does "
        "not count in the mean; where pictures have several labels it counts as 0, as in CLIP_benchmark and "
        "scikit-learn.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int read_pictures(struct evaluation *e, const struct job *job, struct err *err)
{
    e->options.labels = e->labels.labels;
    e->options.names = e->probe_path ? &e->probe.labels : NULL;
    e->options.excludes = &e->exclude.excludes;
    const int rc = labelled_pictures_read(&e->pictures, e->paths, e->path_count, &e->options, job, err);
    if (rc)
        data_set_advise(&e->pictures, err);
    if (e->session.quiet || rc)
        return rc;
    progress_clear(&e->session.progress);
    for (size_t i = 0; i < e->pictures.left_out.count; i++)
        message("%s", e->pictures.left_out.items[i]);
    return 0;
}

/* The templates that somebody names, else those of the data set that the labels are, else of the one that is measured. */
static int read_templates(struct evaluation *e, struct strings *templates, struct err *err)
{
    const struct strings *own = &e->pictures.templates;
    int rc = templates_read(templates, &e->labels, err);
    const bool none = !templates->count;
    for (size_t i = 0; i < own->count && !rc && none; i++)
        rc = strings_add(templates, own->items[i], strlen(own->items[i]), err);
    return rc;
}

/* Lists first, device after: what is not there shows at once. */
static int open_all(struct evaluation *e, const struct job *job, struct err *err)
{
    int rc = e->probe_path ? probe_load(&e->probe, e->probe_path, err) : 0;
    if (!rc)
        rc = read_pictures(e, job, err);
    if (!rc && e->predictions && e->pictures.several)
        rc = err_set(err, ERR_ARGUMENT, "--predictions is of pictures that have one label each");
    if (!rc && e->reproduced && e->pictures.several)
        rc = err_set(err, ERR_ARGUMENT, "what was published is of pictures that have one label each");
    if (!rc && e->html)
        rc = new_file_open(&e->page, e->html, err);
    if (!rc && e->predictions)
        rc = new_file_open(&e->lines, e->predictions, err);
    e->models = evaluate_models(&e->common);
    e->results = mem_new(e->models, sizeof *e->results);
    e->about = mem_new(e->models, sizeof(json_t *));
    e->sure = mem_new(e->models * CLASS_RATES, sizeof *e->sure);
    e->values = mem_new(e->models * CLASS_RATES, sizeof *e->values);
    if (!rc && !(e->results && e->about && e->sure && e->values))
        rc = err_memory(err, e->models * sizeof *e->results);
    return rc;
}

/* ---- measuring ----------------------------------------------------------------------------------------- */

static int open_classifier(struct classifier **out, struct evaluation *e, struct err *err)
{
    struct strings templates = {0};
    if (e->probe_path)
        return probe_open(out, &e->session, &e->probe, e->probe_path, err);
    int rc = read_templates(e, &templates, err);
    if (!rc)
        rc = labels_encode(out, &e->session, &e->pictures.labels, &templates, LABEL_SCORES_OF_MODEL, err);
    strings_release(&templates);
    return rc;
}

static int evaluate_model(struct evaluation *e, size_t model, const struct job *job, struct err *err)
{
    struct class_evaluation *result = &e->results[model];
    struct classifier *classifier = NULL;
    int rc = evaluate_open(&e->session, &e->common, model, err);
    if (!rc)
        rc = open_classifier(&classifier, e, err);
    if (!rc)
        rc =
            class_evaluate(result, e->session.encoder, e->session.loader, classifier, &e->pictures, job, err);
    e->session.done += result->count + result->failed;
    e->session.failed += result->failed;
    if (!rc) {
        if (e->pictures.several)
            e->values[model] = result->precisions.mean;
        else
            class_rates(&e->values[model * CLASS_RATES], &result->scores);
        e->about[model] = evaluate_json(&e->session);
        rc = e->about[model] ? 0 : err_memory(err, 0);
    }
    classifier_free(classifier);
    return rc;
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static const char *const titles[CLASS_RATES] = {
    [CLASS_ACC1] = "acc@1", [CLASS_ACC5] = "acc@5", [CLASS_RECALL] = "mean per-class recall"};
static const char *const keys[CLASS_RATES] = {
    [CLASS_ACC1] = "acc1", [CLASS_ACC5] = "acc5", [CLASS_RECALL] = "mean_per_class_recall"};

/* Of pictures with several labels. */
static const char *const several_titles[] = {"mean average precision"}, *const several_keys[] = {
                                                                            "mean_average_precision"};

static int write_page(struct evaluation *e, const struct class_report *report, struct err *err)
{
    progress_note(&e->session.progress, "writing the page");
    int rc = class_report_html(e->page.stream, report, err);
    if (!rc)
        rc = new_file_close(&e->page, true, err);
    progress_clear(&e->session.progress);
    return rc;
}

static int write_predictions(struct evaluation *e, const struct class_report *report, struct err *err)
{
    const int rc =
        class_report_predictions(e->lines.stream, report, has_suffix(e->predictions, ".jsonl"), err);
    return rc ? rc : new_file_close(&e->lines, true, err);
}

static int report(struct evaluation *e, struct err *err)
{
    const char *const *names = (const char *const *)e->common.models.items;
    const bool several = e->pictures.several;
    const struct rates rates = {
        .titles = several ? several_titles : titles,
        .keys = several ? several_keys : keys,
        .count = several ? 1 : CLASS_RATES,
        .models = e->models,
        .names = names ? names : &e->session.directory,
        .values = e->values,
        .sure = e->unsure ? NULL : e->sure,
        .samples = e->common.samples,
        .seed = e->common.seed,
    };
    const struct class_report report = {
        .picture_options = &e->session.loader_options.picture,
        .pictures = &e->pictures,
        .data_set = e->labels.labels && data_set_named(e->labels.labels) ? e->labels.labels + 1 : e->paths[0],
        .results = e->results,
        .about = e->about,
        .rates = &rates,
        .published = e->reproduced ? &e->published : NULL,
        .logits = e->probe_path,
        .differs = {e->other_model, e->labels.templates, e->session.loader_options.fast_decode},
    };
    progress_clear(&e->session.progress);
    int rc = class_report_print(&report, e->common.format, err);
    output_flush(); /* so that the summary comes last */
    if (!e->session.quiet)
        passed_over_put(&e->pictures.list.passed);
    if (!rc && e->predictions)
        rc = write_predictions(e, &report, err);
    if (!rc && e->html)
        rc = write_page(e, &report, err);
    return rc;
}

/* Too many labels and pictures have no interval. */
static int bootstrap(struct evaluation *e, const struct job *job, struct err *err)
{
    const size_t samples = e->common.samples, seed = e->common.seed;
    if (!e->pictures.several)
        return class_bootstrap(e->sure, e->results, e->models, samples, seed, job, err);
    const int rc = precisions_bootstrap(e->sure, e->results, e->models, samples, seed, job, err);
    e->unsure = rc == ERR_LIMIT;
    return e->unsure ? 0 : rc;
}

static int evaluate(struct evaluation *e, struct err *err)
{
    const struct job job = session_job(&e->session);
    int rc = open_all(e, &job, err);
    for (size_t model = 0; model < e->models && !rc; model++)
        rc = evaluate_model(e, model, &job, err);
    e->session.failed += e->pictures.list.failed;
    if (!rc)
        rc = bootstrap(e, &job, err);
    return rc ? rc : report(e, err);
}

int evaluate_classify(int argc, char **argv)
{
    struct evaluation e = {
        .session = {.model_options = {.device = {.precision = "f32"}}}, .common = EVALUATE_OPTIONS};
    struct err err = {0};
    e.session.model_options.all = &e.common.models;
    options_parse(&evaluate_classify_argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    new_file_close(&e.page, false, NULL);
    new_file_close(&e.lines, false, NULL);
    for (size_t model = 0; model < e.models; model++) {
        if (e.about)
            json_decref(e.about[model]);
        if (e.results)
            class_evaluation_release(&e.results[model]);
    }
    free(e.values);
    free(e.sure);
    free(e.about);
    free(e.results);
    labelled_pictures_release(&e.pictures);
    probe_release(&e.probe);
    strings_release(&e.common.models);
    strings_release(&e.exclude.excludes.patterns);
    return session_end(&e.session, "evaluate", rc, &err);
}
