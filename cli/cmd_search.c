// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_index.h"
#include "cli/command.h"
#include "cli/search.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOP = 10, AT_ONCE = 64 /* queries */, HITS_AT_ONCE = 1 << 22 /* of them together */ };

/* What has been opened and found. */
struct search {
    struct search_request request;
    struct output output;
    struct strings queries; /* one a line of --queries */
    struct arena arena;     /* of names and items */
    struct index *index;
    struct index_searcher *searcher;
    struct index_rows rows;
    struct search_result *results; // (count)
    size_t count;
};

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Blank lines ask for nothing. */
static int add_query(struct search *s, const char *line, size_t number, struct err *err)
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

static int read_queries(struct search *s, struct err *err)
{
    enum { LIMIT = 256 << 20 };
    const char *path = s->request.queries_path;
    struct strings lines = {0};
    char *bytes;
    size_t size;
    if (!path)
        return 0;
    int rc = file_read(&bytes, &size, path, LIMIT, err);
    if (rc)
        return rc;
    const size_t mark = text_mark(bytes, size);
    rc = memchr(bytes, '\0', size) ? err_set(err, ERR_FORMAT, "unable to read '%s': not a text file", path)
                                   : strings_add_lines(&lines, bytes + mark, size - mark, err);
    free(bytes);
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = add_query(s, lines.items[i], i + 1, err);
    strings_release(&lines);
    if (!rc && !s->queries.count)
        rc = err_set(err, ERR_ARGUMENT, "'%s' has no queries", path);
    return rc;
}

/* What is quick first: a mistake in a path or an expression shows at once. */
static int open_all(struct search *s, struct err *err)
{
    int rc = read_queries(s, err);
    if (!rc)
        rc = index_open(&s->index, s->request.path, INDEX_READ, NULL, err);
    if (!rc)
        rc = index_rows(&s->rows, s->index, &s->request.filter, err);
    if (!rc)
        rc = session_open_for(&s->request.session, s->index, err);
    return rc ? rc : index_searcher_open(&s->searcher, s->index, s->request.session.device, err);
}

/* ---- searching ----------------------------------------------------------------------------------------- */

static size_t hits_wanted(const struct search *s)
{
    return (size_t)s->rows.chosen < s->request.top ? (size_t)s->rows.chosen : s->request.top;
}

/* A result of its hits, down to --min-score, with what the catalog says of them. */
static int fetch(struct search *s, struct search_result *out, const char *query, const struct index_hit *hits,
    size_t count, struct err *err)
{
    while (count && !(hits[count - 1].score >= s->request.min_score))
        count--;
    struct index_item *items = arena_alloc(&s->arena, count * sizeof *items);
    struct index_hit *kept = arena_alloc(&s->arena, count * sizeof *kept);
    int64_t *rows = mem_new(count + 1, sizeof *rows);
    int rc = items && kept && rows ? 0 : err_memory(err, count * sizeof *items);
    for (size_t i = 0; i < count && !rc; i++) {
        kept[i] = hits[i];
        rows[i] = hits[i].row;
    }
    if (!rc)
        rc = index_fetch(items, s->index, rows, count, &s->arena, err);
    *out = (struct search_result){query, items, kept, count};
    free(rows);
    return rc;
}

/* Results of queries (count, E), each shown as names[i]. */
static int search_batch(struct search *s, const float *queries, const char *const *names, size_t count,
    bool several, struct err *err)
{
    const size_t k = hits_wanted(s);
    struct index_hit *hits = mem_new(count, (k + 1) * sizeof *hits); // (count, k)
    size_t *counts = mem_new(count, sizeof *counts);
    int rc = hits && counts ? 0 : err_memory(err, count * k * sizeof *hits);
    if (!rc && k)
        rc = index_search(s->searcher, &s->rows, queries, count, k, hits, counts, NULL, err);
    for (size_t i = 0; i < count && !rc; i++) {
        struct search_result *result = &s->results[s->count];
        rc = fetch(s, result, names[i], hits + i * k, counts[i], err);
        if (!rc)
            rc = search_print(&s->output, result, several, err);
        s->count += !rc;
    }
    free(counts);
    free(hits);
    return rc;
}

