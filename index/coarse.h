// SPDX-License-Identifier: Apache-2.0
/*
 * The coarse codes of an index's rows: a quarter of the bytes of float32 rows, for the first pass of a scan.
 *
 * They live in a file beside the vectors and are made from them, so that losing the file costs time and
 * nothing else. Rows come in blocks of COARSE_BLOCK, whole ones only: the rows after the last are scanned as they are
 * stored. What is coded is the residual u = R (r - m): m is the centre of the block, the mean of its rows, so that a
 * direction that all rows share takes no codes; R is a rotation (rotate.h), so that neither do a few large channels. Row
 * r (E) is held as
 *
 *   C  4 + 4 bits (stride): codes in [0, 255] of v = s (C - 127.5), by halves: H = C / 16, L = C % 16
 *   s  float: scale
 *   w  float: error of H alone, w >= ||u - s (16 H - 120)||
 *   e  float: error, e >= ||u - v||
 *   n  float: norm, n >= ||v|| and n >= ||s (16 H - 120)||
 *
 * H and L are planes of their own, so that a pass may read H of all rows and L of few. Byte j of a row in a plane has the
 * half of code j in its low four bits, and that of code stride/2 + j in its high four.
 *
 *   header  4096 bytes  struct coarse_header, zeros
 *   block 0             m (stride) float, 0 from E on; H, L (COARSE_BLOCK, stride/2) each; s, w, e, n (COARSE_BLOCK) each
 *   block 1 ...
 *
 * A block never changes once the header counts it, and the header counts it once it is on the disk. What lies
 * past the count is what a killed update left, and is overwritten.
 */
#ifndef DIPTYCH_INDEX_COARSE_H
#define DIPTYCH_INDEX_COARSE_H

#include "index/scan.h"

enum {
    COARSE_BLOCK = 1024,
    COARSE_STRIDE = 64, /* divides the codes of a row */
    COARSE_LEAST = 4096 /* rows: of fewer the vectors themselves are read in a millisecond */
};

struct coarse {
    struct file_map map;
    const uint8_t *blocks; /* NULL where there are none */
    int64_t count;         /* blocks */
    size_t stride;         /* codes of a row */
    uint64_t device, file; /* what stat calls the file; 0: there was none */
};

/* Where the parts of a block lie. */
struct coarse_block {
    float *centre;                            // (stride)
    uint8_t *high, *low;                      // (COARSE_BLOCK, stride/2)
    float *scale, *high_error, *error, *norm; // (COARSE_BLOCK)
};

size_t coarse_stride(size_t width);
size_t coarse_block_bytes(size_t stride);
int64_t coarse_file_bytes(int64_t rows, size_t width); /* of so many rows */
struct coarse_block coarse_block_at(const uint8_t *blocks, size_t stride, int64_t i);

/* Opens the codes of `rows`. generation is the caller's number for these vectors: it changes when rows that
 * were there change. A file that is missing, of another generation, width or version, cut short, or whose codes do not
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
