// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/probe.h"
#include "cli/session.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOP = 5, KEY_SCORES = 256, KEY_THRESHOLD, KEY_PROBE };

/* What the command line asks for, and what is opened to do it. */
struct classify {
    struct session session;
    struct picture_arguments pictures;
    struct label_options labels;
    const char *probe; /* NULL: labels are texts */
    size_t top;        /* 0: DEFAULT_TOP, or with a threshold all that reach it */
    enum label_scores scores;
    double threshold; /* -INFINITY: none */
    int format;
    struct preview preview;

    struct picture_list list;
    struct classifier *classifier;
    struct label_output output;
    struct prediction *best; // (top)
};

/* ---- options ------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {OPTION_NULL, GROUP_PICTURES},
    {"probe", KEY_PROBE, "FILE", 0,
        "Take labels and what was learned about them from a file of 'diptych probe fit', instead of --labels",
        1},
    {"top", 'k', "K", 0, "Show the K best labels of a picture (default: 5, with --threshold all)",
        GROUP_OUTPUT},
    {"scores", KEY_SCORES, "model|cosine|softmax|independent", 0,
        "What the number of a label is: cosine; softmax, shares of all labels; independent, each label by "
        "itself, "
        "whatever the others: of a model made for it the sigmoid, else its share against \"" LABEL_NEUTRAL
        "\" in the same prompts; or model, what the model was made for (default)",
        GROUP_OUTPUT},
    {"threshold", KEY_THRESHOLD, "X", 0,
        "Show the labels alone whose number is at least X, a share from 0 to 1 or a cosine; a picture may "
        "have none",
        GROUP_OUTPUT},
    {"format", 'f', "table|tsv|json", 0, "How to print; json is one object a line (default: table)",
        GROUP_OUTPUT},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct classify *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->labels;
        state->child_inputs[1] = &c->preview;
        state->child_inputs[2] = &c->pictures.exclude;
        state->child_inputs[3] = &c->session;
        state->child_inputs[4] = &c->session.quiet;
        return 0;
    case 'k':
        c->top = option_number(state, "top", argument, 1, SIZE_MAX);
        return 0;
    case KEY_SCORES:
        c->scores = (enum label_scores)option_choice(state, "scores", argument);
        return 0;
    case KEY_PROBE:
        c->probe = argument;
        return 0;
    case KEY_THRESHOLD:
        c->threshold = option_real(state, "threshold", argument, -1, 1);
        return 0;
    case 'f':
        c->format = option_choice(state, "format", argument);
        return 0;
    case '0':
        c->pictures.null = true;
        return 0;
    case ARGP_KEY_ARGS:
        picture_arguments_take(&c->pictures, state);
        return 0;
    case ARGP_KEY_END:
        if (!c->pictures.count)
            argp_error(state, "no pictures: name files, folders, or - for a list on standard input");
        if (!c->labels.labels && !c->probe)
            argp_error(state, "no labels: say --labels cat,dog or --labels FILE");
        if (c->probe && (c->labels.labels || c->labels.templates))
            argp_error(state, "--probe has labels of its own: --labels and --templates are of no use");
        if (c->probe && c->scores != LABEL_SCORES_OF_MODEL)
            argp_error(state, "--scores is of labels that are texts, not of a probe");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0},
    {&preview_argp, 0, NULL, GROUP_OUTPUT}, {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0},
    {&common_argp, 0, "", -1}, {0}};

const struct argp classify_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "PATH... --labels LIST|FILE\nPATH... --probe FILE",
    .doc =
        "Say what pictures show, without training: every label becomes a text, and the picture's "
        "embedding is compared with the texts'. PATH is a picture, a folder (with all pictures below it, "
        "whatever they are called), or - for a list of paths on standard input, one a line.\n\n"
        "  diptych classify holiday/ --labels cat,dog,\"traffic light\"\n"
        "  diptych classify 'shards/{00000..00012}.tar' -l labels.txt -f tsv\n"
        "  find . -name '*.jpg' -print0 | diptych classify -0 - -l labels.txt -f json\n"
        "  diptych classify garden/ --probe flowers.probe\v" HELP_SHARDS "\n\nPictures come out "
        "in the order they went in. One that cannot be read is reported and does not stop the others; in "
        "json its line has an \"error\", otherwise the reason is on stderr. A JPEG that is damaged and was "
        "read all "
        "the same has a \"warning\" in the same places. One that is unlike all that the "
        "model was made for, as a photograph is to the model that comes with Diptych, has \"outside\": true "
        "there, and stderr says once how to get another model.\n\n"
        "Exit status: 0 all pictures have labels, 1 some failed, 2 cannot start.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Lists first, device after: a file that is not there shows at once. */
