// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/manual.h"

#include <ctype.h>
#include <string.h>

/* "# index build" */
static bool is_heading(struct span line, struct span *name)
{
    *name = span_from(line, line.length < 2 ? line.length : 2);
    return line.length > 2 && !memcmp(line.data, "# ", 2) && memcmp(line.data, "# SPDX", 6) != 0;
}

struct span examples_find(const char *text, const char *title)
{
    const char *space = strchr(title, ' '), *wanted = space ? space + 1 : title;
    struct lines lines = {.rest = span_of(text)};
    struct span found = {"", 0}, name;
    bool inside = false;
    while (lines_next(&lines)) {
        const bool heading = is_heading(lines.line, &name);
        if (heading && inside)
            break;
        if (heading && name.length == strlen(wanted) && !memcmp(name.data, wanted, name.length)) {
            inside = true;
            found.data = lines.rest.data;
        }
        if (inside && !heading)
            found.length = (size_t)(lines.line.data + lines.line.length - found.data);
    }
    return found;
}

/* The command that words name, past which *rest is left. */
static const struct command *find_command(char **rest)
{
    const struct command *table = commands, *found = NULL;
    for (char *word; table && (word = strsep(rest, " "));) {
        const struct command *command = table;
        while (command->name && strcmp(command->name, word) != 0)
            command++;
        if (!command->name)
            return found && found->argp == &models_argp ? found : NULL;
        found = command;
        table = command->subcommands;
    }
    return found;
}

/* A call of diptych, up to what ends it in a shell. */
static bool check_call(char *call)
{
    char *rest = call;
    const struct command *command = find_command(&rest);
    bool good = command;
    for (char *word; good && command->argp && (word = strsep(&rest, " "));) {
        const struct span name = {word + 2, strcspn(word + (strlen(word) > 2 ? 2 : 0), "=")};
        if (!strncmp(word, "--", 2) && word[2])
            good = option_find(command->argp, name);
        else if (word[0] == '-' && isalpha((unsigned char)word[1]))
            good = option_find_short(command->argp, word[1]);
        else if (!strcmp(word, "|") || !strcmp(word, "&"))
            break;
    }
    return good;
}

bool examples_check(const char *text)
{
    struct lines lines = {.rest = span_of(text)};
    bool good = true;
    while (lines_next(&lines)) {
        char line[512], name[] = "diptych ";
        snprintf(line, sizeof line, "%.*s", (int)lines.line.length, lines.line.data);
        char *call = strncmp(line, "  ", 2) ? NULL : strstr(line, name);
        if (!call || (call > line + 2 && call[-1] != ' ' && call[-1] != '('))
            continue;
        if (!check_call(call + strlen(name))) {
            fprintf(stderr, "examples.txt:%zu: no such command or option: %.*s\n", lines.number,
                (int)lines.line.length, lines.line.data);
            good = false;
        }
    }
    return good;
}
