// SPDX-License-Identifier: Apache-2.0
/* Texts with what is said of them, from files. */
#ifndef DIPTYCH_COLLECTION_TEXT_FILES_H
#define DIPTYCH_COLLECTION_TEXT_FILES_H

#include "base/base.h"

struct text_entry {
    const char *text;
    const char *picture;  /* the path of the picture it describes, or NULL */
    const char *metadata; /* a JSON object, or NULL */
    bool unbound;         /* its picture cannot be told: see sync_texts */
};

/* Zero-initialise but for the job. */
struct text_list {
    const struct job *job; /* to which entries that are none are reported */
    struct text_entry *items;
    size_t count, room;
    size_t failed; /* entries of the file that are none */
    struct arena arena;
};

/* Strings are copied. A blank text does not count. */
int text_list_add(struct text_list *list, const struct text_entry *entry, struct err *err);
void text_list_release(struct text_list *list);

/* Adds the texts of a file, gzipped or not, by the end of its name:
 *
 *   .txt    a text a line
 *   .jsonl  {"text": ...} or else {"caption": ...} a line; its other keys are the text's metadata
 *   .csv    RFC 4180, with a header that has a column `text` or `caption`; the others are metadata
 *
 * Lines that are no such thing are reported and counted; only a file that cannot be read, or is none of
 * these, fails. */
int texts_read(struct text_list *list, const char *path, struct err *err);

/* Visits the objects of a file of JSON lines by the value of the first of two keys that they have (NULL: there is one key);
 * `rest` is the object without it, as text, or NULL where nothing is left of it. Lines that lack both are reported to the job
 * and counted in *failed. */
typedef int line_visit(void *context, const char *value, const char *rest, struct err *err);
int json_lines_read(size_t *failed, const char *path, const char *const keys[2], line_visit *visit,
    void *context, const struct job *job, struct err *err);

#endif
