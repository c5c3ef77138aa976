// SPDX-License-Identifier: Apache-2.0
#include "index/distinct.h"

#include <stdlib.h>
#include <string.h>

void distinct_release(struct distinct *distinct)
{
    free(distinct->first);
    free(distinct->mask);
    free(distinct->vectors);
    free(distinct->numbers);
    free(distinct->of_row);
}

static int by_bytes(const void *a, const void *b, void *context)
{
    const struct index_rows *rows = context;
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    const int order = memcmp(rows_bytes(rows, x), rows_bytes(rows, y), rows->stride);
    return order ? order : (x > y) - (x < y);
}

int rows_by_bytes(int64_t **out, const struct index_rows *rows, struct err *err)
{
    int64_t *order = *out = mem_new((size_t)rows->chosen + 1, sizeof *order);
    size_t count = 0;
    if (!order)
        return err_memory(err, (size_t)rows->chosen * sizeof *order);
    for (int64_t row = 0; row < rows->count; row++)
        if (index_rows_have(rows, row))
            order[count++] = row;
    qsort_r(order, count, sizeof *order, by_bytes, (void *)(uintptr_t)rows);
    return 0;
}

void rows_first(int64_t *first, const int64_t *order, const struct index_rows *rows)
{
    for (int64_t row = 0; row < rows->count; row++)
        first[row] = -1;
    for (int64_t i = 0; i < rows->chosen; i++) {
        const bool again =
            i && !memcmp(rows_bytes(rows, order[i]), rows_bytes(rows, order[i - 1]), rows->stride);
        first[order[i]] = again ? first[order[i - 1]] : order[i];
    }
}

int distinct_init(struct distinct *distinct, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err)
{
    const size_t all = (size_t)rows->count;
    int64_t *order = NULL;
    *distinct = (struct distinct){.all = rows};
    distinct->first = mem_new(all + 1, sizeof *distinct->first);
    distinct->of_row = mem_new(all + 1, sizeof *distinct->of_row);
    distinct->mask = mem_new(all / 64 + 1, sizeof *distinct->mask);
    int rc = distinct->first && distinct->of_row && distinct->mask
                 ? 0
                 : err_memory(err, all * sizeof *distinct->first);
    if (!rc)
        rc = rows_by_bytes(&order, rows, err);
    if (!rc)
        rows_first(distinct->first, order, rows);
    free(order);
    distinct->rows = *rows;
    distinct->rows.mask = distinct->mask;
    distinct->rows.chosen = 0;
    for (int64_t row = 0; row < rows->count && !rc; row++)
        if (distinct->first[row] == row) {
            distinct->of_row[row] = (uint32_t)distinct->rows.chosen++;
            distinct->mask[row / 64] |= UINT64_C(1) << row % 64;
        }
    distinct->count = (size_t)distinct->rows.chosen;
    if (!rc && distinct->count >= UINT32_MAX)
        rc = err_set(err, ERR_LIMIT, "%zu items are too many to compare each with each", distinct->count);
    return rc ? rc : index_matrix(&distinct->vectors, &distinct->numbers, index, &distinct->rows, job, err);
}
