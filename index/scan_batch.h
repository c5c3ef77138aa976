// SPDX-License-Identifier: Apache-2.0
/* Inside the scan: a few queries made ready for the device, and the passes that put rows to them. */
#ifndef DIPTYCH_INDEX_SCAN_BATCH_H
#define DIPTYCH_INDEX_SCAN_BATCH_H

#include "index/coarse.h"
#include "index/scan_best.h"
#include "index/scan_host.h"

enum {
    BATCH_MAX = 128, /* queries that go over the rows together */
    FEW = 4,         /* up to so many are multiplied row by row; more by a matrix product */
    ROWS = 64,       /* rows of a work-group, as in scan.cl */
    SPAN_LEAST = COARSE_BLOCK,
    LIST_ROOM = 1 << 18, /* survivors a span may have */
};
_Static_assert(LIST_ROOM >= SPAN_LEAST * BATCH_MAX, "the smallest span fits");

/* What multiplies a span of rows. */
enum pass { PASS_STORED, PASS_CODED, PASS_PRODUCT, PASS_HOST };

/* A query q scaled by 2^-exponent, so that its largest element lies in [1/2, 1), or 0. */
struct query {
    int exponent;
    double norm;         /* ||q|| */
    double rounded_norm; /* ||q'||, q' being R q in the type of the matrix product */
    double rounding;     /* ||R q - q'|| */
};

/* A row on the list of scan.cl. */
struct survivor {
    uint32_t row, query;
    float lower, upper;
};

struct batch {
    const struct index_rows *rows;
    const struct coarse *coarse;
    size_t count, padded, stride; /* Q; Q in multiples of 16; E in multiples of COARSE_STRIDE */
    size_t product_rows;          /* rows of one matrix product */
    size_t base_blocks;           /* blocks a span may have */
    int64_t begin;                /* where the first span begins, */
    size_t begin_rows;            /* and how many rows it has */
    float *scaled;                // (padded, stride)
    double *rotated;              // (padded, stride): R q of each scaled query, for coded rows
    float *limits;                // (3, padded), as scan.cl has them
    float *floats;                // room for R q, and for the bases of a span, in float32
    struct query *queries;        // (Q)
    struct host *host;            /* what multiplies coded rows in place of the device, or NULL */
    struct linear *linear;        /* the queries as weights; NULL for a few */
    struct stream *stream;
    struct tensor found, list, scaled_on, rotated_on, limits_on, bases_on, codes_on, products_on;
    struct survivor *survivors; // (LIST_ROOM), the scanner's
};

/* queries (Q, E), Q at most BATCH_MAX, every element finite. With dots the host multiplies coded rows. The stream comes
 * later: batch_place. */
int batch_init(struct batch *batch, struct device *device, const struct scan_dots *dots,
    const struct index_rows *rows, const struct coarse *coarse, const float *queries, size_t count,
    struct err *err);
void batch_release(struct batch *batch);

/* Takes its memory from a stream, or says to a planning one how much that is. */
int batch_place(struct batch *batch, struct stream *stream, struct err *err);

/* Runs rows [first, first + rows) past the device. first is a multiple of SPAN_LEAST, and the rows are all
 * coded or none. The survivors of the thresholds (Q) are in batch->survivors, *found of them; or *full is set where there
 * are too many, which spans of SPAN_LEAST rows never have. */
int batch_span(struct batch *batch, const double *thresholds, int64_t first, size_t rows, size_t *found,
    bool *full, const struct job *job, struct err *err);

/* Whether its first rows can be looked at before the first span. */
bool batch_can_look(const struct batch *batch);

/* As host_look, at the first rows, of which at most `room` are chosen; bounds are in units of the queries' scale. Spans begin behind
 * them then. room is at least SPAN_LEAST. */
int batch_look(struct batch *batch, struct looked *rows, float *lowers, size_t room, size_t *found,
    const struct job *job, struct err *err);

/* The most rows a span may have where it begins at `first`. */
size_t batch_span_rows(const struct batch *batch, int64_t first);

/* Puts all rows to the batch, span after span, with the scanner's memory. `take` gets the survivors of each; it may
 * raise the thresholds (Q) for the next. */
typedef int batch_take(void *context, int64_t first, size_t found, struct err *err);
int scanner_sift(struct scanner *scanner, struct batch *batch, const double *thresholds, batch_take *take,
    void *context, const struct job *job, struct err *err);

/* ERR_ARGUMENT for an element of queries (Q, E) that is not finite. */
int queries_check(const struct index_rows *rows, const float *queries, size_t query_count, struct err *err);

/* Sets the batch up for the scanner's device. */
int scanner_batch(struct batch *batch, const struct scanner *scanner, const struct index_rows *rows,
    const struct coarse *coarse, const float *queries, size_t count, struct err *err);

/* What multiplies coded rows: NULL for the device's kernels. A scanner on the host's CPU begins with the fast ones. */
void scanner_set_dots(struct scanner *scanner, const struct scan_dots *dots);

/* The job with threads that the scanner keeps, for loops that are short; *pooled is the room for it. */
const struct job *scanner_job(struct scanner *scanner, struct job *pooled, const struct job *job);

#endif
