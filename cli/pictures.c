// SPDX-License-Identifier: Apache-2.0
#include "cli/pictures.h"
#include "cli/session.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- excludes ------------------------------------------------------------------------------------------ */

enum { KEY_EXCLUDE = 0x5000, KEY_NO_DEFAULTS };

static const struct argp_option exclude_options[] = {
    {"exclude", KEY_EXCLUDE, "PATTERN", 0,
        "Leave out the files and folders of PATH that fit, in the language of .gitignore: *.png and raw/ "
        "anywhere, "
        "/raw/ and 2024/*.png right below PATH, !raw takes one back. May be given more than once",
        GROUP_PICTURES},
    {"no-default-excludes", KEY_NO_DEFAULTS, NULL, 0,
        "Take in what is left out otherwise: hidden files and folders, @eaDir, #recycle, $RECYCLE.BIN, "
        "lost+found "
        "and the like",
        GROUP_PICTURES},
    {0},
};

static void add_pattern(struct argp_state *state, struct exclude_options *options, const char *pattern)
{
    char *valid = text_utf8(pattern);
    if (!valid || strcmp(valid, pattern))
        argp_error(state, "'%s' is not UTF-8; ? stands for any byte of a name", pattern);
    free(valid);
    if (*pattern && strings_add(&options->excludes.patterns, pattern, strlen(pattern), NULL))
        argp_error(state, "out of memory");
}

static error_t parse_exclude(int key, char *argument, struct argp_state *state)
{
    struct exclude_options *options = state->input;
    switch (key) {
    case KEY_EXCLUDE:
        add_pattern(state, options, argument);
        break;
    case KEY_NO_DEFAULTS:
        options->excludes.no_defaults = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    options->said = true;
    return 0;
}

const struct argp exclude_argp = {.options = exclude_options, .parser = parse_exclude};

/* ---- paths --------------------------------------------------------------------------------------------- */

void picture_arguments_take(struct picture_arguments *pictures, struct argp_state *state)
{
    pictures->paths = state->argv + state->next;
    pictures->count = (size_t)(state->argc - state->next);
    for (size_t i = 0; i < pictures->count; i++)
        option_input(state, pictures->paths[i]);
}

/* What each path of a list stands for. */
static int add_listed(struct picture_list *list, const struct picture_arguments *pictures,
    const struct job *job, struct err *err)
{
    struct strings listed = {0};
    int rc = path_list_read(&listed, "-", pictures->null ? '\0' : '\n', job, err);
    for (size_t i = 0; i < listed.count && !rc; i++)
        rc = picture_list_name(list, listed.items[i], &pictures->exclude.excludes, job, err);
    strings_release(&listed);
    return rc;
}

int picture_arguments_list(struct picture_list *list, const struct picture_arguments *pictures,
    const struct job *job, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < pictures->count && !rc; i++)
        rc = strcmp(pictures->paths[i], "-")
                 ? picture_list_name(list, pictures->paths[i], &pictures->exclude.excludes, job, err)
                 : add_listed(list, pictures, job, err);
    return rc;
}

void passed_over_put(const struct passed_over *passed)
{
    size_t files = 0;
    const char *before = ":";
    for (int kind = 0; kind < FILE_KINDS; kind++)
        files += passed->files[kind];
    if (!files)
        return;
    fprintf(stderr, "passed over %zu file%s", files, plural(files));
    for (int kind = 0; kind < FILE_KINDS; kind++)
        if (passed->files[kind]) {
            fprintf(stderr, "%s %zu %s", before, passed->files[kind], file_kind_names[kind]);
            before = ",";
        }
    fputc('\n', stderr);
}
