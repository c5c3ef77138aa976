// SPDX-License-Identifier: Apache-2.0
/* Pictures whose labels are known, as the arguments of a command. */
#ifndef DIPTYCH_CLI_DATA_SET_H
#define DIPTYCH_CLI_DATA_SET_H

#include "joint/evaluation/evaluation.h"

#include <argp.h>

/* --classes, --allow-missing, --images and --separator (group 1). Input: a struct labelled_options. */
extern const struct argp data_set_argp;

/* For the help of a command: what its arguments can be. */
#define HELP_DATA_SET                                                                                        \
    "  CSV  path,label a line, with a header or without; several labels of a picture as cat;dog, as "        \
    "lines of one path, or as columns of 0 and 1\n"                                                          \
    "  TAR  WebDataset's archives of pictures, each with a .cls beside it: the number of its label, from "   \
    "0, or its name. DIR may be CLIP_benchmark's layout of them, with classnames.txt and templates"

/* After an error of reading them: adds that --allow-missing helps, where it does. */
void data_set_advise(const struct labelled_pictures *pictures, struct err *err);

#endif
