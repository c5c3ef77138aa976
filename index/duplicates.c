// SPDX-License-Identifier: Apache-2.0
#include "index/search.h"
#include "index/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 4096, AT_ONCE = 64 /* queries */ };

int index_matrix(float **vectors, int64_t **numbers, struct index *index, const struct index_rows *rows,
    const struct job *job, struct err *err)
{
    size_t chosen = 0;
    *vectors = mem_new((size_t)rows->chosen + 1, rows->width * sizeof **vectors);
    *numbers = mem_new((size_t)rows->chosen + 1, sizeof **numbers);
    int rc =
        *vectors && *numbers ? 0 : err_memory(err, (size_t)rows->chosen * rows->width * sizeof **vectors);
    for (int64_t row = 0; row < rows->count && !rc; row++)
        if (index_rows_have(rows, row))
            (*numbers)[chosen++] = row;
    for (size_t first = 0; first < chosen && !rc; first += ROWS_AT_ONCE) {
        const size_t left = chosen - first, count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        rc = job_step(job, "reading vectors", 0, 0, err);
        if (!rc)
            rc = index_vectors(*vectors + first * rows->width, index, *numbers + first, count, err);
    }
    if (rc) {
        free(*vectors);
        free(*numbers);
        *vectors = NULL;
        *numbers = NULL;
    }
    return rc;
}

/* ---- groups as a forest -------------------------------------------------------------------------------- */

/* parent[i] is i, or a row before it in the same group: the first row of a group is its root. */
struct forest {
    int64_t *parent; // (rows)
    double *score;   // (rows): the highest cosine with another row
};

static int64_t root_of(struct forest *forest, int64_t row)
{
    while (forest->parent[row] != row) {
        forest->parent[row] = forest->parent[forest->parent[row]];
        row = forest->parent[row];
    }
    return row;
}

static void join(struct forest *forest, int64_t a, int64_t b, double score)
{
    const int64_t x = root_of(forest, a), y = root_of(forest, b);
    forest->parent[x > y ? x : y] = x > y ? y : x;
    forest->score[a] = fmax(forest->score[a], score);
    forest->score[b] = fmax(forest->score[b], score);
}

static int forest_init(struct forest *forest, int64_t rows, struct err *err)
{
    forest->parent = mem_new((size_t)rows + 1, sizeof *forest->parent);
    forest->score = mem_new((size_t)rows + 1, sizeof *forest->score);
    if (!forest->parent || !forest->score)
        return err_memory(err, (size_t)rows * (sizeof *forest->parent + sizeof *forest->score));
    for (int64_t row = 0; row < rows; row++) {
        forest->parent[row] = row;
        forest->score[row] = -INFINITY;
    }
    return 0;
}

static void forest_release(struct forest *forest)
{
    free(forest->score);
    free(forest->parent);
}

/* ---- neighbours ---------------------------------------------------------------------------------------- */

struct finding {
    struct index_searcher *searcher;
    const struct index_rows *rows;
    double threshold;
    struct forest forest;
    float *vectors;   // (chosen, E)
    int64_t *numbers; // (chosen)
    const struct job *job;
    size_t done; /* of the chosen rows */
};

/* The job of one search, which is a part of this work. */
static int search_step(void *context, const char *unit, size_t done, size_t total)
{
    const struct finding *f = context;
    (void)unit;
    (void)done;
    (void)total;
    return job_step(f->job, "items", f->done, (size_t)f->rows->chosen, NULL);
}

/* Joins the rows [first, first + count) of the chosen with all that are near. */
static int join_neighbours(struct finding *f, size_t first, size_t count, struct err *err)
{
    struct index_neighbours near;
    const struct job search = {.step = search_step,
        .context = f,
        .threads = job_threads(f->job),
        .pool = f->job ? f->job->pool : NULL};
    const int rc = index_neighbours(
        &near, f->searcher, f->rows, f->vectors + first * f->rows->width, count, f->threshold, &search, err);
    if (rc)
        return rc;
    for (size_t i = 0, at = 0; i < count; i++)
        for (; at < near.ends[i]; at++)
            if (near.hits[at].row != f->numbers[first + i])
                join(&f->forest, f->numbers[first + i], near.hits[at].row, near.hits[at].score);
    index_neighbours_release(&near);
    return 0;
}

