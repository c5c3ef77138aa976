// SPDX-License-Identifier: Apache-2.0
/* Items of an index into files of other programs. */
#include "index/exchange.h"
#include "index/matrix.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 256 /* rows at once */ };

struct exporter {
    struct index *index;
    struct index_filter filter;
    const struct job *job;
    size_t total; /* items that there may be */
    struct index_exported done;
};

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct sink {
    struct matrix_writer *vectors;
    struct new_file lines;
};

static int put_items(struct exporter *exporter, struct sink *sink, const struct index_item *items,
    size_t count, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        bool lossy;
        rc = exchange_put(sink->lines.stream, &items[i], &lossy, err);
        putc('\n', sink->lines.stream);
        exporter->done.lossy += !rc && lossy;
    }
    exporter->done.items += count;
    return rc;
}

/* index_fetch checks what the rows hold before index_vectors hands it out. */
static int put_block(struct exporter *exporter, struct sink *sink, float *vectors, const int64_t *numbers,
    size_t count, struct err *err)
{
    struct arena arena = {0};
    struct index_item items[BLOCK];
    int rc = index_fetch(items, exporter->index, numbers, count, &arena, err);
    if (!rc)
        rc = index_vectors(vectors, exporter->index, numbers, count, err);
    if (!rc)
        rc = matrix_writer_add(sink->vectors, vectors, count, err);
    if (!rc)
        rc = put_items(exporter, sink, items, count, err);
    arena_release(&arena);
    return rc ? rc : job_step(exporter->job, "items", exporter->done.items, exporter->total, err);
}

/* Ids rise with rows, so the order of rows is that of ids. */
static int put_rows(
    struct exporter *exporter, struct sink *sink, const struct index_rows *rows, struct err *err)
{
    int64_t numbers[BLOCK];
    size_t count = 0;
    float *vectors = mem_new(BLOCK, rows->width * sizeof *vectors); // (BLOCK, E)
    int rc = vectors ? 0 : err_memory(err, BLOCK * rows->width * sizeof *vectors);
    for (int64_t row = 0; row < rows->count && !rc; row++) {
        if (index_rows_have(rows, row))
            numbers[count++] = row;
        if (count == BLOCK) {
            rc = put_block(exporter, sink, vectors, numbers, count, err);
            count = 0;
        }
    }
    if (!rc && count)
        rc = put_block(exporter, sink, vectors, numbers, count, err);
    free(vectors);
    return rc;
}

/* The two files take their places only if both are whole. */
static int put_files(struct exporter *exporter, const struct index_rows *rows, const char *path,
    const char *metadata, enum matrix_format format, struct err *err)
{
    const bool half = rows->storage == INDEX_F16 && format == MATRIX_NPY;
    struct sink sink = {0};
    int rc = matrix_writer_open(&sink.vectors, path, format, rows->chosen, rows->width, half, err);
    if (!rc)
        rc = new_file_open(&sink.lines, metadata, err);
    if (!rc)
        rc = put_rows(exporter, &sink, rows, err);
    const int closed = new_file_close(&sink.lines, !rc, rc ? NULL : err);
    rc = rc ? rc : closed;
    const int ended = matrix_writer_close(sink.vectors, !rc, rc ? NULL : err);
    return rc ? rc : ended;
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static bool ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), size = strlen(end);
    return length > size && !strcmp(text + length - size, end);
}

static int export_file(struct exporter *exporter, const char *path, const char *metadata, struct err *err)
{
    struct arena arena = {0};
    struct index_rows rows;
    const bool faiss = ends_in(path, ".faiss");
    if (!faiss && !ends_in(path, ".npy"))
        return err_set(err, ERR_UNSUPPORTED,
            "unable to write '%s': neither .npy nor .faiss, nor a folder, which ends in '/'", path);
    int rc = index_rows(&rows, exporter->index, &exporter->filter, err);
    if (rc)
        return rc;
    exporter->total = (size_t)rows.chosen;
    if (!metadata && !(metadata = exchange_beside(&arena, path)))
        rc = err_memory(err, strlen(path));
    if (!rc)
        rc = put_files(exporter, &rows, path, metadata, faiss ? MATRIX_FAISS : MATRIX_NPY, err);
    index_rows_release(&rows);
    arena_release(&arena);
    return rc;
}

/* ---- a folder ------------------------------------------------------------------------------------------ */

static int make_folder(const char *path, struct err *err)
{
    return mkdir(path, 0777) ? err_set(err, ERR_IO, "unable to make '%s': %s", path, strerror(errno)) : 0;
}

/* What does not exist is as good as empty. */
static int check_empty(const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    size_t entries = 0;
    while (dir && readdir(dir))
        entries++;
    if (dir)
        closedir(dir);
    return entries > 2 /* . and .. */ ? err_set(err, ERR_IO, "unable to write '%s': it is not empty", path)
                                      : 0;
}

static int put_kind(struct exporter *exporter, const struct index_rows *rows, const char *folder,
    const struct exchange_folder *kind, struct err *err)
{
    struct arena arena = {0};
    const char *vectors = exchange_path(&arena, folder, kind->vectors, "0", ".npy");
    const char *metadata = exchange_path(&arena, folder, kind->metadata, "0", ".jsonl");
    const char *vectors_folder = path_join(&arena, folder, kind->vectors);
    const char *metadata_folder = path_join(&arena, folder, kind->metadata);
    int rc = vectors && metadata && vectors_folder && metadata_folder ? make_folder(vectors_folder, err)
                                                                      : err_memory(err, strlen(folder));
    if (!rc)
        rc = make_folder(metadata_folder, err);
    if (!rc)
        rc = put_files(exporter, rows, vectors, metadata, MATRIX_NPY, err);
    arena_release(&arena);
    return rc;
}

/* The items of one kind; none make no files. */
static int export_kind(
    struct exporter *exporter, const char *folder, const struct exchange_folder *kind, struct err *err)
{
    struct index_filter filter = exporter->filter;
    struct index_rows rows;
    if (filter.kind && filter.kind != kind->kind)
        return 0;
    filter.kind = kind->kind;
    int rc = index_rows(&rows, exporter->index, &filter, err);
    if (rc)
        return rc;
    if (rows.chosen)
        rc = put_kind(exporter, &rows, folder, kind, err);
    index_rows_release(&rows);
    return rc;
}

static int export_folder(struct exporter *exporter, const char *path, struct err *err)
{
    const struct index_info info = index_info(exporter->index);
    struct new_folder folder;
    int rc = check_empty(path, err);
    if (!rc)
        rc = new_folder_open(&folder, path, err);
    if (rc)
        return rc;
    exporter->total = (size_t)(info.images + info.texts);
    for (size_t i = 0; i < EXCHANGE_FOLDERS && !rc; i++)
        rc = export_kind(exporter, folder.beside, &exchange_folders[i], err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

/* ---- either -------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    const size_t length = strlen(path);
    struct stat st;
    return (length && path[length - 1] == '/') || (!stat(path, &st) && S_ISDIR(st.st_mode));
}

int index_export(struct index_exported *out, struct index *index, const char *path, const char *metadata,
    const struct index_filter *filter, const struct job *job, struct err *err)
{
    struct exporter exporter = {.index = index, .job = job};
    int rc = 0;
    if (filter)
        exporter.filter = *filter;
    if (!is_folder(path))
        rc = export_file(&exporter, path, metadata, err);
    else if (metadata)
        rc = err_set(err, ERR_ARGUMENT, "--metadata is for a file: a folder has its own place for the lines");
    else
        rc = export_folder(&exporter, path, err);
    *out = exporter.done;
    return rc;
}