static int open_all(struct classify *c, struct err *err)
{
    const struct job job = session_job(&c->session);
    struct strings labels = {0}, templates = {0};
    struct probe probe = {0};
    int rc = c->probe ? probe_load(&probe, c->probe, err)
                      : labels_read(&labels, &templates, &c->labels, &job, err);
    if (!rc)
        rc = picture_arguments_list(&c->list, &c->pictures, &job, err);
    if (!rc)
        rc = session_open(&c->session, err);
    c->session.failed = c->list.failed;
    if (!rc && c->probe)
        rc = probe_open(&c->classifier, &c->session, &probe, c->probe, err);
    else if (!rc)
        rc = labels_encode(&c->classifier, &c->session, &labels, &templates, c->scores, err);
    if (!rc && !c->probe)
        session_say_score(&c->session, classifier_score(c->classifier), "label");
    if (!rc && labels.count == 1 && classifier_score(c->classifier) == SCORE_SOFTMAX) {
        progress_clear(&c->session.progress);
        message("'%s' alone gets 100 %% of every picture: name what else they may show", labels.items[0]);
    }
    probe_release(&probe);
    strings_release(&templates);
    strings_release(&labels);
    return rc;
}

/* ---- classifying --------------------------------------------------------------------------------------- */

static int print_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct classify *c = context;
    const size_t width = model_width(c->session.model);
    const bool *outside = encoder_outside(c->session.encoder);
    int rc = 0;
    for (size_t i = 0; i < batch->count && !rc; i++) {
        const char *path = c->list.paths.items[batch->first + i];
        if (batch->errs[i].code) {
            rc = output_failure(&c->output.base, "classify/1", path, batch->errs[i].msg, err);
            c->session.failed++;
        } else {
            classifier_rank(c->classifier, c->best, c->top, embeddings);
            rc = output_labels(&c->output, path, c->best,
                classifier_reached(c->classifier, c->best, c->top, c->threshold), *outside++,
                batch->errs[i].msg, err);
            embeddings += width;
        }
        c->session.done++;
    }
    return rc;
}

static int classify_all(struct classify *c, struct err *err)
{
    const size_t labels = classifier_labels(c->classifier);
    if (!c->top)
        c->top = isfinite(c->threshold) ? labels : DEFAULT_TOP;
    c->top = c->top < labels ? c->top : labels;
    label_output_init(&c->output, c->format, c->classifier, c->top);
    preview_begin(&c->preview, c->format == OUTPUT_TABLE, &c->session.loader_options.picture);
    c->output.base.preview = c->preview;
    c->best = mem_new(c->top, sizeof *c->best);
    if (!c->best)
        return err_memory(err, c->top * sizeof *c->best);
    return session_pictures(&c->session, &c->list, c->list.paths.count, print_batch, c, err);
}

int cmd_classify(int argc, char **argv)
{
    struct classify c = {.threshold = -INFINITY};
    struct err err = {0};
    options_parse(&classify_argp, argc, argv, &c);
    session_begin(&c.session);

    int rc = open_all(&c, &err);
    if (!rc)
        rc = classify_all(&c, &err);
    if (!c.session.quiet) {
        progress_clear(&c.session.progress);
        passed_over_put(&c.list.passed);
    }
    free(c.best);
    classifier_free(c.classifier);
    picture_list_release(&c.list);
    strings_release(&c.pictures.exclude.excludes.patterns);
    return session_end(&c.session, "classify", rc, &err);
}