static int join_all(struct finding *f, struct err *err)
{
    const size_t chosen = (size_t)f->rows->chosen;
    int rc = 0;
    for (; f->done < chosen && !rc; f->done += AT_ONCE) {
        const size_t left = chosen - f->done;
        rc = join_neighbours(f, f->done, left < AT_ONCE ? left : AT_ONCE, err);
    }
    return rc;
}

/* ---- the result ---------------------------------------------------------------------------------------- */

struct member {
    int64_t root, row;
};

static int by_root(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The groups of the rows that another row came to score at least the threshold with. */
static int list_groups(struct index_groups *out, struct forest *forest, const struct index_rows *rows,
    double threshold, struct err *err)
{
    const size_t chosen = (size_t)rows->chosen;
    struct member *members = mem_new(chosen + 1, sizeof *members);
    size_t count = 0;
    out->rows = mem_new(chosen + 1, sizeof *out->rows);
    out->scores = mem_new(chosen + 1, sizeof *out->scores);
    out->ends = mem_new(chosen + 1, sizeof *out->ends);
    int rc = members && out->rows && out->scores && out->ends ? 0 : err_memory(err, chosen * sizeof *members);
    for (int64_t row = 0; row < rows->count && !rc; row++)
        if (forest->score[row] >= threshold)
            members[count++] = (struct member){root_of(forest, row), row};
    if (!rc)
        qsort(members, count, sizeof *members, by_root);
    for (size_t i = 0; i < count && !rc; i++) {
        out->rows[i] = members[i].row;
        out->scores[i] = index_cosine(forest->score[members[i].row]);
        if (i + 1 == count || members[i + 1].root != members[i].root)
            out->ends[out->count++] = i + 1;
    }
    free(members);
    return rc;
}

int index_duplicates(struct index_groups *out, struct index_searcher *searcher, const struct index_rows *rows,
    double threshold, const struct job *job, struct err *err)
{
    struct finding f = {.searcher = searcher, .rows = rows, .threshold = threshold, .job = job};
    *out = (struct index_groups){0};
    int rc = forest_init(&f.forest, rows->count, err);
    if (!rc)
        rc = index_matrix(&f.vectors, &f.numbers, searcher->index, rows, job, err);
    if (!rc)
        rc = join_all(&f, err);
    if (!rc)
        rc = list_groups(out, &f.forest, rows, threshold, err);
    if (rc)
        index_groups_release(out);
    free(f.numbers);
    free(f.vectors);
    forest_release(&f.forest);
    return rc;
}

/* ---- the same content ---------------------------------------------------------------------------------- */

/* Joins the chosen rows of one kind and hash, each with the one before. */
static int join_identical(
    struct forest *forest, struct index *index, const struct index_rows *rows, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t last_row = -1, last_content = -1;
    int step = SQLITE_DONE, rc = catalog_statement(&stmt, index,
                                "SELECT row, dense_rank() OVER (ORDER BY hash, kind) AS content FROM items "
                                "WHERE hash IS NOT NULL ORDER BY content, row",
                                err);
    while (!rc && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const int64_t row = sqlite3_column_int64(stmt, 0), content = sqlite3_column_int64(stmt, 1);
        if (row < 0 || row >= rows->count) {
            rc = bad_row(index, row, err);
        } else if (index_rows_have(rows, row)) {
            if (content == last_content)
                join(forest, last_row, row, 1);
            last_row = row;
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
    struct forest forest = {0};
    *out = (struct index_groups){0};
    int rc = forest_init(&forest, rows->count, err);
    catalog_watch(index->db, job);
    if (!rc)
        rc = join_identical(&forest, index, rows, err);
    catalog_watch(index->db, NULL);
    if (!rc)
        rc = list_groups(out, &forest, rows, 1, err);
    if (rc)
        index_groups_release(out);
    forest_release(&forest);
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
