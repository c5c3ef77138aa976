// SPDX-License-Identifier: Apache-2.0
/* Rows from files of other programs into an index. All are read twice: what is wrong with any of them shows
 * before the index is opened. */
#include "index/copy.h"
#include "index/exchange.h"
#include "index/matrix.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 256 /* rows at once */ };

/* A matrix, and what says what its rows are. */
struct part {
    const char *vectors;
    const char *metadata; /* the lines; NULL: the rows themselves, those beside, or nothing */
    const char *beside;   /* lines that are of these vectors by their name, or NULL */
    bool is_copy;         /* the rows themselves */
    const char *columns;  /* of these: copy_items_open's names */
    enum index_kind kind; /* of rows whose line does not say it */
    int64_t count;        /* its rows */
};

struct importer {
    const struct job *job;
    struct part *parts;
    size_t count, room;
    size_t width; /* E of all parts */
    int64_t rows; /* of all parts */
    int64_t done;
    int64_t scaled; /* vectors whose length was not 1 */
    bool skip_bad;
    int64_t skipped; /* rows that have no direction */
    struct arena arena;
};

/* ---- parts --------------------------------------------------------------------------------------------- */

static int check_count(const struct importer *importer, const struct part *part,
    const struct matrix_file *matrix, struct err *err)
{
    struct exchange_lines lines;
    int64_t count;
    int rc = exchange_lines_open(&lines, part->metadata, err);
    if (rc)
        return rc;
    rc = exchange_lines_count(&count, &lines, importer->job, err);
    exchange_lines_release(&lines);
    if (rc || count == matrix->count)
        return rc;
    return err_set(err, ERR_FORMAT, "'%s' has %" PRId64 " lines, and '%s' %" PRId64 " rows", part->metadata,
        count, part->vectors, matrix->count);
}

static int check_part(const struct importer *importer, const struct part *part,
    const struct matrix_file *matrix, struct err *err)
{
    int rc = part->metadata ? check_count(importer, part, matrix, err) : 0;
    if (!rc && part->columns && !matrix->is_copy)
        rc = err_set(err, ERR_ARGUMENT, "--columns is for a COPY of PostgreSQL, not for '%s'", part->vectors);
    if (!rc && importer->count && matrix->width != importer->width)
        rc = err_set(err, ERR_FORMAT, "the rows of '%s' have %zu elements, those of '%s' %zu", part->vectors,
            matrix->width, importer->parts[0].vectors, importer->width);
    return rc;
}

static int add_part(struct importer *importer, struct part part, struct err *err)
{
    struct matrix_file matrix;
    int rc = matrix_file_open(&matrix, part.vectors, err);
    if (rc)
        return rc;
    part.is_copy = matrix.is_copy;
    part.count = matrix.count;
    if (!part.metadata && !part.is_copy)
        part.metadata = part.beside;
    rc = check_part(importer, &part, &matrix, err);
    if (!rc)
        rc = array_grow(importer->parts, &importer->room, importer->count + 1, err);
    if (!rc) {
        importer->parts[importer->count++] = part;
        importer->width = matrix.width;
        importer->rows += matrix.count;
    }
    matrix_file_release(&matrix);
    return rc;
}

static int add_file(struct importer *importer, const struct index_import *what, struct err *err)
{
    const char *beside = exchange_beside(&importer->arena, what->from, ".jsonl");
    if (!beside)
        return err_memory(err, strlen(what->from));
    const struct part part = {.vectors = what->from,
        .metadata = what->metadata,
        .beside = file_exists(beside) ? beside : NULL,
        .columns = what->columns,
        .kind = what->kind ? what->kind : INDEX_IMAGE};
    return add_part(importer, part, err);
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
    struct part part = {.kind = folder->kind->kind};
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
    return rc ? rc : add_part(importer, part, folder->err);
}

static int add_folder(struct importer *importer, const char *path, struct err *err)
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

