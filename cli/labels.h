// SPDX-License-Identifier: Apache-2.0
/* Labels and templates on the command line, and the classifier that they make. */
#ifndef DIPTYCH_CLI_LABELS_H
#define DIPTYCH_CLI_LABELS_H

#include "cli/session.h"

/* --labels and --templates (group 1, "Labels:"). Input: a struct label_options. */
struct label_options {
    const char *labels, *templates; /* as label_list_read and template_list_read take them */
};
extern const struct argp label_argp;

/* Reads both lists; no labels where none are named. */
int labels_read(struct strings *labels, struct strings *templates, const struct label_options *named,
    const struct job *job, struct err *err);

/* The templates alone: those named, or those of the data set that is. */
int templates_read(struct strings *templates, const struct label_options *named, struct err *err);

/* Encodes the labels in the templates, or where there are none in that of the model's family, and says how many prompts
 * the model has cut. */
int labels_encode(struct classifier **out, struct session *session, const struct strings *labels,
    struct strings *templates, enum label_scores scores, struct err *err);

#endif
