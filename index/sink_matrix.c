// SPDX-License-Identifier: Apache-2.0
/* Items as a matrix of their vectors and a line of JSON each. */
#include "index/exchange.h"
#include "index/matrix.h"
#include "index/sink.h"

#include <stdlib.h>
#include <string.h>

struct matrix_sink {
    struct sink sink;
    struct matrix_writer *vectors;
    struct new_file lines;
};

static int add(struct sink *sink, const struct index_item *items, const float *vectors, size_t count,
    size_t *lossy, struct err *err)
{
    struct matrix_sink *matrix = (struct matrix_sink *)sink;
    int rc = matrix_writer_add(matrix->vectors, vectors, count, err);
    for (size_t i = 0; i < count && !rc; i++) {
        bool lost;
        rc = exchange_put(matrix->lines.stream, &items[i], &lost, err);
        putc('\n', matrix->lines.stream);
        *lossy += !rc && lost;
    }
    return rc;
}

static int close_both(struct sink *sink, bool keep, struct err *err)
{
    struct matrix_sink *matrix = (struct matrix_sink *)sink;
    int rc = new_file_close(&matrix->lines, keep, err);
    const int ended = matrix_writer_close(matrix->vectors, keep && !rc, rc ? NULL : err);
    free(matrix);
    return rc ? rc : ended;
}

static int open_lines(struct new_file *out, const struct sink_plan *plan, struct err *err)
{
    struct arena arena = {0};
    const char *path = plan->metadata ? plan->metadata : exchange_beside(&arena, plan->path, ".jsonl");
    int rc = path ? exchange_check_apart(plan->path, path, err) : err_memory(err, strlen(plan->path));
    if (!rc)
        rc = new_file_open(out, path, err);
    arena_release(&arena);
    return rc;
}

static int open_matrix(
    struct sink **out, const struct sink_plan *plan, enum matrix_format format, bool half, struct err *err)
{
    struct matrix_sink *matrix = mem_new(1, sizeof *matrix);
    if (!matrix)
        return err_memory(err, sizeof *matrix);
    matrix->sink = (struct sink){add, close_both};
    int rc = matrix_writer_open(&matrix->vectors, plan->path, format, plan->count, plan->width, half, err);
    if (!rc)
        rc = open_lines(&matrix->lines, plan, err);
    if (rc) {
        matrix_writer_close(matrix->vectors, false, NULL);
        free(matrix);
        return rc;
    }
    *out = &matrix->sink;
    return 0;
}

int sink_npy(struct sink **out, const struct sink_plan *plan, struct err *err)
{
    return open_matrix(out, plan, MATRIX_NPY, plan->storage == INDEX_F16, err);
}

int sink_faiss(struct sink **out, const struct sink_plan *plan, struct err *err)
{
    return open_matrix(out, plan, MATRIX_FAISS, false, err);
}
