// SPDX-License-Identifier: Apache-2.0
/* Which shards there are, whose they are, and opening them. The first rank looks; the others are told. */
#include "index/merge.h"
#include "index/mpi/internal.h"
#include "index/part.h"
#include "index/store.h"

#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding ------------------------------------------------------------------------------------------- */

/* Adds the shards that lie beside an index, or in its place: laion-00003-of-00008.dip of laion.dip. */
static int add_shards_of(struct strings *paths, const char *path, struct arena *arena, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *folder = slash ? arena_copy(arena, path, (size_t)(slash - path) + 1) : "./";
    struct strings names = {0};
    int rc = folder ? folder_list(&names, folder, err) : err_memory(err, strlen(path));
    for (size_t i = 0; i < names.count && !rc; i++) {
        size_t number, count;
        const char *numbers = names.items[i] + strcspn(name, ".");
        if (strlen(names.items[i]) <= strcspn(name, ".") ||
            sscanf(numbers, "-%zu-of-%zu.dip", &number, &count) != 2)
            continue;
        const char *own = index_part_path(arena, path, number, count, err);
        if (!own)
            rc = ERR_MEMORY;
        else if (!strcmp(own + (name - path), names.items[i]))
            rc = strings_add(paths, own, strlen(own), err);
    }
    strings_release(&names);
    if (!rc && !paths->count)
        rc = err_set(err, ERR_IO, "'%s' is not an index, and has no shards beside it", path);
    return rc;
}

static int find_paths(struct strings *paths, const char *path, struct arena *arena, struct err *err)
{
    int rc = braces_expand(paths, path, err);
    if (rc || paths->count != 1 || index_is_there(paths->items[0]))
        return rc;
    strings_release(paths);
    return add_shards_of(paths, path, arena, err);
}

/* What an index that is no part has in common with one. */
static int look_at(struct index_part *out, const char *path, struct arena *arena, struct err *err)
{
    struct index *index;
    int rc = index_open(&index, path, INDEX_READ, NULL, err);
    if (rc)
        return rc;
    const struct index_info info = index_info(index);
    *out = (struct index_part){.path = path,
        .fingerprint = arena_copy(arena, info.fingerprint, strlen(info.fingerprint)),
        .preparation =
            info.preparation ? arena_copy(arena, info.preparation, strlen(info.preparation)) : NULL,
        .storage = info.storage,
        .width = info.width,
        .rows = info.rows};
    if (!out->fingerprint || (info.preparation && !out->preparation))
        rc = err_memory(err, strlen(info.fingerprint));
    index_free(index);
    return rc;
}

static int find(
    struct index_part **out, struct ranks *ranks, struct strings *paths, const char *path, struct err *err)
{
    struct arena *arena = &ranks->arena;
    int rc = find_paths(paths, path, arena, err);
    if (rc)
        return rc;
    const char *manifest = path_join(arena, paths->items[0], "shard.json");
    if (!manifest)
        return err_memory(err, strlen(path));
    ranks->count = paths->count;
    ranks->parts = file_exists(manifest);
    if (ranks->parts)
        return parts_read(out, paths->items, paths->count, arena, err);
    *out = arena_alloc(arena, paths->count * sizeof **out);
    if (!*out)
        return err_memory(err, paths->count * sizeof **out);
    for (size_t i = 0; i < paths->count && !rc; i++) {
        rc = look_at(*out + i, paths->items[i], arena, err);
        (*out)[i].number = i;
    }
    return rc ? rc : parts_check_kin(*out, paths->count, err);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

/* What the first rank has found, for the others. */
struct found {
    size_t count, width, strings; /* shards, E, bytes of their paths and the fingerprint before them */
    bool parts;
};

static int join_strings(
    char **out, size_t *size, const struct index_part *parts, size_t count, struct err *err)
{
    FILE *text = open_memstream(out, size);
    if (text) {
        fwrite(parts->fingerprint, 1, strlen(parts->fingerprint) + 1, text);
        for (size_t i = 0; i < count; i++)
            fwrite(parts[i].path, 1, strlen(parts[i].path) + 1, text);
    }
    return text && !fclose(text) ? 0 : err_memory(err, count);
}

static int by_rows(const void *a, const void *b)
{
    const struct shard *x = *(struct shard *const *)a, *y = *(struct shard *const *)b;
    return x->rows != y->rows ? (x->rows < y->rows) - (x->rows > y->rows) : (x > y) - (x < y);
}

/* Gives the largest that is left to the rank that has the fewest rows. */
static int assign(struct ranks *ranks, struct err *err)
{
    const size_t count = (size_t)ranks_count();
    int64_t *loads = mem_new(count, sizeof *loads);
    struct shard **order = mem_new(ranks->count, sizeof(struct shard *));
    const int rc = loads && order ? 0 : err_memory(err, ranks->count * sizeof(struct shard *));
    for (size_t i = 0; i < ranks->count && !rc; i++)
        order[i] = &ranks->shards[i];
    if (!rc)
        qsort(order, ranks->count, sizeof(struct shard *), by_rows);
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        size_t least = 0;
        for (size_t rank = 1; rank < count; rank++)
            least = loads[rank] < loads[least] ? rank : least;
        order[i]->rank = (int)least;
        loads[least] += order[i]->rows;
    }
    free(order);
    free(loads);
    return rc;
}

