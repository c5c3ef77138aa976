// SPDX-License-Identifier: Apache-2.0
/* Asking a collection, once or line by line, and printing what is found. */
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "cli/item_format.h"
#include "cli/output.h"
#include "cli/search.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64 /* queries */, HITS_AT_ONCE = 1 << 22 /* of them together */ };

/* ---- queries ------------------------------------------------------------------------------------------- */

int searching_check(const char *line, size_t length, const char *input, size_t number, struct err *err)
{
    if (strlen(line) < length)
        return err_set(err, ERR_FORMAT, "unable to read '%s': line %zu has a NUL in it", input, number);
    char *valid = text_utf8(line);
    int rc = valid ? 0 : err_memory(err, length);
    if (!rc && strcmp(valid, line))
        rc = err_set(err, ERR_FORMAT, "unable to read '%s': line %zu is not UTF-8", input, number);
    free(valid);
    return rc;
}

/* Blank lines ask for nothing. ERR_FORMAT: no query. */
static int add_query(struct searching *s, struct span line, size_t number, struct err *err)
{
    if (!line.data[strspn(line.data, " \t\r")] && strlen(line.data) == line.length)
        return 0;
    const int rc = searching_check(line.data, line.length, input_name(s->request.queries_path), number, err);
    return rc ? rc : strings_add(&s->queries, line.data, line.length, err);
}

/* All of them, but for those of a conversation. */
static int read_queries(struct searching *s, struct err *err)
{
    enum { LIMIT = 256 << 20 };
    const char *path = s->request.queries_path;
    struct strings lines = {0};
    s->conversation = s->converse || (path && !strcmp(path, "-"));
    if (!path || s->conversation)
        return 0;
    int rc = input_lines(&lines, path, LIMIT, err);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = add_query(s, span_of(lines.items[i]), i + 1, err);
    strings_release(&lines);
    if (!rc && !s->queries.count)
        rc = err_set(err, ERR_ARGUMENT, "'%s' has no queries", path);
    return rc;
}

/* ---- searching ----------------------------------------------------------------------------------------- */

static int print_lists(struct searching *s, const struct search_results *found, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < found->count && !rc; i++) {
        s->fruitless += !found->lists[i].count;
        for (size_t k = 0; k < found->lists[i].count; k++)
            s->in_archives += item_in_archive(&found->lists[i].items[k]);
        rc = s->conversation ? search_answer(&s->output, &found->lists[i], err)
                             : search_print(&s->output, &found->lists[i], s->outside, err);
    }
    return rc;
}

/* The gallery's. */
static int keep_lists(struct searching *s, struct search_results *found, struct err *err)
{
    int rc = array_grow(s->batches, &s->batch_room, s->batch_count + 1, err);
    if (!rc)
        rc = array_grow(s->lists, &s->room, s->count + found->count, err);
    if (rc) {
        search_results_release(found);
        return rc;
    }
    for (size_t i = 0; i < found->count; i++)
        s->lists[s->count++] = found->lists[i];
    s->batches[s->batch_count++] = *found;
    return 0;
}

/* Whether the model was made for what it was asked with and for what it has found, once a run. */
static int look(struct searching *s, const struct search_results *found, struct err *err)
{
    struct session *session = &s->request.session;
    struct strings paths = {0};
    int rc = 0;
    if (s->looked)
        return 0;
    s->outside = encoder_outside_count(session->encoder) > 0;
    for (size_t i = 0; i < found->count && !rc; i++)
        for (size_t k = 0; k < found->lists[i].count && paths.count < SESSION_LOOK && !rc; k++) {
            const struct index_item *item = &found->lists[i].items[k];
            if (item->kind == INDEX_IMAGE && item->path)
                rc = strings_add(&paths, item->path, strlen(item->path), err);
        }
    s->looked = paths.count > 0;
    if (!rc && !s->outside)
        rc = session_look(session, &paths, err);
    strings_release(&paths);
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
    rc = look(s, &found, err);
    progress_clear(&s->request.session.progress);
    *truncated += found.truncated;
    if (!rc)
        rc = print_lists(s, &found, err);
    if (!rc && s->request.html)
        return keep_lists(s, &found, err);
    search_results_release(&found);
    return rc;
}

/* So many queries that their hits together stay few. */
size_t searching_at_once(const struct searching *s)
{
    const size_t chosen = (size_t)s->rows.chosen.chosen, top = s->request.wanted.top;
    const size_t fit = HITS_AT_ONCE / ((chosen < top ? chosen : top) + 1);
    return fit < 1 ? 1 : fit < AT_ONCE ? fit : AT_ONCE;
}

