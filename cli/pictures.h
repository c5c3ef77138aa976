// SPDX-License-Identifier: Apache-2.0
/* Pictures as the arguments of a command: files, folders, "-". */
#ifndef DIPTYCH_CLI_PICTURES_H
#define DIPTYCH_CLI_PICTURES_H

#include "cli/options.h"
#include "joint/joint.h"

struct picture_arguments {
    char **paths; // (count)
    size_t count;
    bool null; /* paths of a list on standard input end with a NUL byte, which --null says */
};

/* For the help of a command: what PATH can be, too. */
#define HELP_SHARDS                                                                                          \
    "A tar or zip archive (.tar, .tar.gz, .tar.zst, .tar.xz, .zip) stands for the pictures in it, in the "   \
    "order that they have there; their paths are ARCHIVE!/NAME. '{00000..00012}.tar' stands for thirteen, "  \
    "quoted or not."

#define OPTION_NULL                                                                                          \
    "null", '0', NULL, 0, "Paths on standard input end with a NUL byte, as find -print0 writes them"

/* All arguments that are left. */
void picture_arguments_take(struct picture_arguments *pictures, struct argp_state *state);

/* Adds what they stand for: see picture_list_name. */
int picture_arguments_list(struct picture_list *list, size_t *skipped,
    const struct picture_arguments *pictures, const struct job *job, struct err *err);

#endif
