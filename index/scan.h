// SPDX-License-Identifier: Apache-2.0
/*
 * The exact scan: the k rows of an index that score highest with a query.
 *
 * What is computed, on every device and by every pass alike: the score of a row is the dot product of the
 * stored vector r and the float32 query q, summed in double in one fixed order (rows_score). The result is
 * the k rows with the largest scores, ties by row number.
 *
 * How it is fast: passes over all rows only decide which rows cannot be among the k. Each pass gives a row a
 * lower and an upper bound on its score. A row is out when its upper bound is no larger than k lower bounds
 * of rows before it (it may tie, but then it loses by its number), or is smaller than k lower bounds of any
 * rows. The host scores those that are left, in double. For a threshold to begin with, a pass with many queries finds the
 * lower bounds of its first rows before it asks who of them is out.
 *
 * Why the bounds hold. Coded rows (coarse.h) lie in blocks with a centre m; R is a rotation, and R (r - m) = v + d with v
 * what the codes say, an error e >= ||d|| and a norm n >= ||v||. As a rotation keeps products,
 *
 *   <r, q> = <m, q> + <v, R q> + <d, R q>
 *
 * The first product is summed in double, once a block. Let q' be R q as it is multiplied, and `a` the sum of <m, q> and
 * <v, q'> as it is computed. Then, by Cauchy and Schwarz, twice,
 *
 *   |<r, q> - a| <= |<d, R q>| + |<v, R q - q'>| + |<v, q'> + <m, q> - a|
 *                <=  e ||q||   +  n ||R q - q'||  +  g n ||q'|| + 2^-20 |<m, q>|
 *
 * So a row's radius is e A + n B of A, B of the query alone, and a little of the block. The last two terms are roundings in
 * float32: that of <v, q'>, g = linear_sum_error(E), or 2^-18 where that is a sum of whole numbers (scan_group.c) and exact
 * but for its scale; and that of adding <m, q>. What g counts beyond its terms covers the product with the scale, the
 * evaluation of the bounds themselves, and the rounding of the score in double; what double loses in R and in <m, q>, less
 * than 2^-40 (||r|| + ||m||) ||q||, is part of e (code.c). Codes have two halves, and v is that of both or that of the high
 * halves alone, each with an e of its own; n bounds both.
 *
 * Rows without codes are multiplied as they are stored: |<r, q> - a| <= g sum |r_i q_i|. Queries are scaled by a power of
 * two so that their largest element lies in [1/2, 1): nothing overflows that need not, and what a device flushes to zero is
 * known to be small. A bound that is not a number never puts a row out.
 */
#ifndef DIPTYCH_INDEX_SCAN_H
#define DIPTYCH_INDEX_SCAN_H

#include "compute/compute.h"
#include "index/index.h"

/* vector (E) = row i. Exact: an i8 row's products with its scale have 31 bits. */
void rows_decode(double *vector, const struct index_rows *rows, int64_t i);

/* The score of row i: partial sums p_0 ... p_7 of the products r_j q_j by j mod 8, each in order of j, then
 * ((p_0+p_1) + (p_2+p_3)) + ((p_4+p_5) + (p_6+p_7)), in double; for an i8 row over its codes, times the scale
 * in the end. The products are exact, so that compilers may contract them. */
double rows_score(const struct index_rows *rows, int64_t i, const float *query);

/* scores (count): of row i with each of queries (count), E each. Faster than one after another. */
void rows_scores(
    double *scores, const struct index_rows *rows, int64_t i, const float *const *queries, size_t count);

/* Asks for row i from memory, for rows_score to find it in the cache soon. */
void rows_prefetch(const struct index_rows *rows, int64_t i);

struct coarse; /* coarse.h */

/* What scans on one device share: its queue and memory. Of one thread at a time. */
struct scanner;

int scanner_open(struct scanner **out, struct device *device, struct err *err);
void scanner_free(struct scanner *scanner);

/* hits (Q, k), counts (Q): for each of `queries` (Q, E) the counts[i] <= k highest rows of those that
 * rows->mask chooses, best first. coarse: codes of the first rows, or NULL, which costs time only. k is at
 * least 1. A query with an element that is not finite is ERR_ARGUMENT. */
int scan_top(struct scanner *scanner, const struct index_rows *rows, const struct coarse *coarse,
    const float *queries, size_t query_count, size_t k, struct index_hit *hits, size_t *counts,
    const struct job *job, struct err *err);

/* All chosen rows that score at least `least` with each of `queries` (Q, E): hits, for free(), query after query, best
 * first, ties by row; those of query i end at ends[i] (Q). The rest as scan_top. */
int scan_near(struct scanner *scanner, const struct index_rows *rows, const struct coarse *coarse,
    const float *queries, size_t query_count, double least, struct index_hit **hits, size_t *ends,
    const struct job *job, struct err *err);

#endif
