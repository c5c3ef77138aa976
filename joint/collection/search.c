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
        const char *sign = i ? term->weight < 0 ? " - " : " + " : term->weight < 0 ? "-" : "";
        fprintf(out, "%s%s", sign, term->text ? term->text : picture_source_name(&term->picture));
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

/* ---- searching ----------------------------------------------------------------------------------------- */

static int find(struct search_results *out, struct collection *collection, const struct search *search,
    const float *vectors, const struct job *job, struct err *err)
{
    struct hits_query *queries = mem_new(out->count, sizeof *queries);
    if (!queries)
        return err_memory(err, out->count * sizeof *queries);
    for (size_t i = 0; i < out->count; i++)
        queries[i] = (struct hits_query){
            vectors + i * collection->embedder->width, search->wanted, &out->lists[i], &out->arena, NULL};
    const int rc =
        hits_find(queries, out->count, collection->index, collection->searcher, search->rows, job, err);
    free(queries);
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
        rc = find(out, collection, search, queries, job, err);
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
