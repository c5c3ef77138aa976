// SPDX-License-Identifier: Apache-2.0
/*
 * The coarse codes of an index's rows: a quarter of the bytes of float32 rows, for the first pass of a scan.
 *
 * They live in a file beside the vectors and are made from them, so that losing the file costs time and
 * nothing else. Row r (E) is held as
 *
 *   c  int8 (stride): codes in [-127, 127], 0 from E on
 *   s  float: scale
 *   e  float: error, e >= ||r - s c||
 *   n  float: norm, n >= ||s c||
 *
 * in blocks of COARSE_BLOCK rows, whole ones only: the rows after the last are scanned as they are stored.
 *
 *   header  4096 bytes  struct coarse_header, zeros
 *   block 0             c (COARSE_BLOCK, stride), s (COARSE_BLOCK), e (COARSE_BLOCK), n (COARSE_BLOCK)
 *   block 1 ...
 *
 * A block never changes once the header counts it, and the header counts it once it is on the disk. What lies
 * past the count is what a killed update left, and is overwritten.
 */
#ifndef DIPTYCH_INDEX_COARSE_H
#define DIPTYCH_INDEX_COARSE_H

#include "index/scan.h"

enum { COARSE_BLOCK = 1024, COARSE_STRIDE = 64 /* divides a row of codes: a cache line */ };

struct coarse {
    struct file_map map;
    const uint8_t *blocks; /* NULL where there are none */
    int64_t count;         /* blocks */
    size_t stride;         /* bytes of a row of codes */
    uint64_t device, file; /* what stat calls the file; 0: there was none */
};

size_t coarse_stride(size_t width);
size_t coarse_block_bytes(size_t stride);

/* Opens the codes of `rows`. generation is the caller's number for these vectors: it changes when rows that
 * were there change. A file that is missing, of another generation or width, cut short, or whose codes do not
 * match the vectors in a sample of rows leaves count 0, and the scan does without. Only ERR_MEMORY. */
int coarse_open(
    struct coarse *out, const char *path, const struct index_rows *rows, int64_t generation, struct err *err);
void coarse_release(struct coarse *coarse);

/* Whether coarse_open would find more codes of these rows by now: a look at the file's header, or at its
 * inode where another has taken its place. */
bool coarse_behind(const struct coarse *coarse, const char *path, const struct index_rows *rows);

/* Brings the file up to `rows`: appends what is new, or writes all anew in place of a file that coarse_open
 * would not use. Safe to kill at any moment. Of one writer at a time; readers may have it open. */
int coarse_update(const char *path, const struct index_rows *rows, int64_t generation, const struct job *job,
    struct err *err);

/* Checks every code against the vectors. ERR_FORMAT names the first row whose bounds do not hold: remove the
 * file and update. */
int coarse_verify(const struct coarse *coarse, const char *path, const struct index_rows *rows,
    const struct job *job, struct err *err);

#endif
