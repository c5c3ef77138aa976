// SPDX-License-Identifier: Apache-2.0
/* The scan from the first row to the last: spans that grow, and thresholds that rise. */
#include "index/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/scan_batch.h"
#include "index/scan_rank.h"

struct scanner {
    struct device *device;
    struct stream *stream;
    size_t bytes; /* of the stream's memory */
    const struct scan_dots *dots;
    struct pool *pool;          /* NULL until it is wanted */
    struct survivor *survivors; // (LIST_ROOM)
    uint32_t *order;            // (LIST_ROOM)
    struct best bests[BATCH_MAX];
};

int scanner_open(struct scanner **out, struct device *device, struct err *err)
{
    struct scanner *scanner = mem_new(1, sizeof *scanner);
    if (!scanner)
        return err_memory(err, sizeof *scanner);
    scanner->survivors = mem_new(LIST_ROOM, sizeof *scanner->survivors);
    scanner->order = mem_new(LIST_ROOM, sizeof *scanner->order);
    if (!scanner->survivors || !scanner->order) {
        scanner_free(scanner);
        return err_memory(err, LIST_ROOM * sizeof *scanner->survivors);
    }
    scanner->device = device;
    scanner->dots = device_is_host(device) ? scan_dots_fast() : NULL;
    *out = scanner;
    return 0;
}

void scanner_free(struct scanner *scanner)
{
    if (!scanner)
        return;
    stream_free(scanner->stream);
    pool_free(scanner->pool);
    free(scanner->survivors);
    free(scanner->order);
    for (size_t i = 0; i < BATCH_MAX; i++)
        best_release(&scanner->bests[i]);
    free(scanner);
}

/* Gives the batch the scanner's memory, made larger where it must be. */
static int scanner_place(struct scanner *scanner, struct batch *batch, struct err *err)
{
    struct stream *plan = NULL;
    int rc = stream_open(&plan, scanner->device, 0, err);
    if (!rc)
        rc = batch_place(batch, plan, err);
    if (!rc && stream_peak(plan) > scanner->bytes) {
        stream_free(scanner->stream);
        scanner->stream = NULL;
        scanner->bytes = 0;
        rc = stream_open(&scanner->stream, scanner->device, stream_peak(plan), err);
        if (!rc)
            scanner->bytes = stream_peak(plan);
    }
    stream_free(plan);
    if (rc)
        return rc;
    stream_rewind(scanner->stream, 0);
    return batch_place(batch, scanner->stream, err);
}

int scanner_batch(struct batch *batch, const struct scanner *scanner, const struct index_rows *rows,
    const struct coarse *coarse, const float *queries, size_t count, struct err *err)
{
    const int rc = batch_init(batch, scanner->device, scanner->dots, rows, coarse, queries, count, err);
    batch->survivors = scanner->survivors;
    return rc;
}

void scanner_set_dots(struct scanner *scanner, const struct scan_dots *dots)
{
    scanner->dots = dots;
}

/* Starting threads for each loop would take longer than some of the loops. */
const struct job *scanner_job(struct scanner *scanner, struct job *pooled, const struct job *job)
{
    if (job && (job->pool || job->threads == 1))
        return job;
    if (!scanner->pool)
        pool_open(&scanner->pool, job_threads(job) - 1, NULL);
    *pooled = job ? *job : (struct job){0};
    pooled->pool = scanner->pool;
    return pooled;
}

/* ---- spans --------------------------------------------------------------------------------------------- */

/* Spans begin small, while thresholds are low, and double as long as they leave few survivors. */
int scanner_sift(struct scanner *scanner, struct batch *batch, const double *thresholds, batch_take *take,
    void *context, const struct job *job, struct err *err)
{
    size_t rows = batch->begin_rows;
    int rc = scanner_place(scanner, batch, err);
    for (int64_t first = batch->begin; !rc && first < batch->rows->count;) {
        const size_t most = batch_span_rows(batch, first);
        size_t found = 0;
        bool full = false;
        if (rows > most)
            rows = most;
        rc = job_step(job, "rows", (size_t)first, (size_t)batch->rows->count, err);
        if (!rc)
            rc = batch_span(batch, thresholds, first, rows, &found, &full, job, err);
        if (!rc && !full) {
            rc = take(context, first, found, err);
            first += (int64_t)rows;
        }
        if (full || rows < SPAN_LEAST)
            rows = SPAN_LEAST;
        else if (found <= LIST_ROOM / 2)
            rows *= 2;
    }
    return rc;
}

