// SPDX-License-Identifier: Apache-2.0
/* Groups of rows, and items with the same content. */
#include "index/linkage.h"
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

static int by_group(const void *a, const void *b)
{
    const struct group_member *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

int groups_list(struct index_groups *out, struct group_member *members, size_t count, struct err *err)
{
    size_t kept = 0;
    out->rows = mem_new(count + 1, sizeof *out->rows);
    out->scores = mem_new(count + 1, sizeof *out->scores);
    out->ends = mem_new(count + 1, sizeof *out->ends);
    if (!out->rows || !out->scores || !out->ends)
        return err_memory(err, count * 3 * sizeof *out->rows);
    if (count)
        qsort(members, count, sizeof *members, by_group);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && members[end].first == members[i].first;)
            end++;
        if (end == i + 1)
            continue;
        for (size_t j = i; j < end; j++) {
            out->rows[kept] = members[j].row;
            out->scores[kept++] = index_cosine(members[j].score);
        }
        out->ends[out->count++] = kept;
    }
    return 0;
}

/* ---- the same content ---------------------------------------------------------------------------------- */

/* The chosen rows that have a hash, as members of the group of the first with their kind and hash. */
static int find_identical(struct group_member *members, size_t *count, struct index *index,
    const struct index_rows *rows, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t first_row = -1, last_content = -1;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index,
                                "SELECT row, dense_rank() OVER (ORDER BY hash, kind) AS content FROM items "
                                "WHERE hash IS NOT NULL ORDER BY content, row",
                                err);
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const int64_t row = sqlite3_column_int64(stmt, 0), content = sqlite3_column_int64(stmt, 1);
        if (row < 0 || row >= rows->count) {
            rc = bad_row(index, row, err);
        } else if (index_rows_have(rows, row) && *count < (size_t)rows->chosen) {
            if (content != last_content)
                first_row = row;
            members[(*count)++] = (struct group_member){first_row, row, 1};
            last_content = content;
        }
    }
    if (!rc && step != SQLITE_DONE)
        rc = catalog_error(index, "read", err);
    sqlite3_reset(stmt);
    return rc ? rc : catalog_check_unchanged(index, err);
}

int index_identical(struct index_groups *out, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err)
{
    struct group_member *members = mem_new((size_t)rows->chosen + 1, sizeof *members);
    size_t count = 0;
    *out = (struct index_groups){0};
    int rc = members ? 0 : err_memory(err, (size_t)rows->chosen * sizeof *members);
    catalog_watch(index->db, job);
    if (!rc)
        rc = find_identical(members, &count, index, rows, err);
    catalog_watch(index->db, NULL);
    if (!rc)
        rc = groups_list(out, members, count, err);
    if (rc)
        index_groups_release(out);
    free(members);
    return rc;
}

/* Items without a hash come first, and are like none. */
static int by_content(const void *a, const void *b, void *context)
{
    const struct index_item *items = context;
    const struct index_item *x = &items[*(const size_t *)a], *y = &items[*(const size_t *)b];
    if (!x->hash || !y->hash)
        return (x->hash != NULL) - (y->hash != NULL);
    return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind) : strcmp(x->hash, y->hash);
}

int index_twins(bool *twins, const struct index_item *items, size_t count, struct err *err)
{
    size_t *order = mem_new(count, sizeof *order);
    if (!order)
        return err_memory(err, count * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof *order, by_content, (void *)(uintptr_t)items);
    memset(twins, 0, count * sizeof *twins);
    for (size_t i = 1; i < count; i++)
        if (items[order[i]].hash && !by_content(&order[i - 1], &order[i], (void *)(uintptr_t)items))
            twins[order[i - 1]] = twins[order[i]] = true;
    free(order);
    return 0;
}

void index_groups_release(struct index_groups *groups)
{
    if (!groups)
        return;
    free(groups->rows);
    free(groups->scores);
    free(groups->ends);
    *groups = (struct index_groups){0};
}
