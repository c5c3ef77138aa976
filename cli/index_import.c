// SPDX-License-Identifier: Apache-2.0
#include "cli/index_import.h"
#include "cli/index_exchange.h"
#include "cli/interrupt.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 /* rows at once */ };

/* ---- parts --------------------------------------------------------------------------------------------- */

static int check_count(
    const char *path, const struct matrix_file *matrix, const char *metadata, struct err *err)
{
    struct exchange_lines lines;
    int rc = exchange_lines_open(&lines, metadata, err);
    if (rc)
        return rc;
    const int64_t count = exchange_lines_count(&lines);
    exchange_lines_release(&lines);
    if (count == matrix->count)
        return 0;
    return err_set(err, ERR_FORMAT, "'%s' has %" PRId64 " lines, and '%s' %" PRId64 " rows", metadata, count,
        path, matrix->count);
}

static int add_part(struct importer *importer, const struct import_part *part, struct err *err)
{
    struct matrix_file matrix;
    int rc = matrix_file_open(&matrix, part->vectors, err);
    if (rc)
        return rc;
    if (part->metadata)
        rc = check_count(part->vectors, &matrix, part->metadata, err);
    if (!rc && importer->count && matrix.width != importer->width)
        rc = err_set(err, ERR_FORMAT, "the rows of '%s' have %zu elements, those of '%s' %zu", part->vectors,
            matrix.width, importer->parts[0].vectors, importer->width);
    struct import_part *parts =
        rc ? NULL : mem_grow(importer->parts, importer->count + 1, sizeof *importer->parts);
    if (!rc && !parts)
        rc = err_memory(err, importer->count);
    if (!rc) {
        importer->parts = parts;
        parts[importer->count++] = *part;
        importer->width = matrix.width;
        importer->rows += matrix.count;
    }
    matrix_file_release(&matrix);
    return rc;
}

int import_file(struct importer *importer, const char *vectors, const char *metadata, enum index_kind kind,
    struct err *err)
{
    const char *beside = exchange_beside(&importer->arena, vectors);
    if (!beside)
        return err_memory(err, strlen(vectors));
    if (!metadata && file_exists(beside))
        metadata = beside;
    return add_part(importer, &(struct import_part){vectors, metadata, kind}, err);
}

void import_release(struct importer *importer)
{
    free(importer->parts);
    arena_release(&importer->arena);
}

/* ---- a folder ------------------------------------------------------------------------------------------ */

struct folder {
    struct importer *importer;
    const char *path;
    const struct exchange_folder *kind;
    struct err *err;
};

/* The lines that belong to the rows of this number: texts may have those of the pictures. */
static int find_lines(const char **out, const struct folder *folder, const char *number, struct err *err)
{
    struct arena *arena = &folder->importer->arena;
    const char *const names[] = {folder->kind->metadata, exchange_folders[0].metadata};
    *out = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !*out; i++) {
        const char *lines = exchange_path(arena, folder->path, names[i], number, ".jsonl");
        const char *parquet = exchange_path(arena, folder->path, names[i], number, ".parquet");
        if (!lines || !parquet)
            return err_memory(err, 0);
        if (file_exists(lines))
            *out = lines;
        else if (file_exists(parquet))
            return err_set(err, ERR_UNSUPPORTED,
                "unable to read '%s': convert it to JSON lines, as 'diptych index import --help' says",
                parquet);
    }
    return 0;
}

static int visit_rows(void *context, const char *path, const struct err *problem)
{
    struct folder *folder = context;
    struct importer *importer = folder->importer;
    struct import_part part = {.kind = folder->kind->kind};
    if (problem)
        return err_set(folder->err, problem->code, "%s", problem->msg);
    const char *name = strrchr(path, '/') + 1, *end = strrchr(name, '.');
    const size_t prefix = strlen(folder->kind->vectors);
    if (!end || strcmp(end, ".npy"))
        return 0;
    if (strncmp(name, folder->kind->vectors, prefix) || name[prefix] != '_')
        return err_set(folder->err, ERR_ARGUMENT, "'%s' is not named %s_N.npy", path, folder->kind->vectors);
    name += prefix + 1;
    const char *number = arena_copy(&importer->arena, name, (size_t)(end - name));
    part.vectors = arena_copy(&importer->arena, path, strlen(path));
    if (!number || !part.vectors)
        return err_memory(folder->err, strlen(path));
    int rc = find_lines(&part.metadata, folder, number, folder->err);
    return rc ? rc : add_part(importer, &part, folder->err);
}

