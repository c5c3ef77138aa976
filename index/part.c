// SPDX-License-Identifier: Apache-2.0
/*
 * Parts of an index: shard.json beside the catalog, and how an index becomes one.
 *
 *     {"format": 1, "shard": 3, "shards": 8, "inputs": 120, "inputs_sha256": "...", "from": 45, "to": 60,
 *      "failed": 0, "precision": "bf16", "model": "...", "fingerprint": "...", "width": 128, "storage": "f16",
 *      "preparation": "model", "rows": 15000,
 *      "files": {"catalog.sqlite": {"bytes": 9, "sha256": "..."}, ...}}
 *
 * It is written last, and the folder gets its name when all is on the disk: what has the name is whole.
 */
#include "index/part.h"
#include "index/search.h"
#include "index/store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FORMAT = 1, MANIFEST_MAX = 1 << 20, NUMBER_DIGITS = 5 };
static const char manifest_name[] = "shard.json";

const char *index_part_path(
    struct arena *arena, const char *path, size_t number, size_t count, struct err *err)
{
    static const char suffix[] = ".dip";
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    const size_t end = strlen(suffix);
    if (length > end && !strncmp(path + length - end, suffix, end))
        length -= end;
    const size_t size = length + 64;
    char *out = arena_alloc(arena, size);
    if (!out) {
        err_memory(err, size);
        return NULL;
    }
    snprintf(out, size, "%.*s-%0*zu-of-%0*zu%s", (int)length, path, NUMBER_DIGITS, number, NUMBER_DIGITS,
        count, suffix);
    return out;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

struct reading {
    const json_t *root;
    const char *path; /* of the file */
    struct arena *arena;
    int rc;
    struct err *err;
};

static void misses(struct reading *reading, const char *key)
{
    if (!reading->rc)
        reading->rc = err_set(reading->err, ERR_FORMAT, "'%s' has no sound \"%s\"", reading->path, key);
}

static int64_t take_count(struct reading *reading, const char *key)
{
    const json_t *value = json_object_get(reading->root, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        misses(reading, key);
    return json_integer_value(value);
}

/* "" where there is none. */
static const char *take_text(struct reading *reading, const char *key)
{
    const char *text = json_string_value(json_object_get(reading->root, key));
    const char *out = arena_copy(reading->arena, text ? text : "", text ? strlen(text) : 0);
    if (!out && !reading->rc)
        reading->rc = err_memory(reading->err, strlen(text));
    return out;
}

static void take_hash(char out[HASH_SIZE], struct reading *reading, const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));
    if (!text || strlen(text) != HASH_SIZE - 1)
        misses(reading, key);
    else
        memcpy(out, text, HASH_SIZE);
}

static enum index_storage take_storage(struct reading *reading)
{
    const char *name = take_text(reading, "storage");
    for (int i = 0; i < INDEX_STORAGES && name; i++)
        if (!strcmp(name, index_storage_names[i]))
            return (enum index_storage)i;
    misses(reading, "storage");
    return INDEX_F32;
}

static void take_files(struct index_part *out, struct reading *reading)
{
    const json_t *files = json_object_get(reading->root, "files");
    const char *name;
    json_t *file;
    out->files = arena_alloc(reading->arena, (json_object_size(files) + 1) * sizeof *out->files);
    if (!out->files && !reading->rc)
        reading->rc = err_memory(reading->err, json_object_size(files) * sizeof *out->files);
    json_object_foreach((json_t *)files, name, file)
    {
        if (reading->rc)
            return;
        struct part_file *added = &out->files[out->file_count++];
        added->name = arena_copy(reading->arena, name, strlen(name));
        added->bytes = json_integer_value(json_object_get(file, "bytes"));
        take_hash(added->hash, reading, file, "sha256");
        if (strchr(name, '/'))
            misses(reading, "files");
    }
    if (!out->file_count)
        misses(reading, "files");
}

