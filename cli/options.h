// SPDX-License-Identifier: Apache-2.0
/*
 * What the option tables of the commands share. Every command lists common_argp among its argp children, and
 * those that compute device_argp and model_argp too.
 */
#ifndef DIPTYCH_CLI_OPTIONS_H
#define DIPTYCH_CLI_OPTIONS_H

#include "cli/settings.h"
#include "joint/joint.h"

#include <argp.h>

/* -h, --help, --usage. No input. */
extern const struct argp help_argp;

/* These and -q, --quiet. Input: a bool that it sets; NULL where a command says nothing beside its output. */
extern const struct argp common_argp;

/* --device, --gemm, --precision. Input: a struct device_options. */
extern const struct argp device_argp;

/* --lora. Input: a struct adapter_options, which stays where it is while `all` is used. */
enum { ADAPTERS_MAX = 16 };
struct adapter_options {
    struct adapters all;
    const char *names[ADAPTERS_MAX];    /* what these are */
    enum settings_source from;          /* where they were said */
    const enum settings_source *source; /* of what is parsed now; NULL: the command line */
};
extern const struct argp adapter_argp;

/* --model, --variant, and those of adapter_argp and device_argp. Input: a struct model_options. */
struct model_options {
    const char *directory; /* or a file of weights; NULL: model_directory finds the default */
    const char
        *variant; /* NULL, or which weights of the directory: their file is `directory` after parsing */
    char file[4096];
    struct strings *all; /* NULL, or where every --model goes; `directory` is the last */
    struct adapter_options adapters;
    struct device_options device;
};
extern const struct argp model_argp;

/* The help_filter of every command: drops what argp says about short options on its own accord. */
char *options_help_filter(int key, const char *text, void *input);

/* `diptych help options`: what session_argp has, which the help of a command leaves out. */
void options_show_shared(void);

/* Parses the options of a command into `input`; wrong usage and --help exit here, as argp does. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input);

/* The same up to the first argument that is no option. */
void options_parse_in_order(const struct argp *argp, int argc, char **argv, void *input);

/* Says what is wrong with an option, and exits: as argp_error where it is on the command line, otherwise with where it
 * comes from, argv[0] of a parse with ARGP_NO_EXIT. */
void option_error(const struct argp_state *state, const char *format, ...) PRINTF_LIKE(2, 3);

/* Whether an option whose argument is "yes" or "no", or left out for yes, is wanted, or an exit. */
bool option_bool(const struct argp_state *state, const char *option, const char *argument);

/* A time in seconds, "90", or "90s", "5m", "2h", "1d"; or an exit. */
double option_seconds(const struct argp_state *state, const char *option, const char *argument);

/* The number in an option's argument, or an exit with what the option takes. */
size_t option_number(
    struct argp_state *state, const char *option, const char *argument, size_t min, size_t max);

/* The same of real numbers. */
double option_real(
    struct argp_state *state, const char *option, const char *argument, double min, double max);

/* The place of the argument among the choices that the option's row names, "table|tsv|json", or an exit with what it takes. */
int option_choice(const struct argp_state *state, const char *option, const char *argument);

/* What else walks over the rows of a table: whether a row ends it; the row of that name or letter, in it or one of its
 * children, or NULL; and, one a call, the parts between the bars of "table|tsv|json", where *rest points first. */
bool option_is_last(const struct argp_option *option);
const struct argp_option *option_find(const struct argp *argp, struct span name);
const struct argp_option *option_find_short(const struct argp *argp, int key);
bool option_next_choice(struct span *choice, const char **rest);

/* An argument that names an input (base.h), or an exit where it is standard input and another one was already. */
const char *option_input(struct argp_state *state, const char *argument);

/* The file that --html names, or an exit where one is there that is no page and would be lost. */
const char *option_page(struct argp_state *state, const char *path);

#endif
