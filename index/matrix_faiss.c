// SPDX-License-Identifier: Apache-2.0
/*
 * What faiss's write_index makes (faiss/impl/index_write.cpp; 1.15.1's own files are in tests/golden/matrices). Each
 * index begins with
 *
 *   four letters that say its kind, E (int32), count (int64), two numbers that faiss does not read (int64), trained (1
 *   byte), metric (int32: 0 is the inner product, 1 the squared distance, beyond these a float follows)
 *
 * and goes on by its kind, where a vector of T is its length (uint64) and its elements:
 *
 *   IxFI, IxF2  IndexFlatIP, IndexFlatL2: the rows, a vector of float32
 *   IxMp, IxM2  IndexIDMap, IndexIDMap2: the index whose rows it names, and their ids, a vector of int64
 *   IHNf        IndexHNSWFlat: the graph's five vectors (float64, int32, int32, uint64, int32) and five int32, then the
 *               index that has the rows
 *
 * Rows of length 1 are as near by the one metric as by the other. */
#include "index/matrix_kinds.h"

#include <stdlib.h>
#include <string.h>

enum { LETTERS = 4, UNREAD = 16, DEPTH = 3 /* IndexIDMap of IndexHNSWFlat of IndexFlat */ };
enum { METRIC_INNER_PRODUCT, METRIC_L2 };

static const uint8_t *take_vector(struct bytes *file, size_t *count, size_t size)
{
    const uint8_t *length = bytes_take(file, 8);
    size_t bytes;
    if (!length)
        return NULL;
    *count = get_number(length, 8);
    return size_mul(&bytes, *count, size) ? bytes_take(file, bytes) : NULL;
}

static int damaged(const char *what, struct err *err)
{
    return err_set(err, ERR_FORMAT, "damaged faiss index: %s", what);
}

static int open_index(struct matrix_file *out, struct bytes *file, int depth, struct err *err);

/* ---- kinds --------------------------------------------------------------------------------------------- */

static int open_flat(struct matrix_file *out, struct bytes *file, int depth, struct err *err)
{
    (void)depth;
    size_t elements;
    const uint8_t *length = bytes_take(file, 8);
    if (!length)
        return damaged("it ends in its header", err);
    if (!size_mul(&elements, out->width, (size_t)out->count) || elements != get_number(length, 8))
        return damaged("its numbers do not fit each other", err);
    out->element = ELEMENT_F32;
    return matrix_take_rows(out, file, false, err);
}

static int open_id_map(struct matrix_file *out, struct bytes *file, int depth, struct err *err)
{
    size_t count;
    int rc = open_index(out, file, depth + 1, err);
    if (rc)
        return rc;
    const uint8_t *ids = take_vector(file, &count, sizeof *out->ids);
    if (!ids || count != (size_t)out->count)
        return damaged("it has not as many ids as rows", err);
    free(out->ids); /* which an IndexIDMap inside has given them */
    if (!(out->ids = mem_new(count + 1, sizeof *out->ids)))
        return err_memory(err, count * sizeof *out->ids);
    memcpy(out->ids, ids, count * sizeof *out->ids);
    return 0;
}

static int open_hnsw(struct matrix_file *out, struct bytes *file, int depth, struct err *err)
{
    static const size_t graph[] = {8, 4, 4, 8, 4};
    bool whole = true;
    for (size_t i = 0, count; i < sizeof graph / sizeof *graph && whole; i++)
        whole = take_vector(file, &count, graph[i]);
    if (!whole || !bytes_take(file, 5 * sizeof(int32_t)))
        return damaged("it ends in its graph", err);
    return open_index(out, file, depth + 1, err);
}

/* Those without a function do not keep the vectors as they came. */
static const struct kind {
    char letters[LETTERS + 1];
    const char *name;
    int (*open)(struct matrix_file *out, struct bytes *file, int depth, struct err *err);
} kinds[] = {
    {"IxFI", "IndexFlatIP", open_flat},
    {"IxF2", "IndexFlatL2", open_flat},
    {"IxMp", "IndexIDMap", open_id_map},
    {"IxM2", "IndexIDMap2", open_id_map},
    {"IHNf", "IndexHNSWFlat", open_hnsw},
    {"IHNp", "IndexHNSWPQ", NULL},
    {"IHNs", "IndexHNSWSQ", NULL},
    {"INSf", "IndexNSGFlat", NULL},
    {"IPfs", "IndexPQFastScan", NULL},
    {"IwFl", "IndexIVFFlat", NULL},
    {"IwPQ", "IndexIVFPQ", NULL},
    {"IwPf", "IndexIVFPQFastScan", NULL},
    {"IwSq", "IndexIVFScalarQuantizer", NULL},
    {"IxHe", "IndexLSH", NULL},
    {"IxLS", "IndexLocalSearchQuantizer", NULL},
    {"IxPT", "IndexPreTransform", NULL},
    {"IxPq", "IndexPQ", NULL},
    {"IxRF", "IndexRefineFlat", NULL},
    {"IxRq", "IndexResidualQuantizer", NULL},
    {"IxSQ", "IndexScalarQuantizer", NULL},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct kind *kind_of(const uint8_t *letters)
{
    for (size_t i = 0; letters && i < KINDS; i++) {
        if (!memcmp(letters, kinds[i].letters, LETTERS))
            return &kinds[i];
    }
    return NULL;
}

/* ---- any of them --------------------------------------------------------------------------------------- */

static int open_index(struct matrix_file *out, struct bytes *file, int depth, struct err *err)
{
    const struct kind *kind = kind_of(bytes_take(file, LETTERS));
    if (!kind || !kind->open)
        return err_set(err, ERR_UNSUPPORTED,
            "faiss's %s, from which vectors cannot be taken: IndexFlatIP, IndexFlatL2, IndexHNSWFlat and "
            "IndexIDMap of these have them",
            kind ? kind->name : "index of a kind that is not known here");
    const uint8_t *width = bytes_take(file, 4), *count = bytes_take(file, 8),
                  *unread = bytes_take(file, UNREAD), *trained = bytes_take(file, 1),
                  *metric = bytes_take(file, 4);
    if (!width || !count || !unread || !trained || !metric)
        return damaged("it ends in its header", err);
    if (get_number(metric, 4) > METRIC_L2)
        return err_set(
            err, ERR_UNSUPPORTED, "faiss index with another metric than the inner product or the distance");
    const uint64_t rows = get_number(count, 8), elements = get_number(width, 4);
    if (depth == DEPTH || rows > INT64_MAX || elements > INT32_MAX ||
        (depth && ((int64_t)rows != out->count || elements != out->width)))
        return damaged("its numbers do not fit each other", err);
    out->count = (int64_t)rows;
    out->width = elements;
    return kind->open(out, file, depth, err);
}

bool faiss_begins(struct bytes file)
{
    const uint8_t *first = bytes_take(&file, LETTERS);
    return first && (kind_of(first) || (first[0] == 'I' && (first[1] == 'x' || first[1] == 'w')));
}

int faiss_open(struct matrix_file *out, struct bytes file, struct err *err)
{
    return open_index(out, &file, 0, err);
}
