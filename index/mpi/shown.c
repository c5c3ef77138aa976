// SPDX-License-Identifier: Apache-2.0
/* Rows of one rank, or of several, for all to compare with their own. */
#include "index/distinct.h"
#include "index/mpi/internal.h"
#include "index/store.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

int shown_init(struct shown *shown, const struct ranks *ranks, struct err *err)
{
    const size_t vector = index_stride(INDEX_F32, ranks->width) + sizeof(float), /* of any storage */
        longest = vector > CONTENT_SIZE ? vector : CONTENT_SIZE;
    shown->bytes = mem_new(ROWS_SHOWN, longest);
    shown->vectors = mem_new(ROWS_SHOWN, ranks->width * sizeof *shown->vectors);
    return wrap_rank(shown->bytes && shown->vectors ? 0 : err_memory(err, ROWS_SHOWN * longest), err);
}

void shown_release(struct shown *shown)
{
    free(shown->bytes);
    free(shown->vectors);
}

/* What goes before the bytes. */
struct head {
    int32_t count, storage, stride;
    int64_t rows[ROWS_SHOWN];
};

static void fill(struct head *head, struct shown *shown, const struct shard *shard, int64_t *at)
{
    const struct index_rows *rows = shard->compared;
    head->storage = rows->storage;
    head->stride = (int32_t)rows->stride;
    for (; *at < rows->count && head->count < ROWS_SHOWN; ++*at) {
        const int64_t row = shard->rows_before + *at;
        if (shard->first[*at] != row)
            continue;
        memcpy(shown->bytes + (size_t)head->count * rows->stride, rows_bytes(rows, *at), rows->stride);
        head->rows[head->count++] = row;
    }
}

bool show_next(struct shown *shown, const struct shard *shard, int64_t *at)
{
    struct head head = {0};
    if (shard->index)
        fill(&head, shown, shard, at);
    MPI_Bcast(&head, sizeof head, MPI_BYTE, shard->rank, MPI_COMM_WORLD);
    shown->count = (size_t)head.count;
    shown->stride = (size_t)head.stride;
    shown->storage = (enum index_storage)head.storage;
    memcpy(shown->rows, head.rows, sizeof shown->rows);
    if (shown->count)
        MPI_Bcast(shown->bytes, (int)(shown->count * shown->stride), MPI_BYTE, shard->rank, MPI_COMM_WORLD);
    return shown->count > 0;
}

void shown_decode(struct shown *shown, const struct ranks *ranks)
{
    for (size_t i = 0; i < shown->count; i++)
        vectors_decode(shown->vectors + i * ranks->width, shown->bytes + i * shown->stride, ranks->width,
            shown->storage);
}

/* Of each row one rank has the bits, and the others have zeros. */
void show_vectors(struct shown *shown, const struct ranks *ranks, const int64_t *rows, size_t count)
{
    const size_t width = ranks->width;
    shown->count = count;
    if (rows)
        memcpy(shown->rows, rows, count * sizeof *rows);
    MPI_Bcast(shown->rows, (int)count, MPI_INT64_T, 0, MPI_COMM_WORLD);
    memset(shown->vectors, 0, count * width * sizeof *shown->vectors);
    for (size_t i = 0; i < count; i++) {
        const struct shard *shard = shard_of_row(ranks, shown->rows[i]);
        if (shard->index)
            vectors_decode(shown->vectors + i * width,
                rows_bytes(&shard->chosen, shown->rows[i] - shard->rows_before), width,
                shard->chosen.storage);
    }
    MPI_Allreduce(MPI_IN_PLACE, shown->vectors, (int)(count * width), MPI_UINT32_T, MPI_BOR, MPI_COMM_WORLD);
}
