// SPDX-License-Identifier: Apache-2.0
/* What a command line names: pictures, labels, templates. */
#ifndef DIPTYCH_CLI_INPUT_H
#define DIPTYCH_CLI_INPUT_H

#include "base/base.h"

/* Adds the pictures an argument stands for: itself; every file below it where it is a folder (file_walk); or,
 * for "-", what each entry of stdin stands for, entries ended by `separator`. A path that cannot be read is
 * added too: it fails in its turn, with its reason. */
int input_pictures(struct strings *paths, const char *argument, char separator, struct err *err);

/* The lines of a text file that hold something, trimmed; one that begins with '#' is a comment. */
int input_lines(struct strings *lines, const char *path, struct err *err);

/* Labels: the lines of a file, or a list with commas between. A value is a file where one has that name, and
 * where it has no comma but a '/' or ".txt" at its end. Blanks around a label are dropped, and so is, with a
 * message, a label that a file repeats. */
int input_labels(struct strings *labels, const char *value, struct err *err);

/* Templates: "imagenet" (80) or "simple" (7), which the program holds; the value itself where it has a {} for
 * the label; or the lines of a file. */
int input_templates(struct strings *templates, const char *value, struct err *err);

#endif
