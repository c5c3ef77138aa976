// SPDX-License-Identifier: Apache-2.0
#include "cli/class_folders.h"
#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/labels.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the command line asks for, and what comes of it. */
struct evaluation {
    struct session session;
    struct label_options labels;
    const char *directory, *classes, *html;
    bool allow_missing;
    int format;

    struct class_folders folders;
    struct classifier *classifier;
    FILE *page;
    struct outcome *outcomes; // (report.count), of up to folders.paths.count
    struct class_report report;
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
        state->child_inputs[1] = &e->session;
        return 0;
    case 'f':
        e->format = option_choice(state, "format", argument, output_formats);
        return 0;
    case KEY_CLASSES:
        e->classes = argument;
        return 0;
    case KEY_ALLOW_MISSING:
        e->allow_missing = true;
        return 0;
    case KEY_HTML:
        e->html = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (e->directory)
            argp_error(state, "one folder of class folders, not several");
        e->directory = argument;
        return 0;
    case ARGP_KEY_END:
        if (!e->directory)
            argp_error(state, "no pictures: name a folder of class folders");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&label_argp, 0, NULL, 0}, {&session_argp, 0, NULL, 0}, {&help_argp, 0, "", -1}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR [--labels LIST|FILE]",
    .doc =
        "Measure classification: DIR has a folder for each class, and the folder's name is the true label of "
        "all pictures below it. Every picture gets the label that fits it best, as in 'diptych classify'; "
        "acc@1 is the share that get the right one, acc@5 that have it among the best five, and mean "
        "per-class recall is the mean of the classes' acc@1. Without --labels the folders' names are the "
        "labels.\v"
        "The model runs in f32 unless --precision says otherwise. A picture that cannot be read is reported "
        "and left out; the numbers are those of the rest. A class without pictures has no recall and does "
        "not count in the mean.\n\n"
        "Exit status: 0 evaluated, 1 without some pictures that failed, 2 cannot.\n\n"
        "  diptych evaluate classify animals/ --html report.html\n"
        "  diptych evaluate classify imagenet/val --classes synsets.tsv -t imagenet -f json",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static int open_page(struct evaluation *e, struct err *err)
{
    e->page = e->html ? fopen(e->html, "w") : NULL;
    if (e->html && !e->page)
        return err_set(err, ERR_IO, "unable to write '%s': %s", e->html, strerror(errno));
    return 0;
}

/* Lists first, device after: what is not there shows at once. */
static int open_all(struct evaluation *e, struct err *err)
{
    struct strings labels = {0}, templates = {0};
    int rc = e->labels.labels ? input_labels(&labels, e->labels.labels, err) : 0;
    if (!rc)
        rc = input_templates(&templates, e->labels.templates, err);
    if (!rc)
        rc = class_folders_list(&e->folders, e->directory, err);
    if (!rc)
        rc = class_folders_match(&e->folders, &labels, e->classes, e->allow_missing, err);
    if (!rc)
        rc = class_folders_pictures(&e->folders, e->directory, err);
    if (!rc)
        rc = open_page(e, err);
    if (!rc)
        rc = session_open(&e->session, err);
    if (!rc)
        rc = labels_encode(&e->classifier, &e->session, &labels, &templates, err);
    strings_release(&templates);
    strings_release(&labels);
    return rc;
}

/* ---- classifying --------------------------------------------------------------------------------------- */

static int judge_batch(
    void *context, const struct loaded_batch *batch, const float *embeddings, struct err *err)
{
    struct evaluation *e = context;
    const size_t labels = classifier_labels(e->classifier), top = labels < OUTCOME_TOP ? labels : OUTCOME_TOP;
    struct prediction best[OUTCOME_TOP];
    (void)err;
    for (size_t i = 0; i < batch->count; i++) {
        const size_t picture = batch->first + i;
        e->session.done++;
        if (batch->errs[i].code) {
            message("%s", batch->errs[i].msg);
            e->session.failed++;
            continue;
        }
        classifier_rank(e->classifier, best, top, embeddings);
        embeddings += model_width(e->session.model);
        e->outcomes[e->report.count] = outcome_of(e->folders.truths[picture], best, top);
        e->report.paths[e->report.count++] = e->folders.paths.items[picture];
    }
    return 0;
}

static int judge_all(struct evaluation *e, struct err *err)
{
    const size_t count = e->folders.paths.count;
    e->outcomes = mem_new(count + 1, sizeof *e->outcomes);
    e->report.paths = mem_new(count + 1, sizeof *e->report.paths);
    if (!e->outcomes || !e->report.paths)
        return err_memory(err, count * sizeof *e->outcomes);
    return session_pictures(&e->session, &e->folders.paths, count, judge_batch, e, err);
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static int write_page(struct evaluation *e, struct err *err)
{
    if (!e->page)
        return 0;
    progress_note(&e->session.progress, "writing the page");
    int rc = class_report_html(e->page, &e->report, err);
    const bool failed = ferror(e->page), unclosed = fclose(e->page);
    e->page = NULL;
    progress_clear(&e->session.progress);
    if (!rc && (failed || unclosed))
        rc = err_set(err, ERR_IO, "unable to write '%s': %s", e->html, strerror(errno));
    return rc;
}

static int evaluate(struct evaluation *e, struct err *err)
{
    int rc = open_all(e, err);
    if (!rc)
        rc = judge_all(e, err);
    progress_clear(&e->session.progress);
    if (rc || interrupt_seen())
        return rc;
    e->report.session = &e->session;
    e->report.directory = e->directory;
    e->report.classifier = e->classifier;
    e->report.outcomes = e->outcomes;
    e->report.failed = e->session.failed;
    rc = class_scores_compute(
        &e->report.scores, e->outcomes, e->report.count, classifier_labels(e->classifier), err);
    if (!rc)
        rc = class_report_print(&e->report, e->format, err);
    fflush(stdout); /* so that the summary comes last */
    return rc ? rc : write_page(e, err);
}

int evaluate_classify(int argc, char **argv)
{
    struct evaluation e = {.session = {.model_options = {.device = {.precision = "f32"}}}};
    struct err err = {0};
    options_parse(&argp, argc, argv, &e);
    session_begin(&e.session);

    const int rc = evaluate(&e, &err);
    class_scores_release(&e.report.scores);
    free(e.report.paths);
    free(e.outcomes);
    if (e.page)
        fclose(e.page);
    classifier_free(e.classifier);
    class_folders_release(&e.folders);
    return session_end(&e.session, "evaluate", rc, &err);
}
