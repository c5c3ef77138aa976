// SPDX-License-Identifier: Apache-2.0
/* Labels and templates on the command line, and the classifier that they make. */
#ifndef DIPTYCH_CLI_LABELS_H
#define DIPTYCH_CLI_LABELS_H

#include "cli/session.h"

/* --labels and --templates (group 1, "Labels:"). Input: a struct label_options. */
struct label_options {
    const char *labels, *templates; /* as input_labels and input_templates take them */
};
extern const struct argp label_argp;

/* Encodes the labels, and says how many prompts the model has cut. */
int labels_encode(struct classifier **out, struct session *session, const struct strings *labels,
    const struct strings *templates, struct err *err);

#endif
