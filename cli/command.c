// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/text.h"

#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_output(void)
{
    const int failure = output_close();
    if (failure) {
        message("cannot write the output: %s", strerror(failure));
        _exit(STATUS_CANNOT);
    }
}

void command_begin(void)
{
    interrupt_begin();
    setlocale(LC_CTYPE, "");          /* numbers stay as in C */
    setvbuf(stderr, NULL, _IOLBF, 0); /* a message is one write, whole beside those of other programs */
    atexit(close_output);
}

/* The name that is closest to a word, or else the only one that begins with it; NULL: there is none. */
static const char *name_meant(const struct command *table, const char *word)
{
    const char *closest = NULL, *begins = NULL;
    int distance = INT_MAX, beginning = 0;
    for (const struct command *command = table; command->name; command++) {
        if (suggest_closer(&distance, word, command->name))
            closest = command->name;
        if (!strncmp(command->name, word, strlen(word)) && !beginning++)
            begins = command->name;
    }
    return closest ? closest : beginning == 1 ? begins : NULL;
}

int command_run(const struct command *table, const char *program, int argc, char **argv)
{
    for (const struct command *command = table; command->name; command++) {
        if (strcmp(command->name, argv[0]))
            continue;
        char title[64]; /* what usage and messages of the command call it */
        snprintf(title, sizeof title, "%s %s", program, command->name);
        argv[0] = title;
        return command->run(argc, argv);
    }
    const char *space = strchr(program, ' '), *meant = name_meant(table, argv[0]);
    if (meant)
        message("'%s' is not a command%s%s: did you mean '%s %s'?", argv[0], space ? " of" : "",
            space ? space : "", program, meant);
    else
        message("'%s' is not a command%s%s; '%.*s help%s' lists them", argv[0], space ? " of" : "",
            space ? space : "", (int)strcspn(program, " "), program, space ? space : "");
    return STATUS_CANNOT;
}

void command_list(const struct command *table, FILE *out)
{
    int width = 10;
    for (const struct command *command = table; command->name; command++)
        width = (int)strlen(command->name) > width ? (int)strlen(command->name) : width;
    for (const struct command *command = table; command->name; command++)
        fprintf(out, "  %-*s %s\n", width, command->name, command->summary);
}

/* ---- commands of commands ------------------------------------------------------------------------------ */

struct group {
    const struct command *table;
    const char *title;
    int first; /* the argument that names the subcommand */
};

char *command_group_filter(int key, const char *text, void *input)
{
    const struct group *group = input;
    char *list = NULL;
    size_t size;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return options_help_filter(key, text, input);
    FILE *stream = group ? open_memstream(&list, &size) : NULL;
    if (!stream)
        return NULL;
    command_list(group->table, stream);
    fprintf(stream, "\n'diptych help%s SUBCOMMAND' shows the options of one.", strchr(group->title, ' '));
    return fclose(stream) ? NULL : list; /* argp frees it */
}

/* The subcommand is the first word that is no option. */
error_t command_group_parse(int key, char *argument, struct argp_state *state)
{
    struct group *group = state->input;
    (void)argument;
    if (key == ARGP_KEY_ARGS) {
        group->first = state->next;
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS)
        argp_error(state, "no subcommand: 'diptych help%s' lists them", strchr(group->title, ' '));
    return ARGP_ERR_UNKNOWN;
}

const struct argp_child command_group_children[] = {{&help_argp, 0, NULL, 0}, {0}};

int command_run_group(const struct command *table, const struct argp *argp, int argc, char **argv)
{
    struct group group = {.table = table, .title = argv[0]};
    options_parse_in_order(argp, argc, argv, &group);
    return command_run(table, argv[0], argc - group.first, argv + group.first);
}