/* ---- candidates ---------------------------------------------------------------------------------------- */

static struct candidate candidate_of(int64_t row, double lower, double upper)
{
    if (isnan(lower) || isnan(upper))
        return (struct candidate){.row = row, .lower = -INFINITY, .upper = INFINITY};
    return (struct candidate){.row = row, .lower = lower, .upper = upper};
}

/* Of a query; products with it are exact. */
static double unit_of(const struct batch *batch, size_t query)
{
    return ldexp(1, batch->queries[query].exponent);
}

/* ---- first look ---------------------------------------------------------------------------------------- */

/* What is known of the first rows. */
struct looking {
    const struct batch *batch;
    struct best *bests;  // (Q)
    struct looked *rows; // (room)
    float *lowers;       // (Q, room)
    size_t room, found;
};

/* In the query's units. */
static double look_upper(const struct looked *row, const struct look_width *width, float lower)
{
    return lower + (row->error * width->error + row->norm * width->norm + row->centre * width->centre) +
           0x1p-100;
}

/* Those who reach the threshold are collected first, as which these are is what no CPU foresees. */
static void look_query(void *context, size_t query)
{
    enum { PIECE = 256 };
    const struct looking *looking = context;
    struct best *best = &looking->bests[query];
    const struct look_width width = host_look_width(looking->batch->host, query);
    const double unit = unit_of(looking->batch, query);
    const float *lowers = looking->lowers + query * looking->room;
    const struct looked *rows = looking->rows;
    best_foresee(best, lowers, looking->found, unit);
    for (size_t first = 0; first < looking->found; first += PIECE) {
        const size_t end = looking->found - first < PIECE ? looking->found : first + PIECE;
        const double threshold = best->threshold / unit;
        size_t kept[PIECE], count = 0;
        for (size_t i = first; i < end; i++) {
            kept[count] = i;
            count += !(look_upper(&rows[i], &width, lowers[i]) < threshold);
        }
        for (size_t j = 0; j < count; j++) {
            const size_t i = kept[j];
            best_add(best,
                candidate_of(rows[i].row, lowers[i] * unit, look_upper(&rows[i], &width, lowers[i]) * unit));
        }
    }
}

/* Without a threshold all of the first rows would survive. So they are bounded from below before who survives is asked. */
static int look(struct batch *batch, struct best *bests, const struct job *job, struct err *err)
{
    enum { ROWS_A_HIT = 8 }; /* with more a look takes longer than it saves */
    const size_t k = bests->k, want = k < SPAN_LEAST / ROWS_A_HIT ? SPAN_LEAST : ROWS_A_HIT * k;
    struct looking looking = {.batch = batch,
        .bests = bests,
        .room = LIST_ROOM * sizeof(struct survivor) / (sizeof(struct looked) + batch->count * sizeof(float))};
    if (looking.room > want)
        looking.room = want;
    if (looking.room > bests->room)
        looking.room = bests->room;
    if (!batch_can_look(batch) || looking.room < k)
        return 0;
    looking.rows = (void *)batch->survivors; /* there are none yet */
    looking.lowers = (void *)(looking.rows + looking.room);
    const int rc = batch_look(batch, looking.rows, looking.lowers, looking.room, &looking.found, job, err);
    if (!rc)
        job_loop(job, batch->count, look_query, &looking);
    return rc;
}

/* ---- first pass ---------------------------------------------------------------------------------------- */

/* What is known of all queries while the spans go by. */
struct sifting {
    const struct batch *batch;
    struct best *bests; // (Q)
    double *thresholds; // (Q)
    uint32_t *order;    // (LIST_ROOM): survivors by query
    const struct job *job;
    int64_t first; /* row of the span */
    size_t starts[BATCH_MAX + 1];
};