static int take_all(struct index_part *out, struct reading *reading)
{
    const char *preparation = take_text(reading, "preparation");
    *out = (struct index_part){
        .path = out->path,
        .number = (size_t)take_count(reading, "shard"),
        .count = (size_t)take_count(reading, "shards"),
        .inputs = (size_t)take_count(reading, "inputs"),
        .from = (size_t)take_count(reading, "from"),
        .to = (size_t)take_count(reading, "to"),
        .failed = take_count(reading, "failed"),
        .rows = take_count(reading, "rows"),
        .width = (size_t)take_count(reading, "width"),
        .precision = take_text(reading, "precision"),
        .model = take_text(reading, "model"),
        .fingerprint = take_text(reading, "fingerprint"),
        .preparation = preparation && *preparation ? preparation : NULL,
        .storage = take_storage(reading),
    };
    take_hash(out->named_hash, reading, reading->root, "named_sha256");
    take_hash(out->inputs_hash, reading, reading->root, "inputs_sha256");
    take_files(out, reading);
    if (out->number >= out->count)
        misses(reading, "shard");
    return reading->rc;
}

int index_part_read(struct index_part *out, const char *path, struct arena *arena, struct err *err)
{
    const char *name = path_join(arena, path, manifest_name);
    char *bytes;
    size_t size;
    json_t *root = NULL;
    if (!name)
        return err_memory(err, strlen(path));
    if (!file_exists(name))
        return err_set(err, ERR_NOT_FOUND, "'%s' is no shard of an index: it has no %s", path, manifest_name);
    int rc = file_read(&bytes, &size, name, MANIFEST_MAX, err);
    if (rc)
        return rc;
    rc = json_parse(&root, bytes, size, name, err);
    free(bytes);
    struct reading reading = {.root = root, .path = name, .arena = arena, .err = err};
    if (!rc && json_integer_value(json_object_get(root, "format")) != FORMAT)
        rc = err_set(err, ERR_UNSUPPORTED, "'%s' is of a format that this program does not know", name);
    out->path = path;
    if (!rc)
        rc = take_all(out, &reading);
    json_decref(root);
    return rc;
}

/* ---- checking ------------------------------------------------------------------------------------------ */

static int check_size(const char *path, const struct part_file *file, struct err *err)
{
    struct stat st;
    if (stat(path, &st))
        return err_set(err, ERR_IO, "unable to read '%s': %s", path, strerror(errno));
    if (st.st_size != file->bytes)
        return err_set(err, ERR_FORMAT, "'%s' has %" PRId64 " bytes, and had %" PRId64 " when it was made",
            path, (int64_t)st.st_size, file->bytes);
    return 0;
}

static int check_contents(const char *path, const struct part_file *file, struct err *err)
{
    char hash[HASH_SIZE];
    int rc = hash_file(hash, path, err);
    if (!rc && strcmp(hash, file->hash))
        rc = err_set(err, ERR_FORMAT, "'%s' is not as it was made: its SHA-256 is another", path);
    return rc;
}

static int check_files(const struct index_part *part, bool contents, const struct job *job, struct err *err)
{
    struct arena arena = {0};
    int rc = 0;
    for (size_t i = 0; i < part->file_count && !rc; i++) {
        const struct part_file *file = &part->files[i];
        const char *path = path_join(&arena, part->path, file->name);
        rc = path ? job_step(job, "checking shards", part->number, part->count, err)
                  : err_memory(err, strlen(part->path));
        if (!rc)
            rc = check_size(path, file, err);
        if (!rc && contents)
            rc = check_contents(path, file, err);
    }
    arena_release(&arena);
    return rc;
}

int part_check(const struct index_part *part, const struct job *job, struct err *err)
{
    return check_files(part, true, job, err);
}

int part_check_sizes(const struct index_part *part, struct err *err)
{
    return check_files(part, false, NULL, err);
}

/* ---- making -------------------------------------------------------------------------------------------- */

/* Which files an index has that is complete. */
static int list_files(struct strings *names, const struct index *index, struct err *err)
{
    struct arena arena = {0};
    const char *vectors = vectors_name(index->vectors);
    const char *codes = path_join(&arena, index->path, codes_name);
    int rc = codes ? strings_add(names, "catalog.sqlite", strlen("catalog.sqlite"), err)
                   : err_memory(err, strlen(index->path));
    if (!rc)
        rc = strings_add(names, vectors, strlen(vectors), err);
    if (!rc && file_exists(codes))
        rc = strings_add(names, codes_name, strlen(codes_name), err);
    arena_release(&arena);
    return rc;
}

