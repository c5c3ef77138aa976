// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- queries ------------------------------------------------------------------------------------------- */

const char *query_line(struct arena *arena, const struct query_term *terms, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < count; i++) {
        const struct query_term *term = &terms[i];
        fprintf(out, "%s%s%s", i ? " " : "", term->weight < 0 ? "-" : "",
            term->text ? term->text : picture_source_name(&term->picture));
        if (fabsf(term->weight) != 1)
            fprintf(out, ":%g", (double)fabsf(term->weight));
    }
    const char *line = out && !fclose(out) ? arena_copy(arena, text, size) : NULL;
    free(text);
    return line;
}

static int encode_texts(float *embeddings, size_t *truncated, const struct embedder *embedder,
    const char *const *texts, size_t count, const struct job *job, struct err *err)
{
    struct err *errs = mem_new(count, sizeof *errs);
    if (!errs)
        return err_memory(err, count * sizeof *errs);
    int rc = embedder->texts(embedder->context, embeddings, errs, texts, count, truncated, job, err);
    for (size_t i = 0; i < count && !rc; i++)
        if (errs[i].code)
            rc = err_set(err, errs[i].code, "%s", errs[i].msg);
    free(errs);
    return rc;
}

/* queries (count, E), and how to call each in its list. */
static int encode(struct search_results *out, float *queries, const struct embedder *embedder,
    const struct search *search, const struct job *job, struct err *err)
{
    if (!search->term_count) {
        for (size_t i = 0; i < out->count; i++)
            out->lists[i].query = search->texts[i];
        return encode_texts(queries, &out->truncated, embedder, search->texts, out->count, job, err);
    }
    out->lists[0].query = query_line(&out->arena, search->terms, search->term_count);
    if (!out->lists[0].query)
        return err_memory(err, 0);
    return embedder->query(
        embedder->context, queries, search->terms, search->term_count, &out->truncated, job, err);
}

/* ---- hits ---------------------------------------------------------------------------------------------- */

/* The hits down to the least score, with what the catalog says of them. */
static int fetch(struct hit_list *list, struct index *index, const struct index_hit *hits, size_t count,
    double min_score, struct arena *arena, struct err *err)
{
    while (count && !(hits[count - 1].score >= min_score))
        count--;
    struct index_item *items = arena_alloc(arena, count * sizeof *items);
    struct index_hit *kept = arena_alloc(arena, count * sizeof *kept);
    int64_t *rows = mem_new(count + 1, sizeof *rows);
    int rc = items && kept && rows ? 0 : err_memory(err, count * sizeof *items);
    for (size_t i = 0; i < count && !rc; i++) {
        kept[i] = hits[i];
        rows[i] = hits[i].row;
    }
    if (!rc)
        rc = index_fetch(items, index, rows, count, arena, err);
    *list = (struct hit_list){list->query, items, kept, count};
    free(rows);
    return rc;
}

static int scan(struct search_results *out, struct collection *collection, const struct search *search,
    const float *queries, const struct job *job, struct err *err)
{
    const size_t chosen = (size_t)search->rows->chosen, k = chosen < search->top ? chosen : search->top;
    struct index_hit *hits = mem_new(out->count, (k + 1) * sizeof *hits); // (count, k)
    size_t *counts = mem_new(out->count, sizeof *counts);
    int rc = hits && counts ? 0 : err_memory(err, out->count * k * sizeof *hits);
    if (!rc && k)
        rc = index_search(collection->searcher, search->rows, queries, out->count, k, hits, counts, job, err);
    for (size_t i = 0; i < out->count && !rc; i++)
        rc = fetch(
            &out->lists[i], collection->index, hits + i * k, counts[i], search->min_score, &out->arena, err);
    free(counts);
    free(hits);
    return rc;
}

int collection_search(struct search_results *out, struct collection *collection, const struct search *search,
    const struct job *job, struct err *err)
{
    const struct embedder *embedder = collection->embedder;
    const size_t count = search->term_count ? 1 : search->text_count;
    assert(embedder && collection->searcher);
    *out = (struct search_results){.count = count};
    out->lists = mem_new(count, sizeof *out->lists);
    float *queries = mem_new(count, embedder->width * sizeof *queries); // (count, E)
    int rc = out->lists && queries ? 0 : err_memory(err, count * embedder->width * sizeof *queries);
    if (!rc)
        rc = encode(out, queries, embedder, search, job, err);
    if (!rc)
        rc = scan(out, collection, search, queries, job, err);
    free(queries);
    if (rc)
        search_results_release(out);
    return rc;
}

void search_results_release(struct search_results *results)
{
    free(results->lists);
    arena_release(&results->arena);
    *results = (struct search_results){0};
}
