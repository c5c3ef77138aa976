// SPDX-License-Identifier: Apache-2.0
/*
 * Items of rows, from the ranks that have them to the first. An item goes as
 *
 *     uint32 its place among those asked for | the struct | a string each: uint32 length or NONE, bytes
 */
#include "index/mpi/internal.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

static const size_t strings[] = {offsetof(struct index_item, path), offsetof(struct index_item, hash),
    offsetof(struct index_item, caption), offsetof(struct index_item, picture),
    offsetof(struct index_item, metadata), offsetof(struct index_item, taken),
    offsetof(struct index_item, camera), offsetof(struct index_item, lens)};
enum { STRINGS = sizeof strings / sizeof *strings };

static const char **string_of(struct index_item *item, size_t s)
{
    return (const char **)((char *)item + strings[s]);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void put_item(FILE *out, uint32_t place, struct index_item *item)
{
    fwrite(&place, sizeof place, 1, out);
    fwrite(item, sizeof *item, 1, out);
    for (size_t s = 0; s < STRINGS; s++) {
        const char *text = *string_of(item, s);
        const uint32_t length = text ? (uint32_t)strlen(text) : NONE;
        fwrite(&length, sizeof length, 1, out);
        fwrite(text ? text : "", 1, text ? length : 0, out);
    }
}

static int put_own(FILE *out, struct ranks *ranks, const int64_t *rows, size_t count, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        struct shard *shard = shard_of_row(ranks, rows[i]);
        const int64_t row = rows[i] - shard->rows_before;
        struct arena arena = {0};
        struct index_item item;
        if (!shard->index)
            continue;
        rc = wrap_shard(ranks, shard, index_fetch(&item, shard->index, &row, 1, &arena, err), err);
        item.id += shard->ids_before;
        item.row = rows[i];
        if (!rc)
            put_item(out, (uint32_t)i, &item);
        arena_release(&arena);
    }
    return rc;
}

static int pack_own(
    char **bytes, size_t *size, struct ranks *ranks, const int64_t *rows, size_t count, struct err *err)
{
    FILE *out = open_memstream(bytes, size);
    int rc = out ? put_own(out, ranks, rows, count, err) : wrap_rank(err_memory(err, 0), err);
    if (out && fclose(out) && !rc)
        rc = wrap_rank(err_memory(err, *size), err);
    if (!rc && *size > (size_t)(INT_MAX / ranks_count()))
        rc = wrap_rank(err_set(err, ERR_LIMIT, "%zu bytes of items are too many at once", *size), err);
    return rc;
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

static const char *take(void *out, const char *bytes, size_t size)
{
    memcpy(out, bytes, size);
    return bytes + size;
}

static int unpack(
    struct index_item *items, const char *bytes, size_t size, struct arena *arena, struct err *err)
{
    for (const char *at = bytes; at < bytes + size;) {
        uint32_t place, length;
        at = take(&place, at, sizeof place);
        struct index_item *item = &items[place];
        at = take(item, at, sizeof *item);
        for (size_t s = 0; s < STRINGS; s++) {
            at = take(&length, at, sizeof length);
            if (length == NONE)
                continue;
            *string_of(item, s) = arena_copy(arena, at, length);
            if (!*string_of(item, s))
                return err_memory(err, length);
            at += length;
        }
    }
    return 0;
}

/* What all ranks have packed, one behind the other, with the first. */
static int gather(
    char **all, size_t *size, const struct ranks *ranks, const char *own, size_t own_size, struct err *err)
{
    const bool first = !ranks_number();
    const int mine = (int)own_size;
    int rc = 0;
    MPI_Gather(&mine, 1, MPI_INT, ranks->sizes, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int i = 0; i < ranks_count() && first; i++) {
        ranks->begins[i] = (int)*size;
        *size += (size_t)ranks->sizes[i];
    }
    *all = first ? mem_new(*size + 1, 1) : NULL;
    if (first && !*all)
        rc = wrap_rank(err_memory(err, *size), err);
    rc = ranks_agree(rc, err);
    if (!rc)
        MPI_Gatherv(own, mine, MPI_BYTE, *all, ranks->sizes, ranks->begins, MPI_BYTE, 0, MPI_COMM_WORLD);
    return rc;
}

int fetch_together(struct ranks *ranks, const struct order *order, const int64_t *rows,
    struct index_item *items, struct arena *arena, struct err *err)
{
    int64_t wanted[ROWS_AT_ONCE];
    char *own = NULL, *all = NULL;
    size_t own_size = 0, size = 0;
    if (rows)
        memcpy(wanted, rows, order->count * sizeof *wanted);
    MPI_Bcast(wanted, (int)order->count, MPI_INT64_T, 0, MPI_COMM_WORLD);
    int rc = ranks_agree(pack_own(&own, &own_size, ranks, wanted, order->count, err), err);
    if (!rc)
        rc = gather(&all, &size, ranks, own, own_size, err);
    if (!rc && rows)
        rc = unpack(items, all, size, arena, err);
    free(own);
    free(all);
    return rc;
}
