// SPDX-License-Identifier: Apache-2.0
/* What import and export share: items as JSON lines, and the folders of clip-retrieval. */
#ifndef DIPTYCH_INDEX_EXCHANGE_H
#define DIPTYCH_INDEX_EXCHANGE_H

#include "index/index.h"

/* Where a folder of clip-retrieval's layout keeps a kind: rows in VECTORS/VECTORS_N.npy, what they are in
 * METADATA/METADATA_N.EXT. Its own metadata_N says both of row i in img_emb_N and of row i in text_emb_N; an
 * index has texts of no picture and pictures of many texts, so ours says the one, and text_metadata_N the
 * other. It keeps metadata as parquet, and we as JSON lines. */
struct exchange_folder {
    enum index_kind kind;
    const char *vectors, *metadata;
};
enum { EXCHANGE_FOLDERS = 2 };
extern const struct exchange_folder exchange_folders[EXCHANGE_FOLDERS];

/* folder/NAME/NAME_NUMBER, and the end of it; NULL when out of memory. */
char *exchange_path(
    struct arena *arena, const char *folder, const char *name, const char *number, const char *end);

/* The file beside another of the same name, but for what follows the last point: that is `end`, ".jsonl". NULL: out of
 * memory. */
char *exchange_beside(struct arena *arena, const char *path, const char *end);

/* ERR_ARGUMENT where two paths, of files that need not be there, are one. */
int exchange_check_apart(const char *a, const char *b, struct err *err);

/* An item as a JSON object, all of it but the row; NULL when out of memory. *lossy is set where a string is not UTF-8, which
 * JSON must be: a byte that is none becomes U+FFFD. */
struct json_t *exchange_json(const struct index_item *item, bool *lossy);

/* The same as one line, without the line end. */
int exchange_put(FILE *out, const struct index_item *item, bool *lossy, struct err *err);

/* The item that a JSON object describes, which loses its keys by that; strings come from the arena:
 *
 *   kind               "image" or "text"; `kind` where it does not say
 *   path, image_path   of a text, image_path is the picture
 *   caption, text      of a text, `text` goes before `caption`
 *   picture hash size width height
 *   mtime_ns, mtime    in nanoseconds or seconds since 1970
 *   taken camera lens lat lon    of a picture: struct index_item's; taken is a date, lat and lon are both there
 *   metadata           an object
 *   id                 an integer: dropped, the index gives its own
 *
 * What else there is joins the metadata, also a key of these whose value is of another type, such as
 * LAION's whole numbers as `hash`. null and "" are as good as nothing. ERR_FORMAT: another kind, or a text
 * without words. */
int exchange_item(struct index_item *out, struct json_t *object, enum index_kind kind, struct arena *arena,
    struct err *err);

/* The lines of a file that are not blank, one after the other. */
struct exchange_lines {
    const char *path;
    struct file_map map;
    struct lines lines;
};

int exchange_lines_open(struct exchange_lines *out, const char *path, struct err *err);
void exchange_lines_release(struct exchange_lines *lines);

/* *count: of those to come. */
int exchange_lines_count(
    int64_t *count, const struct exchange_lines *lines, const struct job *job, struct err *err);

/* The item of the next line; ERR_FORMAT names file and line. There must be one. */
int exchange_lines_next(struct index_item *out, struct exchange_lines *lines, enum index_kind kind,
    struct arena *arena, struct err *err);

#endif
