// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/search.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOP = 10, AT_ONCE = 64 /* queries */, HITS_AT_ONCE = 1 << 22 /* of them together */ };

/* What has been opened and found. */
struct searching {
    struct search_request request;
    struct output output;
    struct strings queries; /* one a line of --queries */
    struct collection *collection;
    struct search_rows rows;
    struct search_results *batches; // (batch_count), kept for the gallery
    struct hit_list *lists;         // (count), of the batches
    size_t batch_count, count;
    size_t fruitless; /* queries without a hit */
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Blank lines ask for nothing. */
static int add_query(struct searching *s, const char *line, size_t number, struct err *err)
{
    if (!line[strspn(line, " \t\r")])
        return 0;
    char *valid = text_utf8(line);
    int rc = valid ? 0 : err_memory(err, strlen(line));
    if (!rc && strcmp(valid, line))
        rc = err_set(
            err, ERR_FORMAT, "unable to read '%s': line %zu is not UTF-8", s->request.queries_path, number);
    free(valid);
    return rc ? rc : strings_add(&s->queries, line, strlen(line), err);
}

static int read_queries(struct searching *s, struct err *err)
{
    enum { LIMIT = 256 << 20 };
    const char *path = s->request.queries_path;
    struct strings lines = {0};
    if (!path)
        return 0;
    int rc = lines_read(&lines, path, LIMIT, err);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = add_query(s, lines.items[i], i + 1, err);
    strings_release(&lines);
    if (!rc && !s->queries.count)
        rc = err_set(err, ERR_ARGUMENT, "'%s' has no queries", path);
    return rc;
}

/* What is quick first: a mistake in a path or an expression shows at once. */
static int open_all(struct searching *s, struct err *err)
{
    struct session *session = &s->request.session;
    const struct collection_options options = {.access = INDEX_READ, .storage = -1};
    int rc = read_queries(s, err);
    if (!rc)
        rc = collection_open(&s->collection, s->request.path, &options, err);
    if (!rc)
        rc = search_rows_open(
            &s->rows, collection_index(s->collection), &s->request.filter, s->request.hide_copies, err);
    return rc ? rc : session_open_for(session, collection_index(s->collection), err);
}

/* ---- searching ----------------------------------------------------------------------------------------- */

static int print_lists(struct searching *s, const struct search_results *found, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < found->count && !rc; i++) {
        s->fruitless += !found->lists[i].count;
        rc = search_print(&s->output, &found->lists[i], err);
    }
    return rc;
}

/* Prints what is found. Results are kept for the gallery only. */
static int search_batch(struct searching *s, const struct search *search, size_t *truncated,
    const struct job *job, struct err *err)
{
    struct search_results found;
    int rc = collection_search(&found, s->collection, search, job, err);
    if (rc)
        return rc;
    progress_clear(&s->request.session.progress);
    *truncated += found.truncated;
    rc = print_lists(s, &found, err);
    if (!s->request.html) {
        search_results_release(&found);
        return rc;
    }
    for (size_t i = 0; i < found.count; i++)
        s->lists[s->count++] = found.lists[i];
    s->batches[s->batch_count++] = found;
    return rc;
}

/* So many queries that their hits together stay few. */
static size_t queries_at_once(const struct searching *s)
{
    const size_t chosen = (size_t)s->rows.chosen.chosen, top = s->request.wanted.top;
    const size_t fit = HITS_AT_ONCE / ((chosen < top ? chosen : top) + 1);
    return fit < 1 ? 1 : fit < AT_ONCE ? fit : AT_ONCE;
}

static void say_nothing_found(const struct searching *s)
{
    const struct search_request *request = &s->request;
    if (!s->rows.chosen.chosen)
        message_nothing(collection_index(s->collection), &request->filter);
    else if (request->queries_path)
        message("%zu of %zu queries have no hit of %g or more", s->fruitless, s->queries.count,
            request->wanted.min_score);
    else
        message("no hit of %g or more", request->wanted.min_score);
}

static int search_all(struct searching *s, const struct job *job, struct err *err)
{
    const struct search_request *request = &s->request;
    const size_t at_once = queries_at_once(s), queries = s->queries.count;
    struct search search = {.rows = &s->rows,
        .terms = request->terms,
        .term_count = request->term_count,
        .wanted = request->wanted};
    size_t truncated = 0;
    s->batches = mem_new(queries + 1, sizeof *s->batches);
    s->lists = mem_new(queries + 1, sizeof *s->lists);
    int rc = s->batches && s->lists ? 0 : err_memory(err, queries * sizeof *s->batches);
    if (!rc && !request->queries_path)
        rc = search_batch(s, &search, &truncated, job, err);
    for (size_t first = 0; first < queries && !rc; first += at_once) {
        search.texts = (const char *const *)s->queries.items + first;
        search.text_count = queries - first < at_once ? queries - first : at_once;
        rc = search_batch(s, &search, &truncated, job, err);
    }
    progress_clear(&s->request.session.progress);
    session_say_cut(&request->session, "queries", truncated);
    if (!rc && s->fruitless)
        say_nothing_found(s);
    return rc;
}

static int write_gallery(const struct searching *s, const struct job *job, struct err *err)
{
    const struct index_info info = index_info(collection_index(s->collection));
    const struct search_head head = {
        info.path, info.model, s->rows.chosen.chosen, &s->request.session.loader_options.picture};
    return s->request.html ? search_gallery(s->request.html, &head, s->lists, s->count, job, err) : 0;
}

static int search(struct searching *s, struct err *err)
{
    struct session *session = &s->request.session;
    const struct job job = session_job(session);
    int rc = session_loader(session, err);
    struct encoder_embedder encoder = {session->encoder, session->loader};
    const struct embedder embedder = embedder_of(&encoder);
    if (!rc)
        rc = collection_attach(s->collection, &embedder, session->device, err);
    if (!rc)
        rc = search_all(s, &job, err);
    return rc ? rc : write_gallery(s, &job, err);
}

int cmd_search(int argc, char **argv)
{
    struct searching s = {.request = {.wanted = {.top = DEFAULT_TOP, .min_score = -INFINITY}}};
    struct err err = {0};
    options_parse(&search_argp, argc, argv, &s.request);
    output_init(&s.output, s.request.format);
    session_begin(&s.request.session);

    int rc = open_all(&s, &err);
    if (!rc)
        rc = search(&s, &err);
    output_flush();
    for (size_t i = 0; i < s.batch_count; i++)
        search_results_release(&s.batches[i]);
    free(s.batches);
    free(s.lists);
    search_rows_release(&s.rows);
    collection_free(s.collection);
    strings_release(&s.queries);
    arena_release(&s.request.arena);
    s.request.session.quiet = true; /* no pictures a second: there were none, or few */
    return session_end(&s.request.session, "search", rc, &err);
}
