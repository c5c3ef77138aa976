// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOP = 10 };

static_assert((int)DIPTYCH_ANY == (int)INDEX_ANY && (int)DIPTYCH_IMAGE == (int)INDEX_IMAGE &&
                  (int)DIPTYCH_TEXT == (int)INDEX_TEXT,
    "kinds have their own numbers");
static_assert((int)DIPTYCH_BY_SCORE == (int)INDEX_BY_SCORE && (int)DIPTYCH_BY_DATE == (int)INDEX_BY_DATE &&
                  (int)DIPTYCH_BY_TAKEN == (int)INDEX_BY_TAKEN && (int)DIPTYCH_BY_PATH == (int)INDEX_BY_PATH,
    "orders have their own numbers");

struct diptych_hits {
    struct hit_list *lists; // (count)
    size_t count;
    struct arena arena; /* of what is in them */
};

/* A search that is under way. */
struct searching {
    struct diptych_index *index;
    struct diptych_search_options options;
    const float *queries; // (count, E); NULL: the items are listed
    size_t count;
    struct diptych_hits *hits;
    const struct job *job;
};

/* ---- options ------------------------------------------------------------------------------------------- */

int kind_check(int32_t kind, struct err *err)
{
    return kind >= DIPTYCH_ANY && kind <= DIPTYCH_TEXT
               ? 0
               : err_set(err, ERR_ARGUMENT, "kind is %d, which is none", (int)kind);
}

static int read_options(struct searching *s, const struct diptych_search_options *options, struct err *err)
{
    int rc = options_copy(&s->options, sizeof s->options, options, "options", err);
    if (!rc)
        rc = kind_check(s->options.kind, err);
    if (!rc && (s->options.order < DIPTYCH_BY_SCORE || s->options.order > DIPTYCH_BY_PATH))
        rc = err_set(err, ERR_ARGUMENT, "order is %d, which is none", (int)s->options.order);
    return rc;
}

/* Where the item that hits come behind stands in the order. */
static int find_place(struct index_place *out, struct index *index, int64_t id, enum index_order order,
    struct arena *arena, struct err *err)
{
    struct index_item item;
    const int rc = index_get(&item, index, id, arena, err);
    if (!rc)
        *out = (struct index_place){
            .mtime_ns = item.mtime_ns, .text = order == INDEX_BY_TAKEN ? item.taken : item.path, .id = id};
    return rc;
}

/* ---- with the index ------------------------------------------------------------------------------------ */

static int find_hits(
    struct searching *s, const struct hits_wanted *wanted, const struct search_rows *rows, struct err *err)
{
    const size_t width = index_info(collection_index(s->index->collection)).width;
    struct hits_query *queries = mem_new(s->count, sizeof *queries);
    if (!queries)
        return err_memory(err, s->count * sizeof *queries);
    for (size_t i = 0; i < s->count; i++)
        queries[i] = (struct hits_query){.vector = s->queries ? s->queries + i * width : NULL,
            .wanted = *wanted,
            .out = &s->hits->lists[i],
            .arena = &s->hits->arena};
    const int rc = hits_find(
        queries, s->count, collection_index(s->index->collection), s->index->searcher, rows, s->job, err);
    free(queries);
    return rc;
}

static int search_rows_of(struct searching *s, struct err *err)
{
    const struct diptych_search_options *options = &s->options;
    struct index *index = collection_index(s->index->collection);
    const struct index_filter filter = {.where = options->where,
        .match = options->match,
        .match_syntax = options->match_fts5 ? MATCH_FTS5 : MATCH_WORDS,
        .kind = (enum index_kind)options->kind};
    struct hits_wanted wanted = {
        .order = (enum index_order)options->order,
        .skip = options->skip,
        .top = options->top ? options->top : DEFAULT_TOP,
        .min_score = options->min_score ? *options->min_score : -INFINITY,
        .in_turns = options->in_turns,
    };
    struct index_place after;
    struct search_rows rows;
    int rc = 0;
    if (options->after) {
        rc = find_place(&after, index, options->after, wanted.order, &s->hits->arena, err);
        wanted.after = &after;
    }
    if (!rc && !s->index->searcher && s->index->model && !(rc = index_prepare_reader(index, s->job, err)))
        rc = index_searcher_open(&s->index->searcher, index, s->index->model->device, err);
    if (!rc)
        rc = search_rows_open(&rows, index, &filter, options->hide_copies, err);
    if (rc)
        return rc;
    rc = find_hits(s, &wanted, &rows, err);
    search_rows_release(&rows);
    return rc;
}

static int search(struct searching *s, struct err *err)
{
    s->hits = mem_new(1, sizeof *s->hits);
    if (!s->hits || !(s->hits->lists = mem_new(s->count + 1, sizeof *s->hits->lists)))
        return err_memory(err, s->count * sizeof *s->hits->lists);
    s->hits->count = s->count;
    if (!s->count)
        return 0;
    int rc = index_take(s->index, s->job, err);
    if (rc)
        return rc;
    rc = search_rows_of(s, err);
    index_give(s->index);
    return rc;
}

static void hand_over(struct diptych_hits **out, struct diptych_hits *hits, int rc)
{
    if (rc)
        diptych_hits_free(hits);
    else
        *out = hits;
}

/* ---- terms --------------------------------------------------------------------------------------------- */

