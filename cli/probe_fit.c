// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/data_set.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/probe.h"
#include "cli/text.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { SHOTS_MAX = 32 };

/* What the command line asks for, and what comes of it. */
struct fitting {
    struct session session;
    struct label_options labels;
    struct lesson_options options;
    struct exclude_options exclude;
    const char **paths; // (path_count)
    size_t path_count;
    const char *out, *class_weights;
    struct probe_options probe_options;
    int start;       /* a row of starts */
    double hold_out; /* below 0: HOLD_OUT where something is to be chosen */
    size_t seed, draws, shots[SHOTS_MAX], shot_count;
    int format;

    struct lesson lesson;
    struct classifier *zero_shot;
    float *scaled;   // (labels, E): zero-shot vectors times the model's scale
    double *weights; // (labels)
};

static const double default_hold_out = 0.2;
enum { DEFAULT_DRAWS = 5, START_ZERO = 0, START_ZERO_SHOT };

/* ---- options ------------------------------------------------------------------------------------------- */

enum {
    KEY_C = 0x100,
    KEY_TOLERANCE,
    KEY_ITERATIONS,
    KEY_CLASS_WEIGHTS,
    KEY_START,
    KEY_HOLD_OUT,
    KEY_SEED,
    KEY_VALIDATION,
    KEY_TEST,
    KEY_SHOTS,
    KEY_SEEDS
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write the probe to FILE", 0},
    {"validation", KEY_VALIDATION, "PATH", 0,
        "Pictures to choose C and the temperature by (default: the validation part, or those of --hold-out)",
        1},
    {"test", KEY_TEST, "PATH", 0,
        "Pictures to measure the probe with (default: the test part, if there is one)", 1},
    {NULL, 0, NULL, 0, "Learning:", 2},
    {"c", KEY_C, "C", 0,
        "Inverse of the penalty's strength, as scikit-learn's (default: the best of 10^-6 to 10^6 on the "
        "validation pictures)",
        2},
    {"start", KEY_START, "zero|zero-shot", 0,
        "What weights are drawn to: zero, as scikit-learn has it, or zero-shot, the texts of the labels, "
        "which "
        "is better for few pictures (default: zero)",
        2},
    {"class-weights", KEY_CLASS_WEIGHTS, "balanced|FILE", 0,
        "What a picture of a label counts: balanced gives all labels the same sum, FILE has "
        "\"label<TAB>weight\" "
        "lines (default: 1)",
        2},
    {"hold-out", KEY_HOLD_OUT, "SHARE", 0,
        "Where there are no validation pictures, take this share of each label's (default: 0.2, with --c 0)",
        2},
    {"tolerance", KEY_TOLERANCE, "X", 0, "End when no element of the gradient is above X (default: 0.0001)",
        2},
    {"iterations", KEY_ITERATIONS, "N", 0, "End after N steps (default: 1000)", 2},
    {"seed", KEY_SEED, "N", 0, "Seed of what is drawn (default: 0)", 2},
    {NULL, 0, NULL, 0, "Few pictures:", 3},
    {"shots", KEY_SHOTS, "N,N...", 0,
        "Write no probe, but say how good one is with N pictures a label: beside zero-shot, Tip-Adapter, and "
        "a probe "
        "with --start zero-shot (blend)",
        3},
    {"seeds", KEY_SEEDS, "N", 0, "Mean and deviation of N draws (default: 5)", 3},
    {"format", 'f', "table|tsv|json", 0, "How to print it; tsv goes with --shots (default: table)",
        GROUP_OUTPUT},
    {0},
};

static void take_shots(struct argp_state *state, struct fitting *f, const char *argument)
{
    struct span rest = span_of(argument);
    uint32_t number;
    f->shot_count = 0;
    do {
        if (f->shot_count == SHOTS_MAX || !span_take_number(&number, &rest) || !number)
            argp_error(state, "--shots takes numbers with commas between, as 1,2,4, not '%s'", argument);
        f->shots[f->shot_count++] = number;
    } while (span_take(&rest, ","));
    if (rest.length)
        argp_error(state, "--shots takes numbers with commas between, as 1,2,4, not '%s'", argument);
}

static void take_weights(struct argp_state *state, struct fitting *f, const char *argument)
{
    f->probe_options.fit.balanced = !strcmp(argument, "balanced");
    f->class_weights = f->probe_options.fit.balanced ? NULL : option_input(state, argument);
}