int import_folder(struct importer *importer, const char *path, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < EXCHANGE_FOLDERS && !rc; i++) {
        struct folder folder = {importer, path, &exchange_folders[i], err};
        const char *below = path_join(&importer->arena, path, folder.kind->vectors);
        if (!below)
            rc = err_memory(err, strlen(path));
        else if (file_exists(below))
            rc = file_walk(below, visit_rows, &folder, err);
    }
    if (!rc && !importer->count)
        rc = err_set(
            err, ERR_ARGUMENT, "'%s' has neither img_emb/img_emb_N.npy nor text_emb/text_emb_N.npy", path);
    return rc;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct reader {
    const struct import_part *part;
    struct matrix_file matrix;
    struct exchange_lines lines;
    float *vectors; // (BLOCK, E)
};

/* Some programs keep what the model gave, of any length, and cosines need length 1. What is near it stays bit
 * for bit: the codes of an i8 index miss it by a few thousandths. */
static int scale_vector(bool *scaled, float *vector, size_t width)
{
    static const double tolerance = 1e-2;
    double squares = 0;
    for (size_t e = 0; e < width; e++)
        squares += (double)vector[e] * (double)vector[e];
    const double length = sqrt(squares);
    if (!isfinite(length) || length == 0)
        return ERR_FORMAT;
    *scaled = fabs(length - 1) > tolerance;
    for (size_t e = 0; e < width && *scaled; e++)
        vector[e] = (float)((double)vector[e] / length);
    return 0;
}

static int scale_vectors(
    struct importer *importer, struct reader *reader, int64_t first, size_t count, struct err *err)
{
    const size_t width = reader->matrix.width;
    for (size_t i = 0; i < count; i++) {
        bool scaled;
        if (scale_vector(&scaled, reader->vectors + i * width, width))
            return err_set(err, ERR_FORMAT,
                "row %" PRId64 " of '%s' is zero or has numbers that are not finite", first + (int64_t)i,
                reader->part->vectors);
        importer->scaled += scaled;
    }
    return 0;
}

/* The item of a row of which nothing is known but its number, from 0. */
static int numbered_item(
    struct index_item *out, const struct import_part *part, int64_t row, struct arena *arena, struct err *err)
{
    char metadata[64];
    *out = (struct index_item){.kind = part->kind};
    if (part->kind == INDEX_TEXT)
        return err_set(err, ERR_ARGUMENT, "nothing says which texts the rows of '%s' are", part->vectors);
    snprintf(metadata, sizeof metadata, "{\"row\":%" PRId64 "}", row);
    out->metadata = arena_copy(arena, metadata, strlen(metadata));
    return out->metadata ? 0 : err_memory(err, sizeof metadata);
}

static int read_block(struct importer *importer, struct reader *reader, struct index *index, int64_t first,
    size_t count, struct err *err)
{
    const struct import_part *part = reader->part;
    struct arena arena = {0};
    struct index_item items[BLOCK];
    matrix_file_rows(reader->vectors, &reader->matrix, first, count);
    int rc = scale_vectors(importer, reader, first, count, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = part->metadata ? exchange_lines_next(&items[i], &reader->lines, part->kind, &arena, err)
                            : numbered_item(&items[i], part, first + (int64_t)i, &arena, err);
    if (!rc && index)
        rc = index_add(index, items, reader->vectors, count, err);
    arena_release(&arena);
    importer->done += (int64_t)count;
    if (index)
        progress_draw(&importer->progress, (size_t)importer->done);
    return rc ? rc : interrupt_seen() ? err_set(err, ERR_ARGUMENT, "interrupted, and nothing was kept") : 0;
}

static int read_part(
    struct importer *importer, const struct import_part *part, struct index *index, struct err *err)
{
    struct reader reader = {.part = part};
    int rc = matrix_file_open(&reader.matrix, part->vectors, err);
    if (!rc && part->metadata)
        rc = exchange_lines_open(&reader.lines, part->metadata, err);
    if (!rc && !(reader.vectors = mem_new(BLOCK, importer->width * sizeof(float))))
        rc = err_memory(err, BLOCK * importer->width * sizeof(float));
    for (int64_t first = 0; first < reader.matrix.count && !rc; first += BLOCK) {
        const int64_t left = reader.matrix.count - first;
        rc = read_block(importer, &reader, index, first, (size_t)(left < BLOCK ? left : BLOCK), err);
    }
    free(reader.vectors);
    exchange_lines_release(&reader.lines);
    matrix_file_release(&reader.matrix);
    return rc;
}

int import_read(struct importer *importer, struct index *index, struct err *err)
{
    int rc = 0;
    importer->done = importer->scaled = 0;
    if (index)
        progress_start(&importer->progress, "rows", (size_t)importer->rows);
    else
        progress_note(&importer->progress, "checking");
    for (size_t i = 0; i < importer->count && !rc; i++)
        rc = read_part(importer, &importer->parts[i], index, err);
    return rc;
}
