// SPDX-License-Identifier: Apache-2.0
/*
 * The formats of commands that list items of an index: those of output.h, and the paths of the files alone, as other
 * programs take them. In lines they are text_escape'd; before a NUL each they are the bytes that they are.
 */
#ifndef DIPTYCH_CLI_ITEM_FORMAT_H
#define DIPTYCH_CLI_ITEM_FORMAT_H

#include "cli/output.h"
#include "joint/collection/collection.h"

#include <argp.h>

/* -f, --format and -0. Input: an int, which becomes an output_format. */
extern const struct argp item_format_argp;

/* OUTPUT_PATHS or OUTPUT_PATHS_NUL */
static inline bool is_paths(int format)
{
    return format >= OUTPUT_PATHS;
}

/* One path in such a format, or its end without a path. */
void output_path_alone(int format, const char *path);

/* The picture, the picture that a text describes, or the file that it came from; NULL where there is none. */
const char *item_file(const struct index_item *item);

/* The picture, or the picture that a text describes; its path is NULL where there is none. */
struct picture_source item_picture(const struct index_item *item);

/* Whether the item's file is a member of an archive, whose path is none for other programs. */
bool item_in_archive(const struct index_item *item);

/* Says on stderr that so many paths are such; of none nothing. */
void message_in_archives(size_t count);

/* output_path_alone with the item's file, or nothing. */
void output_item_path(int format, const struct index_item *item);

#endif
