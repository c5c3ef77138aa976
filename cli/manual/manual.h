// SPDX-License-Identifier: Apache-2.0
/*
 * The generator of the manual pages: one of diptych and one of every command and subcommand, from the tables that the
 * program itself is made of (cli/command.h, cli/options.h). What the tables do not know are examples that are explained
 * (examples.txt) and the environment (facts.c).
 *
 *   diptych-manual EXAMPLES FOLDER DATE
 */
#ifndef DIPTYCH_CLI_MANUAL_H
#define DIPTYCH_CLI_MANUAL_H

#include "cli/command.h"
#include "cli/options.h"

#include <stdio.h>

/* One page that is being written. */
struct page {
    FILE *out;
    const char *title;                 /* "diptych index build" */
    const struct argp *argp;           /* NULL: of diptych itself */
    const struct command *subcommands; /* NULL: none */
    const char *summary;
    const char *related; /* what the name of the group's page is, or NULL */
    const char *date;
    struct span examples; /* what examples.txt has of it */
};

void page_put(const struct page *page);

/* ---- roff ---------------------------------------------------------------------------------------------- */

/* Prose: options and what is quoted in bold, words that `arguments` has in italics (NULL: none). */
void roff_prose(FILE *out, struct span text, const char *arguments);

/* What is typed, as it is: arguments in italics, the rest in bold; and lines of an example, alone as they are. */
void roff_usage(FILE *out, struct span text);
void roff_code(FILE *out, struct span text);

/* "diptych index build" as a name of pages, diptych-index-build. */
void roff_name(FILE *out, const char *title);

/* Paragraphs of a command's documentation, which empty lines part. Those that are indented are examples, or of terms each
 * with its meaning ("  DIR  a folder"). */
struct block {
    struct span text;
    enum { BLOCK_PROSE, BLOCK_CODE, BLOCK_TERMS, BLOCK_STATUS } kind;
};
bool block_next(struct block *block, struct span *rest);
void block_put(
    FILE *out, const struct block *block, const char *arguments, bool first); /* first: of its section */

/* ---- facts --------------------------------------------------------------------------------------------- */

/* What a command takes from outside, if it has the options of `argp` or an argument of the name. */
struct fact {
    const char *name, *text;
    const struct argp *of[4];
    const char *argument;
};
extern const struct fact environment_facts[], file_facts[]; /* a NULL name ends them */
bool fact_is_of(const struct fact *fact, const struct argp *argp);

/* ---- examples ------------------------------------------------------------------------------------------ */

/* The section of a page, below "# TITLE" without "diptych"; empty where there is none. */
struct span examples_find(const char *text, const char *title);

/* Whether all commands and options in the file are in the tables; a line on stderr for each that is not. */
bool examples_check(const char *text);

#endif
