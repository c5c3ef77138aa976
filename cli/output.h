// SPDX-License-Identifier: Apache-2.0
/*
 * How `classify` prints pictures on stdout, a format a row of one table:
 *
 *   table  for people: path, then a line a label with its probability and a bar; with one label a picture, a
 *          line a picture. Colour on a terminal, unless NO_COLOR is set.
 *   tsv    path, label, probability, label, probability, ...: a line a picture, tabs between, text_escape'd.
 *   json   {"path": ..., "labels": [{"label": ..., "probability": ...}]} or {"path": ..., "error": ...} a
 * line; bytes of a path that are not UTF-8 are U+FFFD.
 *
 * A picture that failed has a line on stdout in json and a message on stderr in the others.
 */
#ifndef DIPTYCH_CLI_OUTPUT_H
#define DIPTYCH_CLI_OUTPUT_H

#include "joint/joint.h"

extern const char *const output_formats[]; /* names; NULL ends them */

struct output {
    int format; /* index in output_formats */
    const struct classifier *classifier;
    size_t top; /* labels a picture */
    bool unicode, colour;
    int label_width; /* columns of the widest label */
};

void output_init(struct output *output, int format, const struct classifier *classifier, size_t top);

/* The labels of a picture, best (top), or the reason why there are none. */
int output_picture(
    const struct output *output, const char *path, const struct prediction *best, struct err *err);
int output_failure(const struct output *output, const char *path, const char *reason, struct err *err);

#endif
