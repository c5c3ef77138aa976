// SPDX-License-Identifier: Apache-2.0
/* caption_file: the reader behind caption_set_read. */
#ifndef DIPTYCH_TEXT_CAPTIONS_CAPTION_FILE_H
#define DIPTYCH_TEXT_CAPTIONS_CAPTION_FILE_H

#include "text/captions/captions.h"

/* A caption as it stands in a file. Files mention images in any order; what belongs to one is gathered at the
 * end. */
struct mention {
    size_t image; /* its index in the set */
    const char *caption;
    const char *facts; /* NULL: none are told */
};

struct caption_reader {
    struct caption_set *set;
    struct mention *mentions;
    size_t count, room;
    const char *path, *split;
    bool several;          /* files are read, not one */
    const char *text_file; /* the first text file, and how many lines it has */
    size_t lines;
};

/* ---- caption_set.c ------------------------------------------------------------------------------------- */

int caption_add(
    struct caption_reader *reader, const char *id, const char *caption, size_t length, struct err *err);

/* The same of one that states facts, which are text for captioned_image.facts. */
int caption_add_stating(struct caption_reader *reader, const char *id, const char *caption, size_t length,
    const char *facts, struct err *err);

/* Notes the name of an image's picture, if the image has captions. */
int caption_name_picture(
    struct caption_set *set, const char *id, const char *name, size_t length, struct err *err);

/* Gives each image its captions, in the order of the files. */
int caption_gather(struct caption_reader *reader, struct err *err);

/* ---- caption_file.c ------------------------------------------------------------------------------------ */

/* The bytes of a file, with a NUL behind them. */
struct caption_source {
    const char *name;
    char *bytes;
    size_t size;
};

/* caption_set_read, of files that are in memory. */
int caption_set_parse(struct caption_set *out, const struct caption_source *sources, size_t count,
    const char *split, struct err *err);

enum { ID_SIZE = 24 }; /* a number in digits */

/* ---- caption_table.c ----------------------------------------------------------------------------------- */

/* Whether a text, of no NUL, is a table of captions by the names of pictures, and of which kind. */
enum caption_table { CAPTION_TABLE_NONE, CAPTION_TABLE_TOKENS, CAPTION_TABLE_CSV, CAPTION_TABLE_LINES };
enum caption_table caption_table_kind(const char *text);

/* What columns of CSV and keys of JSON lines that hold a picture's name and its captions may be called; NULL ends them. */
extern const char *const caption_picture_names[], *const caption_text_names[];

int caption_read_table(
    struct caption_reader *reader, enum caption_table kind, const char *bytes, size_t size, struct err *err);

/* A caption of the picture of that name, whose id is the last part of the name without its suffix. */
int caption_add_named(struct caption_reader *reader, const char *name, const char *caption, struct err *err);

/* ---- caption_lines.c ----------------------------------------------------------------------------------- */

/* Whether the first line is a JSON object that names a picture and its captions. */
bool caption_lines_begin(const char *text);

/* Of a text that is no JSON as a whole and does not begin so: whether it is lines of JSON all the same. */
bool caption_lines_lack(const char *text);

int caption_read_lines(struct caption_reader *reader, const char *bytes, size_t size, struct err *err);

/* ---- caption_json.c ------------------------------------------------------------------------------------ */

/* Reads a file of any of the kinds that are JSON. */
int caption_read_json(struct caption_reader *reader, const char *bytes, size_t size, struct err *err);

/* The same of what has been parsed. */
int caption_read_value(struct caption_reader *reader, struct json_t *root, struct err *err);

#endif
