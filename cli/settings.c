// SPDX-License-Identifier: Apache-2.0
#include "cli/settings.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const struct argp *argp;
    void *input;
    struct arena *arena;
};

static _Noreturn void fail(const struct err *err)
{
    message("%s", err->msg);
    exit(STATUS_CANNOT);
}

/* Memory of the arena's: without it there is no going on. */
static char *take(struct arena *arena, size_t size)
{
    struct err err;
    char *memory = arena_alloc(arena, size);
    if (memory)
        return memory;
    err_memory(&err, size);
    fail(&err);
}

/* ---- one value ----------------------------------------------------------------------------------------- */

/* Options that say something have an argument; --config says where others are. */
static const struct argp_option *find(const struct argp *argp, const char *name)
{
    const struct argp_option *option = option_find(argp, span_of(name));
    return option && option->arg && strcmp(name, "config") ? option : NULL;
}

/* `place` is what messages begin with. */
static void parse_value(
    const struct settings *settings, const char *place, const char *name, struct span value)
{
    const size_t size = strlen(name) + value.length + sizeof "--=";
    char *option = take(settings->arena, size);
    char *argv[] = {(char *)place, option, NULL};
    struct err err;
    snprintf(option, size, "--%s=%.*s", name, (int)value.length, value.data);
    if (argp_parse(settings->argp, 2, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, settings->input)) {
        err_set(&err, ERR_MEMORY, "%s: out of memory", place);
        fail(&err);
    }
}

/* ---- the file ------------------------------------------------------------------------------------------ */

/* Without blanks at its ends. */
static struct span trim(struct span span)
{
    while (span.length && isspace((unsigned char)*span.data))
        span = span_from(span, 1);
    while (span.length && isspace((unsigned char)span.data[span.length - 1]))
        span.length--;
    return span;
}

/* "KEY = VALUE"; *seen has the lines of the keys so far, `place` is the file and the line. */
static int parse_line(const struct settings *settings, const char *place, size_t number, struct span line,
    struct string_map *seen, struct err *err)
{
    const char *equals = memchr(line.data, '=', line.length);
    if (!equals)
        return err_set(err, ERR_FORMAT, "%s: this is no 'NAME = VALUE'", place);
    const struct span key = trim((struct span){line.data, (size_t)(equals - line.data)});
    const struct span value = trim(span_from(line, (size_t)(equals + 1 - line.data)));
    char *name = take(settings->arena, key.length + 1);
    memcpy(name, key.data, key.length);
    const struct argp_option *option = find(settings->argp, name);
    if (!option)
        return err_set(err, ERR_FORMAT, "%s: there is no option '%s'", place, name);
    size_t *first;
    int rc = string_map_add(&first, seen, name, key.length, number, err);
    if (!rc && *first != number && !(option->flags & OPTION_AGAIN))
        rc = err_set(err, ERR_FORMAT, "%s: '%s' is in line %zu already", place, name, *first);
    if (!rc)
        parse_value(settings, place, name, value);
    return rc;
}

static void parse_file(const struct settings *settings, const char *path)
{
    enum { LIMIT = 1 << 20 };
    const size_t size = strlen(path) + sizeof ":18446744073709551615";
    char *place = take(settings->arena, size);
    struct strings lines = {0};
    struct string_map seen = {0};
    struct err err;
    int rc = lines_read(&lines, path, LIMIT, &err);
    for (size_t i = 0; i < lines.count && !rc; i++) {
        const struct span line = trim(span_of(lines.items[i]));
        snprintf(place, size, "%s:%zu", path, i + 1);
        if (line.length && *line.data != '#')
            rc = parse_line(settings, place, i + 1, line, &seen, &err);
    }
    if (rc)
        fail(&err);
    string_map_release(&seen);
    strings_release(&lines);
}

/* ---- the environment ----------------------------------------------------------------------------------- */

static void parse_variable(
    const struct settings *settings, const char *variable, const struct argp_option *option, const char *text)
{
    while (option->flags & OPTION_AGAIN && strchr(text, ',')) {
        const size_t length = strcspn(text, ",");
        parse_value(settings, variable, option->name, (struct span){text, length});
        text += length + 1;
    }
    parse_value(settings, variable, option->name, span_of(text));
}

/* An empty variable is none. */
static void parse_environment(const struct settings *settings, const struct argp *argp)
{
    for (const struct argp_option *option = argp->options; option && !option_is_last(option); option++) {
        if (!option->name || option->flags & OPTION_NO_ENVIRONMENT || !find(argp, option->name))
            continue;
        char variable[64];
        snprintf(variable, sizeof variable, "DIPTYCH_%s", option->name);
        for (char *c = variable; *c; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *text = getenv(variable);
        if (text && *text)
            parse_variable(settings, variable, option, text);
    }
    for (const struct argp_child *child = argp->children; child && child->argp; child++)
        parse_environment(settings, child->argp);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* Looked for before anything is parsed; NULL where there is none. Options may be cut short: "--conf" is one, and where others
 * begin so as well, argp ends the program. */
static const char *find_file(int argc, char **argv)
{
    static const char option[] = "--config";
    const char *path = getenv("DIPTYCH_CONFIG");
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        const size_t length = strcspn(argv[i], "=");
        if (length < strlen("--c") || length > strlen(option) || strncmp(argv[i], option, length))
            continue;
        if (argv[i][length])
            path = argv[i] + length + 1;
        else if (i + 1 < argc)
            path = argv[i + 1];
    }
    return path && *path ? path : NULL;
}

void settings_parse(const struct argp *argp, int argc, char **argv, void *input, enum settings_source *source,
    struct arena *arena)
{
    const struct settings settings = {argp, input, arena};
    const char *path = find_file(argc, argv);
    *source = SETTINGS_FILE;
    if (path)
        parse_file(&settings, path);
    *source = SETTINGS_ENVIRONMENT;
    parse_environment(&settings, argp);
    *source = SETTINGS_COMMAND_LINE;
    options_parse(argp, argc, argv, input);
}

int setting_add(struct setting_list *list, enum settings_source source, const char *value, size_t length)
{
    if (list->source < source)
        strings_release(&list->values);
    list->source = source;
    return strings_add(&list->values, value, length, NULL) ? ENOMEM : 0;
}