static int make_room(struct ranks *ranks, char **text, size_t size, struct err *err)
{
    const size_t count = (size_t)ranks_count();
    ranks->shards = arena_alloc(&ranks->arena, ranks->count * sizeof *ranks->shards);
    ranks->sizes = arena_alloc(&ranks->arena, count * sizeof *ranks->sizes);
    ranks->begins = arena_alloc(&ranks->arena, count * sizeof *ranks->begins);
    *text = arena_alloc(&ranks->arena, size);
    return ranks->shards && ranks->sizes && ranks->begins && *text
               ? 0
               : err_memory(err, ranks->count * sizeof *ranks->shards + size);
}

/* Fills in the shards on all ranks, from `parts` and their strings on the first. */
static int tell(
    struct ranks *ranks, const struct index_part *parts, char *strings, size_t size, struct err *err)
{
    struct found found = {ranks->count, parts ? parts->width : 0, size, ranks->parts};
    char *text = NULL;
    MPI_Bcast(&found, sizeof found, MPI_BYTE, 0, MPI_COMM_WORLD);
    ranks->count = found.count;
    ranks->width = found.width;
    ranks->parts = found.parts;
    int rc = ranks_agree(wrap_rank(make_room(ranks, &text, found.strings, err), err), err);
    if (rc)
        return rc;
    if (strings)
        memcpy(text, strings, size);
    MPI_Bcast(text, (int)found.strings, MPI_CHAR, 0, MPI_COMM_WORLD);
    ranks->fingerprint = text;
    for (size_t i = 0; i < ranks->count; i++) {
        struct shard *shard = &ranks->shards[i];
        text += strlen(text) + 1;
        shard->path = text;
        shard->rows = parts ? parts[i].rows : 0;
        MPI_Bcast(&shard->rows, 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    }
    return ranks_agree(wrap_rank(assign(ranks, err), err), err);
}

static int find_and_tell(struct ranks *ranks, const char *path, struct err *err)
{
    struct index_part *parts = NULL;
    struct strings paths = {0};
    char *strings = NULL;
    size_t size = 0;
    int rc = ranks_number() ? 0 : find(&parts, ranks, &paths, path, err);
    if (!rc && parts)
        rc = join_strings(&strings, &size, parts, ranks->count, err);
    rc = ranks_agree(rc, err);
    if (!rc)
        rc = tell(ranks, parts, strings, size, err);
    free(strings);
    strings_release(&paths);
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int check_part(const struct shard *shard, struct err *err)
{
    struct arena arena = {0};
    struct index_part part;
    int rc = index_part_read(&part, shard->path, &arena, err);
    if (!rc)
        rc = part_check_sizes(&part, err);
    arena_release(&arena);
    return rc;
}

static int open_rows(struct shard *shard, const struct index_filter *filter, struct err *err)
{
    const struct index_info info = index_info(shard->index);
    int rc = index_rows(&shard->chosen, shard->index, filter, err);
    if (!rc && info.images && info.texts) {
        for (int kind = INDEX_IMAGE; kind <= INDEX_TEXT && !rc; kind++)
            rc = index_rows_of(&shard->kinds[kind], shard->index, &shard->chosen, (enum index_kind)kind, err);
    } else if (!rc) { /* all are of one kind: no bitmap for it */
        struct index_rows *all = &shard->kinds[info.texts ? INDEX_TEXT : INDEX_IMAGE];
        *all = shard->chosen;
        all->owned = NULL;
    }
    return rc;
}

static int open_shard(struct ranks *ranks, struct shard *shard, struct err *err)
{
    int rc = ranks->parts ? check_part(shard, err) : 0;
    if (!rc)
        rc = index_open(&shard->index, shard->path, INDEX_READ, ranks->fingerprint, err);
    if (!rc && index_info(shard->index).rows != shard->rows)
        rc = err_set(err, ERR_FORMAT,
            "'%s' has %" PRId64 " rows here, and %" PRId64 " where the first rank looked", shard->path,
            index_info(shard->index).rows, shard->rows);
    if (!rc)
        rc = open_rows(shard, &ranks->options.filter, err);
    shard->searcher =
        (struct index_searcher){.index = shard->index, .scanner = ranks->scanner, .generation = -1};
    return wrap_shard(ranks, shard, rc, err);
}

static int open_own(struct ranks *ranks, struct err *err)
{
    int rc = device_open(&ranks->device, ranks->options.device, err);
    if (!rc)
        rc = scanner_open(&ranks->scanner, ranks->device, err);
    rc = wrap_rank(rc, err);
    for (size_t i = 0; i < ranks->count && !rc; i++)
        if (ranks->shards[i].rank == ranks_number())
            rc = open_shard(ranks, &ranks->shards[i], err);
    return rc;
}

/* The ids that a shard has given out, which those of the next begin behind. */
static int ids_of(int64_t *ids, struct index *index, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = catalog_statement(
        &stmt, index, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'items'), 0)", err);
    if (!rc && sqlite3_step(stmt) != SQLITE_ROW)
        rc = catalog_error(index, "read", err);
    *ids = rc ? 0 : sqlite3_column_int64(stmt, 0);
    if (!rc)
        sqlite3_reset(stmt);
    return rc;
}

/* Ids and rows before each shard, and how many rows there are to look at, from those that have the shards. */
static int count_on(struct ranks *ranks, struct err *err)
{
    int64_t *ids = mem_new(ranks->count, sizeof *ids), rows = 0, before = 0;
    int rc = ids ? 0 : wrap_rank(err_memory(err, ranks->count * sizeof *ids), err);
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        struct shard *shard = &ranks->shards[i];
        if (!shard->index)
            continue;
        rc = wrap_shard(ranks, shard, ids_of(&ids[i], shard->index, err), err);
        for (int kind = INDEX_IMAGE; kind <= INDEX_TEXT; kind++)
            ranks->chosen[kind] += shard->kinds[kind].chosen;
    }
    rc = ranks_agree(rc, err);
    if (!rc) {
        MPI_Allreduce(MPI_IN_PLACE, ids, (int)ranks->count, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
        MPI_Allreduce(MPI_IN_PLACE, ranks->chosen, INDEX_TEXT + 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    }
    for (size_t i = 0; i < ranks->count && !rc; i++) {
        ranks->shards[i].rows_before = rows;
        ranks->shards[i].ids_before = before;
        rows += ranks->shards[i].rows;
        before += ids[i];
    }
    free(ids);
    return rc;
}

int ranks_open(struct ranks **out, const char *path, const struct ranks_options *options, struct err *err)
{
    struct ranks *ranks = mem_new(1, sizeof *ranks);
    int rc = ranks_agree(ranks ? 0 : wrap_rank(err_memory(err, sizeof *ranks), err), err);
    if (rc) {
        free(ranks);
        return rc;
    }
    ranks->options = *options;
    rc = find_and_tell(ranks, path, err);
    if (!rc)
        rc = ranks_agree(open_own(ranks, err), err);
    if (!rc)
        rc = count_on(ranks, err);
    ranks->ready = !rc;
    if (rc)
        ranks_close(ranks);
    else
        *out = ranks;
    return rc;
}

void ranks_close(struct ranks *ranks)
{
    struct order end = {.what = ORDER_END};
    if (!ranks)
        return;
    if (ranks->ready && !ranks_number())
        order_share(&end);
    for (size_t i = 0; i < ranks->count && ranks->shards; i++) {
        struct shard *shard = &ranks->shards[i];
        coarse_release(&shard->searcher.coarse);
        for (int kind = INDEX_IMAGE; kind <= INDEX_TEXT; kind++)
            index_rows_release(&shard->kinds[kind]);
        index_rows_release(&shard->distinct);
        free(shard->first);
        index_rows_release(&shard->chosen);
        index_free(shard->index);
    }
    scanner_free(ranks->scanner);
    device_free(ranks->device);
    arena_release(&ranks->arena);
    free(ranks);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

struct ranks_info ranks_info(const struct ranks *ranks)
{
    struct ranks_info info = {.first = ranks->shards->path, .shards = ranks->count, .width = ranks->width};
    for (size_t i = 0; i < ranks->count; i++)
        info.rows += ranks->shards[i].rows;
    memcpy(info.chosen, ranks->chosen, sizeof info.chosen);
    return info;
}

void ranks_share(size_t *shards, int64_t *rows, const struct ranks *ranks, int rank)
{
    *shards = 0;
    *rows = 0;
    for (size_t i = 0; i < ranks->count; i++)
        if (ranks->shards[i].rank == rank) {
            *rows += ranks->shards[i].rows;
            ++*shards;
        }
}

/* The last that begins at the row or before it, and has rows. */
struct shard *shard_of_row(const struct ranks *ranks, int64_t row)
{
    size_t low = 0, high = ranks->count; /* it is in [low, high) */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (ranks->shards[middle].rows_before <= row)
            low = middle;
        else
            high = middle;
    }
    return &ranks->shards[low];
}
