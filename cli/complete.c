// SPDX-License-Identifier: Apache-2.0
#include "cli/complete.h"
#include "cli/command.h"
#include "cli/options.h"
#include "joint/collection/collection.h"

#include <ctype.h>
#include <string.h>

/* Up to the first end of a sentence or the defaults, and not more than a line holds. */
static int summary_length(const char *doc)
{
    enum { LONGEST = 70 };
    static const char *const ends[] = {". ", "; ", ": ", " ("};
    size_t length = strlen(doc);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = strstr(doc, ends[i]);
        if (end && (size_t)(end - doc) < length)
            length = (size_t)(end - doc);
    }
    if (length <= LONGEST)
        return (int)length;
    for (length = LONGEST; length && doc[length] != ' ';)
        length--;
    return (int)length;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static void offer_commands(const struct completion *c, const struct command *table)
{
    for (const struct command *command = table; command->name; command++)
        complete_offer(c, command->name, command->summary);
    if (table == commands && c->word[0] == '-') {
        complete_offer(c, "--help", "Show what commands there are");
        complete_offer(c, "--version", "Show the version, and what this build reads");
    }
}

static const struct command *find_command(const struct command *table, const char *name)
{
    for (const struct command *command = table; command && command->name; command++)
        if (!strcmp(command->name, name))
            return command;
    return NULL;
}

/* ---- options ------------------------------------------------------------------------------------------- */

static void offer_options(const struct completion *c, const struct argp *argp)
{
    char name[64], what[128];
    for (const struct argp_option *o = argp->options; o && !option_is_last(o); o++) {
        if (!o->name)
            continue;
        snprintf(name, sizeof name, "--%s", o->name);
        snprintf(what, sizeof what, "%.*s", summary_length(o->doc), o->doc);
        complete_offer(c, name, what);
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        offer_options(c, child->argp);
}

/* The option whose argument is the next word: that of "--model", "-k" and "-qk", and none of "--model=x". */
static const struct argp_option *awaiting(const struct argp *argp, const char *word)
{
    const struct argp_option *option = NULL;
    if (word[0] != '-' || !word[1])
        return NULL;
    if (word[1] == '-')
        option = option_find(argp, span_of(word + 2));
    else
        for (const char *letter = word + 1; *letter && (!option || !option->arg); letter++) {
            option = option_find_short(argp, (unsigned char)*letter);
            if (option && option->arg && letter[1])
                return NULL; /* what follows is the argument */
        }
    return option && option->arg && !(option->flags & OPTION_ARG_OPTIONAL) ? option : NULL;
}

/* ---- arguments ----------------------------------------------------------------------------------------- */

/* One line of a usage, cut into the words for arguments: "[INDEX] PATH..." are two. Options in it are not arguments. */
struct usage {
    const char *words[8];
    char text[128];
    size_t count;
};

static void usage_read(struct usage *usage, struct span line)
{
    bool option = false;
    char *rest = usage->text;
    *usage = (struct usage){0};
    snprintf(usage->text, sizeof usage->text, "%.*s", (int)line.length, line.data);
    for (char *word; (word = strsep(&rest, " "));) {
        const bool is_option = !strncmp(word + (word[0] == '['), "--", 2);
        if (*word && !is_option && !option && usage->count < sizeof usage->words / sizeof *usage->words)
            usage->words[usage->count++] = word;
        option = is_option;
    }
}

/* Argument number `at`, from 0, can be word i if all before it that have to be there can be, and no more than all. */
static void offer_argument(const struct completion *c, const struct usage *usage, size_t at)
{
    size_t least = 0;
    bool repeated = false;
    for (size_t i = 0; i < usage->count && least <= at; i++) {
        const char *word = usage->words[i];
        repeated = repeated || strstr(word, "...");
        if (at <= i || repeated)
            complete_argument(c, word);
        least += word[0] != '[';
    }
}

static void offer_arguments(const struct completion *c, const char *usages, size_t at)
{
    struct usage usage;
    struct lines lines = {.rest = span_of(usages ? usages : "")};
    while (lines_next(&lines)) {
        usage_read(&usage, lines.line);
        offer_argument(c, &usage, at);
    }
}

/* ---- the line ------------------------------------------------------------------------------------------ */

/* words[count - 1] is the one to complete, the others are the arguments of a command. */
static void complete_command(const struct argp *argp, char **words, int count)
{
    struct completion c = {.word = words[count - 1]};
    const struct argp_option *option = NULL;
    size_t arguments = 0;
    bool only_arguments = false;
    for (int i = 0; i + 1 < count; i++) {
        if (option) {
            option = NULL;
        } else if (only_arguments || words[i][0] != '-' || !words[i][1]) {
            if (!arguments++ && collection_is_named(words[i]))
                c.index = words[i];
        } else if (!strcmp(words[i], "--")) {
            only_arguments = true;
        } else {
            option = awaiting(argp, words[i]);
        }
    }
    const char *equals = strchr(c.word, '=');
    if (!option && !only_arguments && !strncmp(c.word, "--", 2) && equals) {
        c.given = (size_t)(equals - c.word) + 1;
        option = option_find(argp, (struct span){c.word + 2, c.given - sizeof "--"});
        if (!option)
            return;
    }
    if (option)
        complete_argument(&c, option->arg ? option->arg : "");
    else if (!only_arguments && c.word[0] == '-')
        offer_options(&c, argp);
    else
        offer_arguments(&c, argp->args_doc, arguments);
}

int complete(int argc, char **argv)
{
    const struct command *table = commands, *command = NULL;
    int i = 0;
    for (; i + 1 < argc && table; i++) {
        const struct command *found = find_command(table, argv[i]);
        if (found && !found->argp) /* help: of which command? */
            continue;
        if (!found)
            break;
        command = found;
        table = found->subcommands;
    }
    if (argc < 1)
        return STATUS_CANNOT;
    if (command && (argv[argc - 1][0] == '-' || i + 1 < argc || !table))
        complete_command(command->argp, argv + i, argc - i);
    else if (table && i + 1 == argc)
        offer_commands(&(struct completion){.word = argv[i]}, table);
    return STATUS_DONE;
}