/* Copies a file, and says in `files` what it is. */
static int copy_file(json_t *files, const char *to, const char *from, const char *name, struct err *err)
{
    struct arena arena = {0};
    struct stat st;
    char hash[HASH_SIZE];
    const char *source = path_join(&arena, from, name), *copy = path_join(&arena, to, name);
    int rc = source && copy ? hash_file(hash, source, err) : err_memory(err, strlen(from));
    if (!rc)
        rc = file_copy(copy, source, err);
    if (!rc && stat(source, &st))
        rc = err_set(err, ERR_IO, "unable to read '%s'", source);
    if (!rc && json_object_set_new(
                   files, name, json_pack("{s:I, s:s}", "bytes", (json_int_t)st.st_size, "sha256", hash)))
        rc = err_memory(err, sizeof hash);
    arena_release(&arena);
    return rc;
}

static json_t *manifest(const struct index_part *part, const struct index_info *info, json_t *files)
{
    return json_pack("{s:i, s:I, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:s, s:o, s:s, s:I, s:s, s:s, s:I, s:O}",
        "format", FORMAT, "shard", (json_int_t)part->number, "shards", (json_int_t)part->count,
        "named_sha256", part->named_hash, "inputs", (json_int_t)part->inputs, "inputs_sha256",
        part->inputs_hash, "from", (json_int_t)part->from, "to", (json_int_t)part->to, "failed",
        (json_int_t)part->failed, "precision", part->precision ? part->precision : "", "model",
        json_text(info->model), "fingerprint", info->fingerprint, "width", (json_int_t)info->width, "storage",
        index_storage_names[info->storage], "preparation", info->preparation ? info->preparation : "", "rows",
        (json_int_t)info->rows, "files", files);
}

static int write_manifest(const char *folder, json_t *root, struct err *err)
{
    struct arena arena = {0};
    struct new_file file;
    const char *path = path_join(&arena, folder, manifest_name);
    int rc = path && root ? new_file_open(&file, path, err) : err_memory(err, strlen(folder));
    if (!rc) {
        const bool written = !json_dumpf(root, file.stream, JSON_INDENT(2)) && putc('\n', file.stream) != EOF;
        rc = new_file_close(&file, true, err);
        if (!rc && !written)
            rc = err_memory(err, 0);
    }
    arena_release(&arena);
    return rc;
}

/* The files of the index, on the disk in the folder, under the manifest. */
static int fill(const char *folder, const struct index *index, const struct index_part *part,
    const struct job *job, struct err *err)
{
    const struct index_info info = index_info(index);
    struct strings names = {0};
    json_t *files = json_object();
    int rc = files ? list_files(&names, index, err) : err_memory(err, 0);
    for (size_t i = 0; i < names.count && !rc; i++) {
        rc = job_step(job, "publishing the shard", 0, 0, err);
        if (!rc)
            rc = copy_file(files, folder, index->path, names.items[i], err);
    }
    json_t *root = rc ? NULL : manifest(part, &info, files);
    if (!rc)
        rc = write_manifest(folder, root, err);
    json_decref(root);
    json_decref(files);
    strings_release(&names);
    return rc ? rc : folder_sync(folder, err);
}

/* Nothing of the catalog is in a log any more, and no reader looks for one; and the index lies where it will. */
static int settle(struct index *index, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *base;
    sqlite3_stmt *stmt;
    int rc = travel_base(&base, path, &arena, err);
    if (!rc)
        rc = catalog_statement(&stmt, index, "UPDATE meta SET base = ?", err);
    if (!rc) {
        sqlite3_bind_text(stmt, 1, base, -1, SQLITE_STATIC);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            rc = catalog_error(index, "write", err);
        sqlite3_reset(stmt);
    }
    arena_release(&arena);
    return rc ? rc : catalog_run(index, "PRAGMA journal_mode = DELETE", err);
}

/* The folder that a path lies in, on the disk. */
int part_sync_above(const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *absolute = path_absolute(&arena, path, err);
    const char *folder =
        absolute ? arena_copy(&arena, absolute, path_above(absolute, strlen(absolute))) : NULL;
    const int rc = folder ? folder_sync(*folder ? folder : "/", err) : err_memory(err, strlen(path));
    arena_release(&arena);
    return rc;
}

int index_part_publish(struct index *index, const char *path, const struct index_part *part,
    const struct job *job, struct err *err)
{
    struct new_folder folder;
    int rc = settle(index, path, err);
    if (!rc)
        rc = new_folder_open_shared(&folder, path, err);
    if (rc)
        return rc;
    rc = fill(folder.beside, index, part, job, err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    if (rc || closed)
        return rc ? rc : closed;
    new_folder_clean_shared(path);
    return part_sync_above(path, err);
}