/* The survivors of one query, and what they make of its threshold. */
static void take_query(void *context, size_t query)
{
    const struct sifting *sifting = context;
    struct best *best = &sifting->bests[query];
    const double unit = unit_of(sifting->batch, query);
    for (size_t i = sifting->starts[query]; i < sifting->starts[query + 1]; i++) {
        const struct survivor *survivor = &sifting->batch->survivors[sifting->order[i]];
        best_add(best,
            candidate_of(sifting->first + survivor->row, survivor->lower * unit, survivor->upper * unit));
    }
    best_tighten(best);
    sifting->thresholds[query] = best->threshold;
}

/* Sorts the survivors by their query, so that threads can share them. */
static int take_survivors(void *context, int64_t first, size_t found, struct err *err)
{
    struct sifting *sifting = context;
    const struct survivor *survivors = sifting->batch->survivors;
    const size_t count = sifting->batch->count;
    size_t next[BATCH_MAX];
    (void)err;
    memset(sifting->starts, 0, sizeof sifting->starts);
    for (size_t i = 0; i < found; i++)
        sifting->starts[survivors[i].query + 1]++;
    for (size_t query = 0; query < count; query++) {
        next[query] = sifting->starts[query];
        sifting->starts[query + 1] += sifting->starts[query];
    }
    for (size_t i = 0; i < found; i++)
        sifting->order[next[survivors[i].query]++] = (uint32_t)i;
    sifting->first = first;
    job_loop(sifting->job, count, take_query, sifting);
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static int scan_batch(struct scanner *scanner, struct batch *batch, struct best *bests,
    struct index_hit *hits, size_t *counts, const struct job *job, struct err *err)
{
    double thresholds[BATCH_MAX];
    struct sifting sifting = {batch, bests, thresholds, scanner->order, job, 0, {0}};
    int rc = look(batch, bests, job, err);
    for (size_t i = 0; i < batch->count; i++)
        thresholds[i] = bests[i].threshold;
    if (!rc)
        rc = scanner_sift(scanner, batch, thresholds, take_survivors, &sifting, job, err);
    if (!rc)
        rc = bests_rank(bests, batch->count, hits, counts, job, err);
    return rc;
}

int queries_check(const struct index_rows *rows, const float *queries, size_t query_count, struct err *err)
{
    for (size_t i = 0; i < query_count * rows->width; i++)
        if (!isfinite(queries[i]))
            return err_set(err, ERR_ARGUMENT, "element %zu of query %zu is not a finite number",
                i % rows->width, i / rows->width);
    return 0;
}

/* Queries that go over the rows together: as many as their candidates leave memory for. */
static size_t batch_size(size_t k, int64_t rows)
{
    const size_t memory = (size_t)256 << 20, each = sizeof(struct candidate) + sizeof(double);
    const size_t fit = memory / each / best_room(k, rows);
    return fit < 1 ? 1 : fit < BATCH_MAX ? fit : BATCH_MAX;
}

int scan_top(struct scanner *scanner, const struct index_rows *rows, const struct coarse *coarse,
    const float *queries, size_t query_count, size_t k, struct index_hit *hits, size_t *counts,
    const struct job *job, struct err *err)
{
    enum { KEPT = 1 << 14 }; /* candidates that a scanner has memory for between scans */
    struct best *bests = scanner->bests;
    struct job pooled;
    int rc = k ? queries_check(rows, queries, query_count, err)
               : err_set(err, ERR_ARGUMENT, "no rows are asked for");
    memset(counts, 0, query_count * sizeof *counts);
    if (rc || !rows->count)
        return rc;
    const size_t together = batch_size(k, rows->count);
    job = scanner_job(scanner, &pooled, job);
    for (size_t q = 0; !rc && q < query_count; q += together) {
        const size_t count = query_count - q < together ? query_count - q : together;
        const float *first = queries + q * rows->width;
        struct batch batch;
        rc = scanner_batch(&batch, scanner, rows, coarse, first, count, err);
        for (size_t i = 0; !rc && i < count; i++)
            rc = best_init(&bests[i], rows, first + i * rows->width, k, err);
        if (!rc)
            rc = scan_batch(scanner, &batch, bests, hits + q * k, counts + q, job, err);
        for (size_t i = 0; i < count; i++)
            if (bests[i].held > KEPT)
                best_release(&bests[i]);
        batch_release(&batch);
    }
    return rc;
}
