// SPDX-License-Identifier: Apache-2.0
/* Items of an index into files of other programs. */
#include "index/exchange.h"
#include "index/sink.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 256 /* rows at once */ };

struct exporter {
    struct index *index;
    const struct index_export *what;
    const struct job *job;
    size_t total; /* items that there may be */
    struct index_exported done;
};

/* ---- rows ---------------------------------------------------------------------------------------------- */

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
        rc = sink->add(sink, items, vectors, count, &exporter->done.lossy, err);
    arena_release(&arena);
    if (rc)
        return rc;
    exporter->done.items += count;
    return job_step(exporter->job, "items", exporter->done.items, exporter->total, err);
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

static int put_into(struct exporter *exporter, const struct index_rows *rows, sink_open *open,
    const char *path, const char *metadata, struct err *err)
{
    const struct sink_plan plan = {.path = path,
        .metadata = metadata,
        .count = rows->chosen,
        .width = rows->width,
        .storage = rows->storage,
        .half = exporter->what->half};
    struct sink *sink;
    int rc = open(&sink, &plan, err);
    if (rc)
        return rc;
    rc = put_rows(exporter, sink, rows, err);
    const int closed = sink->close(sink, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static const struct format {
    const char *end; /* of the file's name */
    sink_open *open;
    bool has_lines, has_halves; /* takes index_export's metadata, and half */
} formats[] = {
    {".npy", sink_npy, true, false},
    {".faiss", sink_faiss, true, false},
    {".pgvector", sink_pgvector, false, true},
    {".qdrant", sink_qdrant, false, false},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static bool ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), size = strlen(end);
    return length > size && !strcmp(text + length - size, end);
}

static int find_format(const struct format **out, const struct index_export *what, struct err *err)
{
    *out = NULL;
    for (size_t i = 0; i < FORMATS && !*out; i++)
        if (ends_in(what->to, formats[i].end))
            *out = &formats[i];
    if (!*out)
        return err_set(err, ERR_UNSUPPORTED,
            "unable to write '%s': neither .npy, .faiss, .pgvector nor .qdrant, nor a folder, which ends in "
            "'/'",
            what->to);
    if (what->metadata && !(*out)->has_lines)
        return err_set(
            err, ERR_ARGUMENT, "--metadata is for a matrix: '%s' has room for all of it", what->to);
    if (what->half && !(*out)->has_halves)
        return err_set(err, ERR_ARGUMENT, "--half is for pgvector, not for '%s'", what->to);
    return 0;
}

static int export_file(struct exporter *exporter, struct err *err)
{
    const struct index_export *what = exporter->what;
    const struct format *format;
    struct index_rows rows;
    int rc = find_format(&format, what, err);
    if (!rc)
        rc = index_rows(&rows, exporter->index, &what->filter, err);
    if (rc)
        return rc;
    exporter->total = (size_t)rows.chosen;
    rc = put_into(exporter, &rows, format->open, what->to, what->metadata, err);
    index_rows_release(&rows);
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
        rc = put_into(exporter, rows, sink_npy, vectors, metadata, err);
    arena_release(&arena);
    return rc;
}

/* The items of one kind; none make no files. */
static int export_kind(
    struct exporter *exporter, const char *folder, const struct exchange_folder *kind, struct err *err)
{
    struct index_filter filter = exporter->what->filter;
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

int index_export(struct index_exported *out, struct index *index, const struct index_export *what,
    const struct job *job, struct err *err)
{
    struct exporter exporter = {.index = index, .what = what, .job = job};
    int rc = 0;
    if (!is_folder(what->to))
        rc = export_file(&exporter, err);
    else if (what->metadata || what->half)
        rc = err_set(err, ERR_ARGUMENT, "%s is for a file: a folder has %s",
            what->metadata ? "--metadata" : "--half",
            what->metadata ? "its own place for the lines" : "numbers as the index keeps them");
    else
        rc = export_folder(&exporter, what->to, err);
    *out = exporter.done;
    return rc;
}
