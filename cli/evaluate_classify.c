// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    struct label_options labels;
    const char **paths; // (path_count)
    size_t path_count;
    struct labelled_options options;
    const char *html;
    int format;

    struct labelled_pictures pictures;
    struct classifier *classifier;
    struct exclude_options exclude;
    struct new_file page;
    struct class_evaluation result;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_CLASSES = 0x100, KEY_ALLOW_MISSING, KEY_SEPARATOR, KEY_HTML };

static const struct argp_option options[] = {
    {"classes", KEY_CLASSES, "FILE", 0,
        "The labels of folders, or of classes in CSV or archives, whose names are no labels: "
        "\"n01440764<TAB>tench\" a line. Classes of one label are one",
        1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0,
        "Leave out what has no label and pictures that are not there, and keep labels without pictures to "
        "choose from",
        1},
    {"images", 'i', "DIR", 0, "The paths in a CSV are below DIR (default: where the CSV is)", 1},
    {"separator", KEY_SEPARATOR, "TEXT", 0,
        "What stands between the labels of a picture in a CSV, ' ' for blanks, '' for nothing (default: ; or "
        "|)",
        1},
    {"format", 'f', "FORMAT", 0, "table, tsv (a line a class) or json (default: table)", 3},
    {"html", KEY_HTML, "FILE", 0, "Write the report as a page too, with the worst mistakes to look at", 3},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluation *e = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &e->labels;
        state->child_inputs[1] = &e->exclude;
        state->child_inputs[2] = &e->session;
        state->child_inputs[3] = &e->session.quiet;
        return 0;
    case 'f':
        e->format = option_choice(state, "format", argument, output_formats);
        return 0;
    case KEY_CLASSES:
        e->options.classes = option_input(state, argument);
        return 0;
    case KEY_ALLOW_MISSING:
        e->options.allow_missing = true;
        return 0;
    case KEY_SEPARATOR:
        e->options.separator = argument;
        return 0;
    case 'i':
        e->options.folder = argument;
        return 0;
    case KEY_HTML:
        e->html = option_page(state, argument);
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
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&label_argp, 0, NULL, 0}, {&exclude_argp, 0, NULL, 0},
    {&session_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR|CSV|TAR... [--labels LIST|FILE]",
    .doc =
        "Measure classification: every picture gets the label that fits it best, as in 'diptych classify'. "
        "acc@1 is the share that get the right one, acc@5 that have it among the best five, and mean "
        "per-class recall is the mean of the classes' acc@1; where pictures have several labels, it is "
        "average "
        "precision by label and its mean instead. What is right says\n\n"
        "  DIR  a folder for each class, whose name is the label of all pictures below it. Where DIR has "
        "train, val and test folders, those of test or val are taken\n"
        "  CSV  path,label a line, with a header or without; several labels of a picture as cat;dog, as "
        "lines of one path, or as columns of 0 and 1\n"
        "  TAR  WebDataset's archives of pictures, each with a .cls beside it: the number of its label, from "
        "0, or its name. DIR may be CLIP_benchmark's layout of them, with classnames.txt and templates\n\n"
        "Without --labels the names there are the labels; those of a data set know its folders "
        "(n01440764, apple_pie), too.\n\n"
        "  diptych evaluate classify animals/ --html report.html\n"
        "  diptych evaluate classify imagenet/ --labels @imagenet -f json\n"
        "  diptych evaluate classify test.csv --images photos/\n"
        "  diptych evaluate classify wds_cifar10/\n"
        "  diptych evaluate classify shards/{00..12}.tar --labels names.txt\v"
        "The model runs in f32 unless --precision says otherwise. A picture that cannot be "
        "read is reported and left out; the numbers are those of the rest. A class without pictures has "
        "no recall and does not count in the mean; where pictures have several labels it counts as 0, as in "
        "CLIP_benchmark and scikit-learn.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int read_pictures(struct evaluation *e, const struct job *job, struct err *err)
{
    e->options.labels = e->labels.labels;
    e->options.excludes = &e->exclude.excludes;
    const int rc = labelled_pictures_read(&e->pictures, e->paths, e->path_count, &e->options, job, err);
    if (rc && e->pictures.may_go_on) {
        const struct err problem = *err;
        err_set(err, rc, "%s; --allow-missing goes on all the same", problem.msg);
    }
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
    struct strings templates = {0};
    int rc = read_pictures(e, job, err);
    if (!rc)
        rc = read_templates(e, &templates, err);
    if (!rc && e->html)
        rc = new_file_open(&e->page, e->html, err);
    if (!rc)
        rc = session_open(&e->session, err);
    if (!rc)
        rc = session_loader(&e->session, err);
    if (!rc)
        rc = labels_encode(
            &e->classifier, &e->session, &e->pictures.labels, &templates, LABEL_SCORES_OF_MODEL, err);
    strings_release(&templates);
    return rc;
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static int report(struct evaluation *e, struct err *err)
{
    const struct class_report report = {
        .session = &e->session,
        .pictures = &e->pictures,
        .classifier = e->classifier,
        .result = &e->result,
    };
    progress_clear(&e->session.progress);
    int rc = class_report_print(&report, e->format, err);
    output_flush(); /* so that the summary comes last */
    if (!e->session.quiet)
        passed_over_put(&e->pictures.list.passed);
    if (rc || !e->html)
        return rc;
    progress_note(&e->session.progress, "writing the page");
    rc = class_report_html(e->page.stream, &report, err);
    if (!rc)
        rc = new_file_close(&e->page, true, err);
    progress_clear(&e->session.progress);
    return rc;
}

static int evaluate(struct evaluation *e, struct err *err)
{
    const struct job job = session_job(&e->session);
    int rc = open_all(e, &job, err);
    if (!rc)
        rc = class_evaluate(
            &e->result, e->session.encoder, e->session.loader, e->classifier, &e->pictures, &job, err);
    e->session.done = e->result.count + e->result.failed;
    e->session.failed = e->result.failed + e->pictures.list.failed;
    return rc ? rc : report(e, err);
}

int evaluate_classify(int argc, char **argv)
{
    struct evaluation e = {.session = {.model_options = {.device = {.precision = "f32"}}}};
    struct err err = {0};
    options_parse(&argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    new_file_close(&e.page, false, NULL);
    class_evaluation_release(&e.result);
    classifier_free(e.classifier);
    labelled_pictures_release(&e.pictures);

    strings_release(&e.exclude.excludes.patterns);
    return session_end(&e.session, "evaluate", rc, &err);
}