static void say_nothing_found(const struct searching *s)
{
    const struct search_request *request = &s->request;
    if (!s->rows.chosen.chosen)
        message_nothing(request->path, collection_index(s->collection), &request->filter);
    else if (request->queries_path)
        message("%zu of %zu queries have no hit of %g or more", s->fruitless, s->asked,
            request->wanted.min_score);
    else
        message("no hit of %g or more", request->wanted.min_score);
}

/* Those from `first` on, so many at once. */
static int search_queries(struct searching *s, struct search *search, size_t first, size_t *truncated,
    const struct job *job, struct err *err)
{
    const size_t at_once = searching_at_once(s), queries = s->queries.count;
    int rc = 0;
    for (; first < queries && !rc; first += at_once) {
        search->texts = (const char *const *)s->queries.items + first;
        search->text_count = queries - first < at_once ? queries - first : at_once;
        s->asked += search->text_count;
        rc = search_batch(s, search, truncated, job, err);
    }
    return rc;
}

/* Takes the lines that have come: at least one, unless it is the end, and no more than are searched at once.
 * ERR_FORMAT: the last is no query. */
static int take_lines(struct searching *s, bool *found, struct span *last, struct line_reader *reader,
    const struct job *job, struct err *err)
{
    const size_t most = s->queries.count + searching_at_once(s);
    int rc;
    do {
        rc = line_reader_next(found, last, reader, "waiting for queries", job, err);
        if (!rc && *found)
            rc = add_query(s, *last, reader->number, err);
    } while (!rc && *found && s->queries.count < most && line_reader_ready(reader));
    return rc;
}

/* Answers lines as they come, in their order. A gallery needs their words to the end. */
static int converse(
    struct searching *s, struct search *search, size_t *truncated, const struct job *job, struct err *err)
{
    struct line_reader reader;
    struct span last;
    struct err why;
    bool found = true;
    int rc = line_reader_open(&reader, s->request.queries_path, '\n', err);
    while (!rc && found) {
        if (!s->request.html)
            strings_release(&s->queries);
        const size_t first = s->queries.count;
        const int taken = take_lines(s, &found, &last, &reader, job, &why);
        if (taken && taken != ERR_FORMAT)
            rc = err_set(err, why.code, "%s", why.msg);
        if (!rc)
            rc = search_queries(s, search, first, truncated, job, err);
        if (!rc && taken) {
            progress_clear(&s->request.session.progress);
            s->request.session.failed++;
            rc = search_answer_failure(&s->output, last.data, why.msg, err);
        }
    }
    line_reader_close(&reader);
    return rc;
}

static int search_all(struct searching *s, const struct job *job, struct err *err)
{
    const struct search_request *request = &s->request;
    struct search search = {.rows = &s->rows,
        .terms = request->terms,
        .term_count = request->term_count,
        .wanted = request->wanted};
    size_t truncated = 0;
    int rc = s->converse              ? s->converse(s, &search, &truncated, job, err)
             : !request->queries_path ? search_batch(s, &search, &truncated, job, err)
             : s->conversation        ? converse(s, &search, &truncated, job, err)
                                      : search_queries(s, &search, 0, &truncated, job, err);
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

/* ---- the run ------------------------------------------------------------------------------------------- */

int searching_begin(struct searching *s, struct err *err)
{
    struct search_request *request = &s->request;
    output_init(&s->output, request->format);
    session_begin(&request->session);
    preview_begin(
        &request->preview, request->format == OUTPUT_TABLE, &request->session.loader_options.picture);
    s->output.preview = request->preview;
    s->output.taken = request->wanted.order == INDEX_BY_TAKEN;
    return read_queries(s, err);
}

int searching_run(struct searching *s, struct err *err)
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

int searching_end(struct searching *s, int rc, const struct err *err)
{
    output_flush();
    if (!rc && is_paths(s->request.format) && !s->request.session.quiet)
        message_in_archives(s->in_archives);
    for (size_t i = 0; i < s->batch_count; i++)
        search_results_release(&s->batches[i]);
    free(s->batches);
    free(s->lists);
    search_rows_release(&s->rows);
    collection_free(s->collection);
    strings_release(&s->queries);
    arena_release(&s->request.arena);
    return session_close(&s->request.session, "search", rc, err);
}
