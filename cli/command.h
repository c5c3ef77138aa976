// SPDX-License-Identifier: Apache-2.0
/*
 * The commands of diptych. One table drives the dispatch, `diptych help` and the tests; each command is a
 * file cmd_NAME.c with one option table, from which argp makes its parsing, its usage and its help.
 */
#ifndef DIPTYCH_CLI_COMMAND_H
#define DIPTYCH_CLI_COMMAND_H

#include <argp.h>
#include <stdio.h>

enum exit_status {
    STATUS_DONE = 0,
    STATUS_SOME_FAILED = 1, /* some inputs failed, or a check was false */
    STATUS_CANNOT = 2,      /* wrong usage, cannot start, or cannot write the output */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is "diptych NAME"; returns an enum exit_status */
    const char *summary;
    const struct argp *argp;           /* its options; NULL: none */
    const struct command *subcommands; /* NULL: none */
};

extern const struct command commands[]; /* a NULL name ends it, as it does every table of them */

/* What a program of commands begins with: signals, the locale, and that at every exit, also those inside argp, the output is
 * closed, as what could not be written was not done. */
void command_begin(void);

/* Runs the command of a table that argv[0] names, which `program` and that name become. */
int command_run(const struct command *table, const char *program, int argc, char **argv);

/* A line a command: its name and what it does. */
void command_list(const struct command *table, FILE *out);

/* `diptych help`. */
void command_help(FILE *out);

/* For a command that is a table of others, called as its `run`: help that ends in the table, or the one that
 * is named. Its argp is a COMMAND_GROUP: `usage` is what stands behind the name in the help, `text` ends in "\v". */
int command_run_group(const struct command *table, const struct argp *argp, int argc, char **argv);

#define COMMAND_GROUP(usage, text)                                                                           \
    {                                                                                                        \
        .parser = command_group_parse, .args_doc = usage, .doc = text, .children = command_group_children,   \
        .help_filter = command_group_filter                                                                  \
    }
error_t command_group_parse(int key, char *argument, struct argp_state *state);
char *command_group_filter(int key, const char *text, void *input);
extern const struct argp_child command_group_children[];

int cmd_classify(int argc, char **argv);
int cmd_rank(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_embed(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_index(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_pull(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_devices(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_help(int argc, char **argv);

extern const struct argp classify_argp, rank_argp, score_argp, evaluate_argp, probe_argp, train_argp,
    embed_argp, index_argp, search_argp, serve_argp, plan_argp, pull_argp, models_argp, devices_argp,
    doctor_argp, inspect_argp, convert_argp, bench_argp;
extern const struct command evaluate_commands[], probe_commands[], index_commands[], models_commands[];

#endif
