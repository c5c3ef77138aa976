// SPDX-License-Identifier: Apache-2.0
/*
 * Options of a command that runs as a service: from its command line, from the environment, and from a file. One option
 * table, with those of its children, says what there is in all three:
 *
 *   --idle-unload 5m
 *   DIPTYCH_IDLE_UNLOAD=5m      values of an option that may be given again have commas between them
 *   idle-unload = 5m            a line a value; '#' begins a line that is none
 *
 * The file is named by --config or DIPTYCH_CONFIG. What the command line says counts, then the environment, then the
 * file; of an option that may be given again, all that the first of these says.
 *
 * What takes no argument is on the command line alone, --config aside.
 */
#ifndef DIPTYCH_CLI_SETTINGS_H
#define DIPTYCH_CLI_SETTINGS_H

#include "base/base.h"

#include <argp.h>

/* Flags of an option, beside argp's: it may be given again; it is not in the environment under its name. */
enum { OPTION_AGAIN = 0x1000, OPTION_NO_ENVIRONMENT = 0x2000 };

enum settings_source { SETTINGS_NONE, SETTINGS_FILE, SETTINGS_ENVIRONMENT, SETTINGS_COMMAND_LINE };

/* Parses all three into `input`, the weakest first, each time with its source in *source. Wrong usage exits, as
 * options_parse does, and says the file and line or the name in the environment. Values lie in the arena. */
void settings_parse(const struct argp *argp, int argc, char **argv, void *input, enum settings_source *source,
    struct arena *arena);

/* Values of an option that may be given again. Zero-initialise; strings_release(&list->values) at the end. */
struct setting_list {
    struct strings values;
    enum settings_source source;
};

/* Adds one, in the place of those from a weaker source: 0, or ENOMEM for argp. */
int setting_add(struct setting_list *list, enum settings_source source, const char *value, size_t length);

#endif
