// SPDX-License-Identifier: Apache-2.0
/* Pictures as the arguments of a command: files, folders, "-". */
#ifndef DIPTYCH_CLI_PICTURES_H
#define DIPTYCH_CLI_PICTURES_H

#include "cli/options.h"
#include "joint/joint.h"

/* A child of commands that take folders of pictures: --exclude, --no-default-excludes. Its input, zeroed, is for the end:
 * strings_release(&options.excludes.patterns). */
struct exclude_options {
    struct excludes excludes;
    bool said; /* one of the options was given */
};
extern const struct argp exclude_argp;

struct picture_arguments {
    char **paths; // (count)
    size_t count;
    struct exclude_options exclude;
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
int picture_arguments_list(struct picture_list *list, const struct picture_arguments *pictures,
    const struct job *job, struct err *err);

/* Says on stderr which files were no pictures, if any. */
void passed_over_put(const struct passed_over *passed);

#endif
