// SPDX-License-Identifier: Apache-2.0
/*
 * What shells offer behind `diptych`: their scripts in cli/completion/ run
 *
 *     diptych __complete WORD...
 *
 * with all words up to the cursor, the last one begun or empty. The tables of commands and options answer, a line for
 * each thing that could stand there in its place: the whole word, a tab, and what it is. Where a file could, a line says
 * ":files", ":folders" or ":indexes" (folders NAME.dip), which shells know better how to complete.
 */
#ifndef DIPTYCH_CLI_COMPLETE_H
#define DIPTYCH_CLI_COMPLETE_H

#include <stddef.h>

/* Prints them; nothing where the line makes no sense. An enum exit_status. */
int complete(int argc, char **argv);

/* What the word for an argument stands for, as rows and usage have it ("FILE[:WEIGHT]", "[INDEX]", "PATH..."), prints.
 * Parts between bars are offered together, and those in small letters are themselves. */
struct completion {
    const char *word;  /* what is there so far */
    size_t given;      /* bytes of it that are not the argument: "--format=" */
    const char *index; /* the one that the line names, or NULL */
};
void complete_argument(const struct completion *completion, const char *words);

/* A line, if it begins as the argument does. */
void complete_offer(const struct completion *completion, const char *argument, const char *what);

#endif
