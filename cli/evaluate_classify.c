// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/labels.h"
#include "cli/output.h"
#include "cli/pictures.h"
#include "cli/text.h"

#include <stdio.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    struct label_options labels;
    const char *directory, *classes, *html;
    bool allow_missing;
    int format;

    struct image_folder folder;
    struct classifier *classifier;
    struct exclude_options exclude;
    struct new_file page;
    struct class_evaluation result;
};

/* ---- options ------------------------------------------------------------------------------------------- */

enum { KEY_CLASSES = 0x100, KEY_ALLOW_MISSING, KEY_HTML };

static const struct argp_option options[] = {
    {"classes", KEY_CLASSES, "FILE", 0,
        "The labels of folders whose names are no labels: \"n01440764<TAB>tench\" a line. Folders of one "
        "label are one class",
        1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0,
        "Leave folders out that have no label, and keep labels without a folder to choose from", 1},
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
        e->classes = option_input(state, argument);
        return 0;
    case KEY_ALLOW_MISSING:
        e->allow_missing = true;
        return 0;
    case KEY_HTML:
        e->html = option_page(state, argument);
        return 0;
    case ARGP_KEY_ARG:
        if (e->directory)
            argp_error(state, "one folder of class folders, not several");
        e->directory = argument;
        return 0;
    case ARGP_KEY_END:
        if (!e->directory)
            argp_error(state, "no pictures: name a folder of class folders");
        if (e->classes && e->labels.labels && data_set_named(e->labels.labels))
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
    .args_doc = "DIR [--labels LIST|FILE]",
    .doc = "Measure classification: DIR has a folder for each class, and the folder's name is the true label "
           "of all pictures below it. Every picture gets the label that fits it best, as in 'diptych "
           "classify'; acc@1 is the share that get the right one, acc@5 that have it among the best five, "
           "and mean per-class recall is the mean of the classes' acc@1. Without --labels folders' names are "
           "the labels; those of a data set know its folders (n01440764, apple_pie), too. Where DIR has "
           "train, val "
           "and test folders, those of test or val are taken.\n\n"
           "  diptych evaluate classify animals/ --html report.html\n"
           "  diptych evaluate classify imagenet/ --labels @imagenet -f json\n"
           "  diptych evaluate classify birds/ --classes names.tsv\v"
           "The model runs in f32 unless --precision says otherwise. A picture that cannot be "
           "read is reported and left out; the numbers are those of the rest. A class without pictures has "
           "no recall and does not count in the mean.\n\n"
           "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int refuse(const struct evaluation *e, const struct missing_names *missing, const char *what,
    const char *instead, struct err *err)
{
    if (!missing->count)
        return 0;
    if (!e->allow_missing)
        return err_set(err, ERR_ARGUMENT, "%zu %s: %s; --allow-missing %s", missing->count, what,
            missing->list, instead);
    message("%zu %s: %s", missing->count, what, missing->list);
    return 0;
}

/* Of a data set's parts the one to measure with. */
static int choose_part(struct evaluation *e, struct err *err)
{
    struct missing_names others = {0};
    char part[NAME_MAX + 1];
    const int rc = image_folder_part(part, &others, e->directory, err);
    if (rc || !*part)
        return rc;
    e->directory = path_join(&e->session.arena, e->directory, part);
    if (!e->directory)
        return err_memory(err, sizeof part);
    if (others.count && !e->session.quiet)
        message("evaluating '%s'; left out: %s", e->directory, others.list);
    return 0;
}

static int match_folder(struct evaluation *e, struct strings *labels, struct err *err)
{
    struct image_folder *folder = &e->folder;
    int rc = image_folder_list(folder, e->directory, &e->exclude.excludes, err);
    if (!rc)
        rc = image_folder_match(folder, labels, e->classes, err);
    if (!rc)
        rc = refuse(e, &folder->without_label, "folders have no label", "leaves them out", err);
    if (!rc)
        rc = refuse(e, &folder->without_folder, "labels have no folder", "keeps them to choose from", err);
    if (!rc && labels->count < 2)
        rc = err_set(err, ERR_ARGUMENT, "one label alone leaves nothing to choose from");
    return rc;
}

/* Lists first, device after: what is not there shows at once. */
static int open_all(struct evaluation *e, const struct job *job, struct err *err)
{
    struct strings labels = {0}, templates = {0};
    int rc = choose_part(e, err);
    if (!rc && e->labels.labels && data_set_named(e->labels.labels)) {
        e->classes = e->labels.labels;
        rc = templates_read(&templates, &e->labels, err);
    } else if (!rc)
        rc = labels_read(&labels, &templates, &e->labels, job, err);
    if (!rc)
        rc = match_folder(e, &labels, err);
    if (!rc)
        rc = image_folder_pictures(&e->folder, e->directory, &e->exclude.excludes, job, err);
    if (!rc && e->html)
        rc = new_file_open(&e->page, e->html, err);
    if (!rc)
        rc = session_open(&e->session, err);
    if (!rc)
        rc = session_loader(&e->session, err);
    if (!rc)
        rc = labels_encode(&e->classifier, &e->session, &labels, &templates, LABEL_SCORES_OF_MODEL, err);
    strings_release(&templates);
    strings_release(&labels);
    return rc;
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static int report(struct evaluation *e, struct err *err)
{
    const struct class_report report = {
        .session = &e->session,
        .directory = e->directory,
        .classifier = e->classifier,
        .result = &e->result,
    };
    progress_clear(&e->session.progress);
    int rc = class_report_print(&report, e->format, err);
    output_flush(); /* so that the summary comes last */
    if (!e->session.quiet)
        passed_over_put(&e->folder.passed);
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
            &e->result, e->session.encoder, e->session.loader, e->classifier, &e->folder, &job, err);
    e->session.done = e->result.count + e->result.failed;
    e->session.failed = e->result.failed;
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
    image_folder_release(&e.folder);
    strings_release(&e.exclude.excludes.patterns);
    return session_end(&e.session, "evaluate", rc, &err);
}
