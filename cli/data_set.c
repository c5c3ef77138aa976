// SPDX-License-Identifier: Apache-2.0
#include "cli/data_set.h"
#include "cli/options.h"

enum { KEY_CLASSES = 0x4000, KEY_ALLOW_MISSING, KEY_SEPARATOR };

static const struct argp_option options[] = {
    {"classes", KEY_CLASSES, "FILE", 0,
        "The labels of folders, or of classes in CSV or archives, whose names are no labels: "
        "\"n01440764<TAB>tench\" a line. Classes of one label are one",
        1},
    {"allow-missing", KEY_ALLOW_MISSING, NULL, 0,
        "Leave out what has no label and pictures that are not there, and keep labels without pictures to "
        "choose from",
        1},
    {"images", 'i', "DIR", 0, "The paths in a CSV are below DIR (default: where the CSV is)", 1},
    {"separator", KEY_SEPARATOR, "TEXT", 0,
        "What stands between the labels of a picture in a CSV, ' ' for blanks, '' for nothing (default: ; or "
        "|)",
        1},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct labelled_options *data_set = state->input;
    switch (key) {
    case KEY_CLASSES:
        data_set->classes = option_input(state, argument);
        return 0;
    case KEY_ALLOW_MISSING:
        data_set->allow_missing = true;
        return 0;
    case KEY_SEPARATOR:
        data_set->separator = argument;
        return 0;
    case 'i':
        data_set->folder = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp data_set_argp = {.options = options, .parser = parse};

void data_set_advise(const struct labelled_pictures *pictures, struct err *err)
{
    const struct err problem = *err;
    if (pictures->may_go_on)
        err_set(err, problem.code, "%s; --allow-missing goes on all the same", problem.msg);
}
