// SPDX-License-Identifier: Apache-2.0
/* `diptych search`: what has been looked for and found, and how it comes out. */
#ifndef DIPTYCH_CLI_SEARCH_H
#define DIPTYCH_CLI_SEARCH_H

#include "cli/output.h"
#include "cli/session.h"
#include "joint/collection/collection.h"

struct search_request {
    const char *path, *queries_path, *html;
    struct query_term *terms;
    size_t term_count;
    struct index_filter filter;
    struct hits_wanted wanted;
    bool hide_copies;
    int format; /* an output_format */
    struct preview preview;
    struct session session;
    struct arena arena;
};

extern const struct argp search_argp; /* input: a struct search_request */

/* What a gallery says above its pictures. */
struct search_head {
    const char *index, *model;
    int64_t searched; /* items looked at */
    const struct picture_options *picture;
};

/*   table  the query as it was understood; below it a line a hit: its score, id, kind, and path or text
 *   tsv    query, score, id, kind, path, text: a line a hit
 *   json   {"query", "score", "id", "kind", "path", "text", "picture", "metadata"}: a line a hit, without what
 *          a hit does not have; and "outside": true where a picture that was asked with is outside what the model knows */
int search_print(const struct output *output, const struct hit_list *list, bool outside, struct err *err);

/* The same as an answer that whoever asked can tell the end of, and which is out when this returns:
 *
 *   table, tsv  with an empty line behind
 *   json        one line, {"query", "hits": [{"score", ...}]}
 *
 * And the answer to a line that is no query: {"query", "error"} in json, else a message. */
int search_answer(const struct output *output, const struct hit_list *list, struct err *err);
int search_answer_failure(const struct output *output, const char *line, const char *reason, struct err *err);

/* Writes lists (count) as one HTML page with small pictures in it. */
int search_gallery(const char *path, const struct search_head *head, const struct hit_list *lists,
    size_t count, const struct job *job, struct err *err);

#endif
