// SPDX-License-Identifier: Apache-2.0
#include "cli/suggest.h"
#include "cli/command.h"
#include "cli/options.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 64 };

static int least(int a, int b, int c)
{
    const int least = a < b ? a : b;
    return least < c ? least : c;
}

int edit_distance(const char *a, const char *b)
{
    const int rows = (int)strlen(a), columns = (int)strlen(b);
    int distances[WORD_MAX][WORD_MAX]; /* of the first i letters of a and j of b */
    if (rows >= WORD_MAX || columns >= WORD_MAX)
        return rows > columns ? rows : columns;
    for (int i = 0; i <= rows; i++)
        for (int j = 0; j <= columns; j++) {
            int *distance = &distances[i][j];
            if (!i || !j) {
                *distance = i + j;
                continue;
            }
            *distance = least(distances[i - 1][j] + 1, distances[i][j - 1] + 1,
                distances[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                *distance = least(*distance, distances[i - 2][j - 2] + 1, INT_MAX);
        }
    return distances[rows][columns];
}

bool suggest_closer(int *distance, const char *word, const char *name)
{
    const int far = edit_distance(word, name), limit = strlen(word) < 6 ? 1 : 2;
    if (far > limit || far >= *distance)
        return false;
    *distance = far;
    return true;
}

/* ---- options ------------------------------------------------------------------------------------------- */

/* What is known of a word among the long options of an argp and its children. */
struct lookup {
    const char *word;
    size_t length;                            /* of the word, without "=VALUE" */
    const struct argp_option *exact, *begins; /* the option of that name; one whose name begins with it */
    const struct argp_option *closest;
    int distance;
};

static void look_up(struct lookup *lookup, const struct argp *argp)
{
    for (const struct argp_option *o = argp->options; o && !option_is_last(o); o++) {
        if (!o->name)
            continue;
        if (!strncmp(o->name, lookup->word, lookup->length))
            *(o->name[lookup->length] ? &lookup->begins : &lookup->exact) = o;
        if (suggest_closer(&lookup->distance, lookup->word, o->name))
            lookup->closest = o;
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        look_up(lookup, child->argp);
}

/* Whether the options in "-abc" take the next argument. */
static bool short_takes_next(const struct argp *argp, const char *letters)
{
    for (; *letters; letters++) {
        const struct argp_option *option = option_find_short(argp, (unsigned char)*letters);
        if (option && option->arg)
            return !letters[1];
    }
    return false;
}

/* The same for "--word"; exits where that is none. */
static bool long_takes_next(const struct argp *argp, const char *program, const char *argument)
{
    char word[WORD_MAX];
    const size_t length = strcspn(argument, "=");
    if (length >= sizeof word)
        return false;
    snprintf(word, sizeof word, "%.*s", (int)length, argument);
    struct lookup lookup = {.word = word, .length = length, .distance = INT_MAX};
    look_up(&lookup, argp);
    const struct argp_option *option = lookup.exact ? lookup.exact : lookup.begins;
    if (!option && lookup.closest) {
        fprintf(stderr, "%s: there is no option '--%s': did you mean '--%s'?\n", program, word,
            lookup.closest->name);
        exit(STATUS_CANNOT);
    }
    return option && option->arg && !argument[length];
}

void suggest_options(const struct argp *argp, int argc, char **argv, bool in_order)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (argv[i][0] != '-' || !argv[i][1]) {
            if (in_order)
                return;
            continue;
        }
        i += argv[i][1] == '-' ? long_takes_next(argp, argv[0], argv[i] + 2)
                               : short_takes_next(argp, argv[i] + 1);
    }
}