static int find_parts(struct importer *importer, const struct index_import *what, struct err *err)
{
    struct stat st;
    if (stat(what->from, &st) || !S_ISDIR(st.st_mode))
        return add_file(importer, what, err);
    if (what->metadata || what->kind || what->columns)
        return err_set(err, ERR_ARGUMENT,
            "--metadata, --kind and --columns are for a file: a folder has its own places for them");
    return add_folder(importer, what->from, err);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct reader {
    const struct part *part;
    struct matrix_file matrix;
    struct exchange_lines lines;
    struct copy_items fields;
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

/* A row that has no direction: an error, or with skip_bad a report and 0. */
static int bad_row(
    struct importer *importer, const struct reader *reader, int64_t row, bool report, struct err *err)
{
    struct err problem = {0};
    err_set(&problem, ERR_FORMAT, "row %" PRId64 " of '%s' is zero or has numbers that are not finite", row,
        reader->part->vectors);
    if (!importer->skip_bad)
        return err_set(err, problem.code, "%s", problem.msg);
    if (report)
        job_report(importer->job, &problem);
    importer->skipped++;
    return 0;
}

/* Leaves bad rows out of the reader's vectors, of items (*count) and of *count. */
static int scale_vectors(struct importer *importer, struct reader *reader, struct index_item *items,
    int64_t first, size_t *count, bool report, struct err *err)
{
    const size_t width = reader->matrix.width, all = *count;
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        float *vector = reader->vectors + i * width;
        bool scaled;
        if (scale_vector(&scaled, vector, width)) {
            int rc = bad_row(importer, reader, first + (int64_t)i, report, err);
            if (rc)
                return rc;
            continue;
        }
        importer->scaled += scaled;
        memmove(reader->vectors + *count * width, vector, width * sizeof *vector);
        items[(*count)++] = items[i];
    }
    return 0;
}

/* The item of a row of which nothing is known but what its file calls it, or else its number, from 0. */
static int numbered_item(
    struct index_item *out, const struct reader *reader, int64_t row, struct arena *arena, struct err *err)
{
    const int64_t *ids = reader->matrix.ids;
    char metadata[64];
    *out = (struct index_item){.kind = reader->part->kind};
    if (out->kind == INDEX_TEXT)
        return err_set(
            err, ERR_ARGUMENT, "nothing says which texts the rows of '%s' are", reader->part->vectors);
    snprintf(metadata, sizeof metadata, "{\"%s\":%" PRId64 "}", ids ? "id" : "row", ids ? ids[row] : row);
    out->metadata = arena_copy(arena, metadata, strlen(metadata));
    return out->metadata ? 0 : err_memory(err, sizeof metadata);
}

/* The item of the next row, which has this number. */
static int next_item(
    struct index_item *out, struct reader *reader, int64_t row, struct arena *arena, struct err *err)
{
    const struct part *part = reader->part;
    if (part->metadata)
        return exchange_lines_next(out, &reader->lines, part->kind, arena, err);
    if (part->is_copy)
        return copy_items_next(out, &reader->fields, part->kind, arena, err);
    return numbered_item(out, reader, row, arena, err);
}

/* index NULL: only what is wrong with the rows. */
static int read_block(struct importer *importer, struct reader *reader, struct index *index, int64_t first,
    size_t count, struct err *err)
{
    struct arena arena = {0};
    struct index_item items[BLOCK];
    size_t good = count;
    int rc = 0;
    matrix_file_rows(reader->vectors, &reader->matrix, first, count);
    for (size_t i = 0; i < count && !rc; i++)
        rc = next_item(&items[i], reader, first + (int64_t)i, &arena, err);
    if (!rc)
        rc = scale_vectors(importer, reader, items, first, &good, index, err);
    if (!rc && index)
        rc = index_add(index, items, reader->vectors, good, err);
    arena_release(&arena);
    importer->done += (int64_t)count;
    if (rc)
        return rc;
    return index ? job_step(importer->job, "rows", (size_t)importer->done, (size_t)importer->rows, err)
                 : job_step(importer->job, "checking", 0, 0, err);
}

/* All that was found before is of the file that was there then. */
static int check_unchanged(const struct importer *importer, const struct reader *reader, struct err *err)
{
    if (reader->matrix.width == importer->width && reader->matrix.count == reader->part->count)
        return 0;
    return err_set(err, ERR_FORMAT, "'%s' was changed while it was read", reader->part->vectors);
}

static int read_part(struct importer *importer, const struct part *part, struct index *index, struct err *err)
{
    struct reader reader = {.part = part};
    int rc = matrix_file_open(&reader.matrix, part->vectors, err);
    if (!rc)
        rc = check_unchanged(importer, &reader, err);
    if (!rc && part->metadata)
        rc = exchange_lines_open(&reader.lines, part->metadata, err);
    else if (!rc && part->is_copy)
        rc = copy_items_open(&reader.fields, part->vectors, &reader.matrix, part->columns, err);
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

/* Reads all rows of all parts and adds them to the index, in the order of the files, without a commit. index
 * NULL: only finds what is wrong with them. */
static int read_all(struct importer *importer, struct index *index, struct err *err)
{
    int rc = 0;
    importer->done = importer->scaled = importer->skipped = 0;
    for (size_t i = 0; i < importer->count && !rc; i++)
        rc = read_part(importer, &importer->parts[i], index, err);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static int check_width(const struct importer *importer, const struct index_options *options, struct err *err)
{
    if (importer->width == options->width)
        return 0;
    return err_set(err, ERR_ARGUMENT, "the rows of '%s' have %zu elements, the embeddings of '%s' %zu",
        importer->parts[0].vectors, importer->width, options->model, options->width);
}

static int fill(struct index_imported *out, struct importer *importer, struct index *index, struct err *err)
{
    const struct index_info before = index_info(index);
    int rc = read_all(importer, index, err);
    if (!rc)
        rc = index_commit(index, err);
    if (rc)
        return rc;
    const struct index_info after = index_info(index);
    *out = (struct index_imported){
        .rows = importer->rows - importer->skipped, .skipped = importer->skipped, .scaled = importer->scaled};
    out->replaced = out->rows - (after.images + after.texts - before.images - before.texts);
    return 0;
}

/* The rows are kept by now. Without codes searches are slower, and right. */
static void prepare(struct index *index, const struct job *job)
{
    struct err problem = {0};
    const int rc = index_prepare(index, job, &problem);
    if (rc && rc != ERR_CANCELLED)
        job_reportf(job, ERR_NONE, "all rows were imported, but %s", problem.msg);
}

int index_import(struct index_imported *out, const char *path, const struct index_import *what,
    const struct job *job, struct err *err)
{
    struct importer importer = {.job = job, .skip_bad = what->skip_bad};
    struct index *index = NULL;
    *out = (struct index_imported){0};
    int rc = find_parts(&importer, what, err);
    if (!rc)
        rc = check_width(&importer, &what->options, err);
    if (!rc)
        rc = read_all(&importer, NULL, err);
    if (!rc)
        rc = index_open_or_create(&index, path, &what->options, err);
    if (!rc && !what->any_storage)
        rc = index_check_storage(index, what->options.storage, err);
    if (!rc && what->options.model)
        rc = index_keep_model(index, what->options.model, err);
    if (!rc)
        rc = fill(out, &importer, index, err);
    if (rc == ERR_CANCELLED)
        err_set(err, rc, "interrupted, and nothing was kept");
    if (!rc)
        prepare(index, job);
    index_free(index);
    free(importer.parts);
    arena_release(&importer.arena);
    return rc;
}
