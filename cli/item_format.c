// SPDX-License-Identifier: Apache-2.0
#include "cli/item_format.h"
#include "cli/options.h"
#include "cli/text.h"

static const struct argp_option options[] = {
    {"format", 'f', "table|tsv|json|paths", 0,
        "How to print them; json is one object a line, paths are those of the files alone, a line each "
        "(default: table)",
        0},
    {"null", '0', NULL, 0, "Paths alone, a NUL behind each and nothing escaped: for xargs -0", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    int *format = state->input;
    switch (key) {
    case 'f':
        *format = option_choice(state, "format", argument);
        return 0;
    case '0':
        *format = OUTPUT_PATHS_NUL;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp item_format_argp = {.options = options, .parser = parse};

void output_path_alone(int format, const char *path)
{
    if (format == OUTPUT_PATHS_NUL) {
        fputs(path, stdout);
        putchar('\0');
    } else {
        text_escape(stdout, path);
        putchar('\n');
    }
}

const char *item_file(const struct index_item *item)
{
    return item->kind == INDEX_TEXT && item->picture ? item->picture : item->path;
}

struct picture_source item_picture(const struct index_item *item)
{
    return item->kind == INDEX_IMAGE ? picture_of_item(item) : picture_file(item->picture);
}

bool item_in_archive(const struct index_item *item)
{
    const char *path = item_file(item);
    return path && member_shard(path);
}

void message_in_archives(size_t count)
{
    if (count)
        message("%zu of these lie%s in archives: ARCHIVE!/NAME is a path for diptych, and no file of its own",
            count, count == 1 ? "s" : "");
}

void output_item_path(int format, const struct index_item *item)
{
    const char *path = item_file(item);
    if (path && *path)
        output_path_alone(format, path);
}
