// SPDX-License-Identifier: Apache-2.0
/* `diptych search`: what has been looked for and found, and how it comes out. */
#ifndef DIPTYCH_CLI_SEARCH_H
#define DIPTYCH_CLI_SEARCH_H

#include "cli/output.h"
#include "cli/session.h"
#include "joint/collection/collection.h"

#include <math.h>

struct search_request {
    const char *path, *queries_path, *html;
    const char *queries_option; /* the name of the one that queries_path is of */
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

/* The options of queries and of how many hits they have, and all of them. Input of both: a struct search_request. */
extern const struct argp queries_argp, search_argp;

/* Takes where queries come from, by an option of that name; refuses two of them. */
void search_queries_from(
    struct search_request *s, struct argp_state *state, const char *option, const char *path);

/* A run of the command: what has been opened and found. The request begins as SEARCH_REQUEST, the rest as zeros. */
struct searching {
    struct search_request request;
    struct output output;
    struct strings queries; /* one a line of --queries */
    bool conversation;      /* they come one by one, and each is answered at once */
    int (*converse)(struct searching *s, struct search *search, size_t *truncated, const struct job *job,
        struct err *err); /* where another holds the conversation than standard input and output; or NULL */
    void *partner;        /* its own */
    size_t asked;         /* queries, so far */
    struct collection *collection;
    struct search_rows rows;
    struct search_results *batches; // (batch_count), kept for the gallery
    struct hit_list *lists;         // (count), of the batches
    size_t batch_count, batch_room, count, room;
    size_t in_archives; /* of the items found */
    size_t fruitless;   /* queries without a hit */
    bool outside;       /* a picture of the query is outside what the model knows */
    bool looked;        /* at pictures that were found */
};

#define SEARCH_REQUEST                                                                                       \
    {                                                                                                        \
        .wanted = {.top = 10, .min_score = -INFINITY }                                                       \
    }

/* searching_begin, once the request is parsed, reads the queries; searching_run, with collection, rows and the session's model
 * open, asks and prints. searching_end, also after an error, frees all and returns the exit status. */
int searching_begin(struct searching *s, struct err *err);
int searching_run(struct searching *s, struct err *err);
int searching_end(struct searching *s, int rc, const struct err *err);

/* How many queries are searched together. */
size_t searching_at_once(const struct searching *s);

/* ERR_FORMAT: line `number` of an input is no query. */
int searching_check(const char *line, size_t length, const char *input, size_t number, struct err *err);

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

/* Those in json, wherever they go. */
int search_put_json(FILE *out, const struct hit_list *list, struct err *err);
int search_put_json_failure(FILE *out, const char *line, const char *reason, struct err *err);

/* Writes lists (count) as one HTML page with small pictures in it. */
int search_gallery(const char *path, const struct search_head *head, const struct hit_list *lists,
    size_t count, const struct job *job, struct err *err);

#endif