/* The query as a line: the user's words, "-" before what is subtracted, and pictures by their paths. */
static char *query_name(struct search *s, struct err *err)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < s->request.term_count; i++) {
        const struct query_term *term = &s->request.terms[i];
        fprintf(out, "%s%s%s", i ? " " : "", term->weight < 0 ? "-" : "",
            term->text ? term->text : picture_source_name(&term->picture));
        if (fabsf(term->weight) != 1)
            fprintf(out, ":%g", (double)fabsf(term->weight));
    }
    char *name = out && !fclose(out) ? arena_copy(&s->arena, text, size) : NULL;
    if (!name)
        err_memory(err, 0);
    free(text);
    return name;
}

static void tell_truncated(const struct search *s, size_t truncated)
{
    if (truncated)
        message("%zu queries are longer than the model's %zu tokens and were cut", truncated,
            model_config(s->request.session.model)->text.context);
}

static int search_terms(struct search *s, float *embedding, struct err *err)
{
    size_t truncated;
    const char *name = query_name(s, err);
    if (!name)
        return ERR_MEMORY;
    int rc = query_encode(embedding, s->request.session.encoder, s->request.terms, s->request.term_count,
        &s->request.session.loader_options, &truncated, err);
    if (rc)
        return rc;
    tell_truncated(s, truncated);
    return search_batch(s, embedding, &name, 1, false, err);
}

static size_t queries_at_once(const struct search *s)
{
    const size_t fit = HITS_AT_ONCE / (hits_wanted(s) + 1);
    return fit < 1 ? 1 : fit < AT_ONCE ? fit : AT_ONCE;
}

/* Results are kept for the gallery only. */
static int search_lines(struct search *s, float *embeddings, struct err *err)
{
    const char *const *lines = (const char *const *)s->queries.items;
    const size_t at_once = queries_at_once(s);
    size_t cut = 0;
    int rc = 0;
    for (size_t first = 0; first < s->queries.count && !rc; first += at_once) {
        const size_t left = s->queries.count - first, count = left < at_once ? left : at_once;
        size_t truncated;
        rc = encoder_texts(s->request.session.encoder, embeddings, lines + first, count, &truncated, err);
        if (!rc)
            rc = search_batch(s, embeddings, lines + first, count, true, err);
        cut += rc ? 0 : truncated;
        if (!s->request.html) {
            arena_release(&s->arena);
            s->count = 0;
        }
    }
    tell_truncated(s, cut);
    return rc;
}

static int search_all(struct search *s, struct err *err)
{
    const size_t row = model_width(s->request.session.model) * sizeof(float);
    const struct index_info info = index_info(s->index);
    float *embeddings = mem_new(AT_ONCE, row); // (AT_ONCE, E)
    s->results = mem_new(s->queries.count + 1, sizeof *s->results);
    int rc = embeddings && s->results ? 0 : err_memory(err, AT_ONCE * row);
    progress_clear(&s->request.session.progress);
    if (!rc)
        rc = s->request.queries_path ? search_lines(s, embeddings, err) : search_terms(s, embeddings, err);
    free(embeddings);
    const struct search_head head = {
        info.path, info.model, s->rows.chosen, &s->request.session.loader_options.picture};
    return rc || !s->request.html ? rc : search_gallery(s->request.html, &head, s->results, s->count, err);
}

int cmd_search(int argc, char **argv)
{
    struct search s = {.request = {.top = DEFAULT_TOP, .min_score = -INFINITY}};
    struct err err = {0};
    options_parse(&search_argp, argc, argv, &s.request);
    output_init(&s.output, s.request.format);
    session_begin(&s.request.session);

    int rc = open_all(&s, &err);
    if (!rc)
        rc = search_all(&s, &err);
    fflush(stdout);
    index_searcher_free(s.searcher);
    index_rows_release(&s.rows);
    index_free(s.index);
    free(s.results);
    strings_release(&s.queries);
    arena_release(&s.arena);
    arena_release(&s.request.arena);
    s.request.session.quiet = true; /* no pictures a second: there were none, or few */
    return session_end(&s.request.session, "search", rc, &err);
}