/* The terms (count) of a query, in the arena; *pictures: some are. */
static int read_terms(struct query_term **out, bool *pictures, struct arena *arena,
    const struct diptych_term *terms, size_t count, struct err *err)
{
    int rc = need(terms, "terms", err);
    if (rc)
        return rc;
    if (count > SIZE_MAX / sizeof **out)
        return err_set(err, ERR_LIMIT, "%zu terms are too many", count);
    *out = arena_alloc(arena, count * sizeof **out);
    if (!*out)
        return err_memory(err, count * sizeof **out);
    for (size_t i = 0; i < count && !rc; i++) {
        struct query_term *term = &(*out)[i];
        struct picture_source *source;
        term->weight = terms[i].weight == 0 ? 1 : (float)terms[i].weight;
        term->text = terms[i].text;
        if (term->text)
            continue;
        *pictures = true;
        rc = sources_of(&source, arena, &terms[i].image, 1, err);
        if (!rc)
            term->picture = *source;
        else
            err_wrap(err, "term %zu", i);
    }
    return rc;
}

/* embedding (E) of the terms' sum, without the index but for how its pictures are prepared. */
static int encode_terms(float *embedding, struct diptych_index *index, const struct diptych_term *terms,
    size_t count, const struct job *job, struct err *err)
{
    struct query_term *query = NULL;
    struct arena arena = {0};
    struct lane *lane = NULL;
    bool pictures = false;
    int alpha = -1;
    int rc = read_terms(&query, &pictures, &arena, terms, count, err);
    if (!rc && pictures)
        rc = index_alpha(&alpha, index, job, err);
    if (!rc)
        rc = lane_take(&lane, index->model, pictures, alpha, job, err);
    if (!rc)
        rc = query_encode(embedding, lane->encoder, lane->loader, query, count, NULL, job, err);
    lane_give(index->model, lane);
    arena_release(&arena);
    return rc;
}

int diptych_index_search(struct diptych_hits **out, struct diptych_index *index,
    const struct diptych_term *terms, size_t count, const struct diptych_search_options *options,
    struct diptych_job *job, struct diptych_error *error)
{
    struct searching s = {.index = index, .count = 1};
    float *embedding = NULL; // (E)
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = index_need(index, false, count > 0, &err);
    }
    if (!rc)
        rc = read_options(&s, options, &err);
    if (!rc && !count && s.options.order == DIPTYCH_BY_SCORE)
        rc = err_set(&err, ERR_ARGUMENT, "without terms there are no scores to order by");
    if (!rc) {
        const struct job work = facade_job(job, index->model ? index->model->threads : 0, host);
        s.job = &work;
        if (count) {
            const size_t width = model_width(index->model->model);
            s.queries = embedding = mem_new(width, sizeof *embedding);
            rc = embedding ? encode_terms(embedding, index, terms, count, &work, &err)
                           : err_memory(&err, width * sizeof *embedding);
        }
        if (!rc)
            rc = search(&s, &err);
        hand_over(out, s.hits, rc);
    }
    free(embedding);
    return facade_end(error, rc, &err, host);
}

int diptych_index_search_embeddings(struct diptych_hits **out, struct diptych_index *index,
    const float *queries, size_t count, const struct diptych_search_options *options, struct diptych_job *job,
    struct diptych_error *error)
{
    struct searching s = {.index = index, .queries = queries, .count = count};
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = index_need(index, false, true, &err);
    }
    if (!rc && count)
        rc = need(queries, "queries", &err);
    if (!rc)
        rc = read_options(&s, options, &err);
    if (!rc) {
        const struct job work = facade_job(job, index->model->threads, host);
        s.job = &work;
        rc = search(&s, &err);
        hand_over(out, s.hits, rc);
    }
    return facade_end(error, rc, &err, host);
}

/* ---- hits ---------------------------------------------------------------------------------------------- */

size_t diptych_hits_queries(const struct diptych_hits *hits)
{
    return hits ? hits->count : 0;
}

size_t diptych_hits_count(const struct diptych_hits *hits, size_t query)
{
    return query < diptych_hits_queries(hits) ? hits->lists[query].count : 0;
}

int32_t diptych_hits_more(const struct diptych_hits *hits, size_t query)
{
    return query < diptych_hits_queries(hits) && hits->lists[query].more;
}

int diptych_hits_get(const struct diptych_hits *hits, size_t query, size_t i, struct diptych_hit *out,
    struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(hits, "hits", &err);
    if (!rc && i >= diptych_hits_count(hits, query))
        rc = err_set(&err, ERR_ARGUMENT, "query %zu of %zu has %zu hits, none with the number %zu", query,
            hits->count, diptych_hits_count(hits, query), i);
    if (!rc) {
        const struct hit_list *list = &hits->lists[query];
        const struct index_item *item = &list->items[i];
        const struct diptych_hit hit = {
            .id = item->id,
            .score = index_cosine(list->hits[i].score),
            .kind = (int32_t)item->kind,
            .width = item->width,
            .height = item->height,
            .path = item->path,
            .text = item->caption,
            .picture = item->picture,
            .metadata = item->metadata,
            .bytes = item->size,
            .modified = item->mtime_ns,
            .taken = item->taken,
            .camera = item->camera,
            .lens = item->lens,
            .latitude = item->lat,
            .longitude = item->lon,
            .copies = list->copies ? list->copies[i].count : 0,
        };
        rc = info_copy(out, &hit, sizeof hit, &err);
    }
    return facade_end(error, rc, &err, host);
}

void diptych_hits_free(struct diptych_hits *hits)
{
    if (!hits)
        return;
    arena_release(&hits->arena);
    free(hits->lists);
    free(hits);
}