static void check(struct argp_state *state, const struct fitting *f)
{
    if (!f->path_count)
        argp_error(state, "no pictures: name a folder of class folders, a CSV or archives");
    if (!f->out && !f->shot_count)
        argp_error(state, "no file for the probe: say -o FILE, or --shots to only measure");
    if (f->shot_count && (f->out || f->probe_options.fit.c > 0 || f->start))
        argp_error(state, "--shots measures what --c and --start would choose, and writes no probe");
    if (f->draws && !f->shot_count)
        argp_error(state, "--seeds is of --shots: a probe is learned once");
    if (f->format == OUTPUT_TSV && !f->shot_count)
        argp_error(state, "-f tsv is of --shots: a probe has table or json");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct fitting *f = state->input;
    struct probe_fit_options *fit = &f->probe_options.fit;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &f->labels;
        state->child_inputs[1] = &f->options.labelled;
        state->child_inputs[2] = &f->exclude;
        state->child_inputs[3] = &f->session;
        state->child_inputs[4] = &f->session.quiet;
        return 0;
    case 'o':
        f->out = argument;
        return 0;
    case KEY_VALIDATION:
        f->options.validation = option_input(state, argument);
        return 0;
    case KEY_TEST:
        f->options.test = option_input(state, argument);
        return 0;
    case KEY_C:
        fit->c = option_real(state, "c", argument, 1e-12, 1e12);
        return 0;
    case KEY_START:
        f->start = option_choice(state, "start", argument);
        return 0;
    case KEY_CLASS_WEIGHTS:
        take_weights(state, f, argument);
        return 0;
    case KEY_HOLD_OUT:
        f->hold_out = option_real(state, "hold-out", argument, 0, 0.9);
        return 0;
    case KEY_TOLERANCE:
        fit->tolerance = option_real(state, "tolerance", argument, 1e-14, 1);
        return 0;
    case KEY_ITERATIONS:
        fit->iterations = option_number(state, "iterations", argument, 1, SIZE_MAX);
        return 0;
    case KEY_SEED:
        f->seed = option_number(state, "seed", argument, 0, SIZE_MAX);
        return 0;
    case KEY_SHOTS:
        take_shots(state, f, argument);
        return 0;
    case KEY_SEEDS:
        f->draws = option_number(state, "seeds", argument, 1, 10000);
        return 0;
    case 'f':
        f->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARGS:
        f->paths = (const char **)state->argv + state->next;
        f->path_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_END:
        check(state, f);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&data_set_argp, 0, NULL, 0},
    {&exclude_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp probe_fit_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR|CSV|TAR... -o FILE\nDIR|CSV|TAR... --shots N,N...",
    .doc =
        "Learn labels from pictures that have them: logistic regression on the model's embeddings, as "
        "scikit-learn's LogisticRegression has it; where pictures have several labels each label by itself. "
        "The "
        "model stays as it is. What the pictures show says\n\n"
        "  DIR  a folder for each class, whose name is the label of all pictures below it. Where DIR has "
        "train, val and test folders, it is learned from train, chosen by val and measured with "
        "test\n" HELP_DATA_SET "\n\n"
        "  diptych probe fit flowers/ -o flowers.probe\n"
        "  diptych classify garden/ --probe flowers.probe\n"
        "  diptych probe fit train.csv --test test.csv --start zero-shot -o flowers.probe\n"
        "  diptych probe fit flowers/ --shots 1,2,4,8,16\v"
        "C is found as for CLIP (appendix A.3 of its paper): seven values from 10^-6 to 10^6, then halfway "
        "between, "
        "down to eight a decade. The probe is then fitted once more on training and validation pictures "
        "together. Its "
        "probabilities are calibrated: logits are divided by the temperature that fits the validation "
        "pictures best "
        "(Guo et al. 2017). --labels and --templates are texts for --start zero-shot and --shots; the labels "
        "of a "
        "data set know its folders, too.\n\n"
        "The model runs in f32 unless --precision says otherwise. A picture that cannot be read is reported "
        "and left out.\n\n"
        "Exit status: 0 fitted, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int read_lesson(struct fitting *f, const struct job *job, struct err *err)
{
    f->options.labelled.labels = f->labels.labels;
    f->options.labelled.excludes = &f->exclude.excludes;
    const int rc = lesson_read(&f->lesson, f->paths, f->path_count, &f->options, job, err);
    progress_clear(&f->session.progress);
    for (int part = 0; part < LESSON_PARTS; part++) {
        const struct labelled_pictures *pictures = &f->lesson.parts[part];
        if (rc)
            data_set_advise(pictures, err);
        for (size_t i = 0; i < pictures->left_out.count && !f->session.quiet && !rc; i++)
            message("%s: %s", pictures->name, pictures->left_out.items[i]);
    }
    return rc;
}

/* The labels as texts, where they are wanted. */
static int open_zero_shot(struct fitting *f, struct err *err)
{
    const struct strings *labels = f->lesson.labels, *own = &f->lesson.parts[LESSON_TRAIN].templates;
    struct strings templates = {0};
    if (!f->shot_count && f->start != START_ZERO_SHOT)
        return 0;
    int rc = templates_read(&templates, &f->labels, err);
    const bool none = !templates.count;
    for (size_t i = 0; i < own->count && !rc && none; i++)
        rc = strings_add(&templates, own->items[i], strlen(own->items[i]), err);
    if (!rc)
        rc = labels_encode(&f->zero_shot, &f->session, labels, &templates, LABEL_SCORES_OF_MODEL, err);
    strings_release(&templates);
    return rc;
}

static int open_all(struct fitting *f, const struct job *job, struct err *err)
{
    int rc = read_lesson(f, job, err);
    if (!rc && f->class_weights)
        rc = class_weights_read(&f->weights, f->lesson.labels, f->class_weights, err);
    f->probe_options.fit.weights = f->weights;
    if (!rc)
        rc = session_open(&f->session, err);
    if (!rc)
        rc = session_loader(&f->session, err);
    return rc ? rc : open_zero_shot(f, err);
}

/* What there are too few pictures for. */
static void say_short(struct fitting *f)
{
    size_t most = 0;
    char names[LABEL_NAMES];
    for (size_t i = 0; i < f->shot_count; i++)
        most = f->shots[i] > most ? f->shots[i] : most;
    const size_t few = most ? lesson_short(names, &f->lesson, LESSON_TRAIN, most) : 0;
    progress_clear(&f->session.progress);
    if (few)
        message("%zu %s fewer than %zu pictures to learn from, and give%s all: %s", few,
            few > 1 ? "labels have" : "label has", most, few > 1 ? "" : "s", names);
    const size_t alone = f->lesson.held_out ? lesson_short(names, &f->lesson, LESSON_VALIDATION, 1) : 0;
    if (alone)
        message("%zu %s too few pictures to hold one out: %s", alone, alone > 1 ? "labels have" : "label has",
            names);
}

/* ---- learning ------------------------------------------------------------------------------------------ */

static int encode(struct fitting *f, const struct job *job, struct err *err)
{
    const bool choosing = f->probe_options.fit.c <= 0;
    const double hold_out = f->hold_out >= 0 ? f->hold_out : choosing ? default_hold_out : 0;
    const int rc =
        lesson_encode(&f->lesson, f->session.encoder, f->session.loader, hold_out, f->seed, job, err);
    f->session.failed = f->lesson.examples.failed;
    f->session.done = f->lesson.examples.count + f->lesson.examples.failed;
    if (!rc && !f->session.quiet)
        say_short(f);
    return rc;
}

static int use_zero_shot(struct fitting *f, struct err *err)
{
    const size_t size = f->lesson.labels->count * f->lesson.examples.width;
    const float *vectors = classifier_vectors(f->zero_shot), scale = model_score(f->session.model).scale;
    f->scaled = mem_new(size, sizeof *f->scaled);
    if (!f->scaled)
        return err_memory(err, size * sizeof *f->scaled);
    for (size_t i = 0; i < size; i++)
        f->scaled[i] = scale * vectors[i];
    f->probe_options.fit.start = f->scaled;
    return 0;
}

static int learn(struct fitting *f, const struct job *job, struct err *err)
{
    struct probe probe = {0};
    struct probe_report report;
    f->probe_options.made_from = f->paths[0];
    int rc = f->zero_shot ? use_zero_shot(f, err) : 0;
    if (!rc)
        rc = model_fingerprint(probe.model, f->session.model, err);
    if (!rc)
        rc = probe_learn(&probe, &report, &f->lesson, &f->probe_options, job, err);
    if (!rc)
        rc = probe_save(&probe, f->out, err);
    progress_clear(&f->session.progress);
    if (!rc && !report.converged)
        message("%zu steps were not enough: --iterations has more, and --tolerance less to do",
            report.iterations);
    if (!rc)
        rc = probe_report_print(f->out, &f->lesson, &report, f->format, err);
    probe_release(&probe);
    return rc;
}

static int measure_shots(struct fitting *f, const struct job *job, struct err *err)
{
    struct few_shot_row rows[SHOTS_MAX];
    const struct few_shot_options shots = {.shots = f->shots,
        .count = f->shot_count,
        .draws = f->draws ? f->draws : DEFAULT_DRAWS,
        .seed = f->seed,
        .zero_shot = classifier_vectors(f->zero_shot),
        .scale = model_score(f->session.model).scale,
        .fit = f->probe_options.fit};
    const int rc = few_shot_run(rows, &f->lesson, &shots, job, err);
    progress_clear(&f->session.progress);
    return rc ? rc : few_shot_print(rows, &shots, &f->lesson, f->format, err);
}

int probe_fit_command(int argc, char **argv)
{
    struct fitting f = {.session = {.model_options = {.device = {.precision = "f32"}}},
        .probe_options = {.fit = PROBE_FIT_OPTIONS},
        .hold_out = -1};
    struct err err = {0};
    f.probe_options.fit.c = 0;
    options_parse(&probe_fit_argp, argc, argv, &f);
    session_begin(&f.session);

    const struct job job = session_job(&f.session);
    int rc = open_all(&f, &job, &err);
    if (!rc)
        rc = encode(&f, &job, &err);
    if (!rc)
        rc = f.shot_count ? measure_shots(&f, &job, &err) : learn(&f, &job, &err);
    output_flush();
    free(f.weights);
    free(f.scaled);
    classifier_free(f.zero_shot);
    lesson_release(&f.lesson);
    strings_release(&f.exclude.excludes.patterns);
    return session_end(&f.session, "learn a probe", rc, &err);
}
