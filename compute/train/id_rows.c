// SPDX-License-Identifier: Apache-2.0
/* Rows sorted by their ids, so that each row of a table's gradient is one work-item's. */
#include "compute/train/train.h"

#include <stdlib.h>

/* An id above, the number of its row below: equal ids stay in the order of their rows. */
static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What struct id_rows has, on the host; returns count. */
static size_t group_keys(int32_t *ids, int32_t *starts, int32_t *order, const uint64_t *keys, size_t rows)
{
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) {
        const int32_t id = (int32_t)(keys[i] >> 32);
        if (!count || ids[count - 1] != id) {
            ids[count] = id;
            starts[count++] = (int32_t)i;
        }
        order[i] = (int32_t)(uint32_t)keys[i];
    }
    starts[count] = (int32_t)rows;
    return count;
}

/* The count + 1 first of them, of which the stream has memory for all. */
static int place(struct tensor *out, struct stream *stream, const int32_t *values, size_t room, size_t count,
    struct err *err)
{
    int rc = tensor_new(out, stream, DTYPE_I32, SHAPE(room), err);
    if (!rc)
        rc = tensor_write(stream, *out, values, count, err);
    out->shape = SHAPE(count);
    return rc;
}

int id_rows_new(struct id_rows *out, struct stream *stream, const int32_t *ids, size_t rows, struct err *err)
{
    uint64_t *keys = mem_new(rows, sizeof *keys);
    int32_t *lists = mem_new(3 * rows + 1, sizeof *lists), *order = lists + rows, *starts = order + rows;
    int rc = 0;
    if (!keys || !lists) {
        rc = err_memory(err, rows * (sizeof *keys + 3 * sizeof *lists));
        goto done;
    }
    for (size_t i = 0; i < rows; i++)
        keys[i] = (uint64_t)(uint32_t)ids[i] << 32 | i;
    qsort(keys, rows, sizeof *keys, compare_keys);
    out->count = group_keys(lists, starts, order, keys, rows);
    if ((rc = place(&out->ids, stream, lists, rows, out->count, err)) ||
        (rc = place(&out->starts, stream, starts, rows + 1, out->count + 1, err)))
        goto done;
    rc = place(&out->order, stream, order, rows, rows, err);
done:
    free(keys);
    free(lists);
    return rc;
}
