// SPDX-License-Identifier: Apache-2.0
#include "cli/labels.h"
#include "cli/text.h"
#include "joint/joint.h"

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Labels:", 1},
    {"labels", 'l', "LIST|FILE", 0,
        "The labels to choose from: cat,dog,\"traffic light\", a data set's (@imagenet, @imagenetv2, "
        "@cifar10, @cifar100, "
        "@caltech101, @food101, @pets, @voc2007), or a text file with one a line, - for standard "
        "input, where blank lines and lines that begin with # do not count. A value without commas that has "
        "a /, or ends in .txt, .csv, .tsv, .json or .list, is always a file",
        1},
    {"templates", 't', "SET|TEXT|FILE", 0,
        "Prompts that a label is put into and averaged over: imagenet (80), simple (7), cifar (18), "
        "caltech101 (34), "
        "food101, pets, a text with {} for the label, or a text file with one a line (default: the data "
        "set's, or the "
        "model's own, for CLIP \"" TEMPLATE_DEFAULT "\")",
        1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct label_options *labels = state->input;
    switch (key) {
    case 'l':
        labels->labels = option_input(state, argument);
        return 0;
    case 't':
        labels->templates = option_input(state, argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp label_argp = {.options = options, .parser = parse};

int labels_read(struct strings *labels, struct strings *templates, const struct label_options *named,
    const struct job *job, struct err *err)
{
    const int rc = named->labels ? label_list_read(labels, named->labels, job, err) : 0;
    return rc ? rc : templates_read(templates, named, err);
}

int templates_read(struct strings *templates, const struct label_options *named, struct err *err)
{
    const char *wanted =
        named->templates || !named->labels ? named->templates : data_set_templates(named->labels);
    return wanted ? template_list_read(templates, wanted, err) : 0;
}

int labels_encode(struct classifier **out, struct session *session, const struct strings *labels,
    struct strings *templates, enum label_scores scores, struct err *err)
{
    const struct job job = session_job(session);
    int rc =
        templates->count ? 0 : template_add(templates, model_config(session->model)->family->template, err);
    if (rc)
        return rc;
    progress_note(&session->progress, "encoding the labels");
    rc = classifier_open(out, session->encoder, labels, templates, scores, &job, err);
    if (rc || !classifier_truncated(*out))
        return rc;
    progress_clear(&session->progress);
    session_say_cut(session, "prompts", classifier_truncated(*out));
    return 0;
}
