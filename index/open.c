// SPDX-License-Identifier: Apache-2.0
#include "index/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without slashes at the end, so that names and messages have one between folder and file. */
static char *folder_path(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

static int new_index(struct index **out, const char *path, enum index_access access, struct err *err)
{
    struct index *index = mem_new(1, sizeof *index);
    if (!index)
        return err_memory(err, sizeof *index);
    *index = (struct index){.writer = access == INDEX_WRITE, .lock = -1, .fd = -1};
    index->path = folder_path(path);
    if (!index->path || asprintf(&index->catalog, "%s/catalog.sqlite", index->path) < 0) {
        index->catalog = NULL;
        index_free(index);
        return err_memory(err, strlen(path));
    }
    *out = index;
    return 0;
}

void forget_live(struct index *index)
{
    free(index->live);
    free(index->images);
    index->live = index->images = NULL;
}

void index_free(struct index *index)
{
    if (!index)
        return;
    if (index->touched.count)
        index_revert(index);
    vectors_close(index);
    catalog_close(index);
    files_close(index);
    lock_release(index->lock);
    meta_release(&index->meta);
    forget_live(index);
    free(index->catalog);
    free(index->path);
    free(index);
}

/* ---- making -------------------------------------------------------------------------------------------- */

static int check_options(const struct index_options *options, struct err *err)
{
    if (options->width < 1 || options->width > WIDTH_LIMIT)
        return err_set(err, ERR_ARGUMENT, "width %zu is not 1 to %d", options->width, WIDTH_LIMIT);
    if ((unsigned)options->storage >= INDEX_STORAGES)
        return err_set(err, ERR_ARGUMENT, "storage %d is none", (int)options->storage);
    return 0;
}

/* A folder with anything but what a killed index_create leaves is somebody's. */
static int check_vacant(const struct index *index, struct err *err)
{
    if (file_exists(index->catalog))
        return err_set(err, ERR_ARGUMENT, "unable to make '%s': it is an index already", index->path);
    struct strings names = {0};
    int rc = folder_list(&names, index->path, err);
    for (size_t i = 0; i < names.count && !rc; i++)
        if (strcmp(names.items[i], "lock") && !folder_made(names.items[i]))
            rc = err_set(err, ERR_ARGUMENT, "unable to make '%s': the folder has '%s' in it", index->path,
                names.items[i]);
    strings_release(&names);
    return rc;
}

static int make_vectors(const struct index *index, const struct index_options *options, struct err *err)
{
    char *path = vectors_path(index->path, 1, options->storage);
    if (!path)
        return err_memory(err, strlen(index->path));
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const int rc = fd < 0 ? err_set(err, ERR_IO, "unable to make '%s': %s", path, strerror(errno)) : 0;
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

/* The catalog comes last and whole, by its rename: a folder with a catalog is an index. */
static int make_files(const struct index *index, const struct index_options *options, struct err *err)
{
    char *unfinished;
    if (asprintf(&unfinished, "%s.new", index->catalog) < 0)
        return err_memory(err, strlen(index->catalog));
    int rc = folder_clean(index->path, NULL, err);
    if (!rc)
        rc = make_vectors(index, options, err);
    if (!rc)
        rc = catalog_create(unfinished, options, err);
    if (!rc)
        rc = folder_sync(index->path, err);
    if (!rc && rename(unfinished, index->catalog))
        rc = err_set(
            err, ERR_IO, "unable to rename '%s' to '%s': %s", unfinished, index->catalog, strerror(errno));
    free(unfinished);
    return rc ? rc : folder_sync(index->path, err);
}

static int make_folder(const char *path, struct err *err)
{
    if (!mkdir(path, 0777)) {
        char *parent = strdup(path);
        if (!parent)
            return err_memory(err, strlen(path));
        char *slash = strrchr(parent, '/');
        if (slash)
            slash[slash == parent] = '\0';
        const int rc = folder_sync(slash ? parent : ".", err);
        free(parent);
        return rc;
    }
    if (errno != EEXIST)
        return err_set(err, ERR_IO, "unable to make '%s': %s", path, strerror(errno));
    return 0;
}

int index_create(struct index **out, const char *path, const struct index_options *options, struct err *err)
{
    int rc = check_options(options, err);
    struct index *index = NULL;
    if (!rc)
        rc = new_index(&index, path, INDEX_WRITE, err);
    if (!rc)
        rc = make_folder(index->path, err);
    if (!rc)
        rc = check_vacant(index, err); /* before the lock, which would leave a file in a wrong folder */
    if (!rc)
        rc = lock_take(&index->lock, index->path, err);
    if (!rc)
        rc = check_vacant(index, err);
    if (!rc)
        rc = make_files(index, options, err);
    index_free(index);
    return rc ? rc : index_open(out, path, INDEX_WRITE, NULL, err);
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int open_again(struct index *index, struct err *err)
{
    catalog_close(index);
    index->unguarded = index->copied = index->words_later = false;
    return catalog_open(index, err);
}

/* Takes the catalog's state and the vectors file it names. A reader may come between the two when a
 * compaction ends: the file of its state is gone, and the next state names another. */
static int open_state(struct index *index, struct err *err)
{
    int64_t generation;
    for (int tries = 0;; tries++) {
        bool gone = false;
        generation = index->meta.generation;
        int rc = catalog_meta(index, err);
        if (!rc && tries && index->meta.generation == generation)
            return err_set(err, ERR_FORMAT, "'%s' names vectors file %" PRId64 ", which is missing",
                index->catalog, generation);
        if (!rc)
            rc = vectors_open(index, &gone, err);
        if (!rc || !gone || index->writer)
            return rc;
        vectors_close(index);
        rc = index->copied ? open_again(index, err) : catalog_run(index, "COMMIT", err);
        if (rc)
            return rc;
    }
}

/* Brings the folder of an index just locked to its committed state. */
static int repair(struct index *index, struct err *err)
{
    size_t size;
    int rc = vectors_size(&size, index, index->meta.rows, err);
    if (!rc && ftruncate(index->fd, (off_t)size))
        rc = err_set(err, ERR_IO, "unable to truncate '%s': %s", index->vectors, strerror(errno));
    return rc ? rc : folder_clean(index->path, vectors_name(index->vectors), err);
}

int index_check_model(const struct index *index, const char *fingerprint, struct err *err)
{
    if (!fingerprint || !strcmp(fingerprint, index->meta.fingerprint))
        return 0;
    return err_set(err, ERR_ARGUMENT,
        "'%s' was made with another model: '%s', fingerprint %s, and this one has %s", index->path,
        index->meta.model, index->meta.fingerprint, fingerprint);
}

int index_check_storage(const struct index *index, enum index_storage storage, struct err *err)
{
    if (index->meta.storage == storage)
        return 0;
    return err_set(err, ERR_ARGUMENT, "'%s' keeps its vectors as %s, not as %s", index->path,
        index_storage_names[index->meta.storage], index_storage_names[storage]);
}

int open_store(struct index **out, const char *path, enum index_access access, struct err *err)
{
    struct index *index;
    int rc = new_index(&index, path, access, err);
    if (rc)
        return rc;
    if (!file_exists(index->catalog))
        rc = err_set(err, ERR_IO, "'%s' is not an index: unable to open '%s': %s", index->path,
            index->catalog, strerror(errno));
    if (!rc && index->writer)
        rc = lock_take(&index->lock, index->path, err);
    if (!rc)
        rc = catalog_open(index, err);
    if (!rc)
        rc = open_state(index, err);
    if (rc)
        index_free(index);
    else
        *out = index;
    return rc;
}

int index_open(
    struct index **out, const char *path, enum index_access access, const char *fingerprint, struct err *err)
{
    struct index *index;
    int rc = open_store(&index, path, access, err);
    if (rc)
        return rc;
    rc = index_check_model(index, fingerprint, err);
    if (!rc)
        rc = vectors_check_length(index, err);
    if (!rc && index->writer)
        rc = repair(index, err);
    if (!rc && index->writer)
        rc = files_open(index, err);
    if (rc)
        index_free(index);
    else
        *out = index;
    return rc;
}

bool index_is_there(const char *path)
{
    struct arena arena = {0};
    const char *catalog = path_join(&arena, path, "catalog.sqlite");
    const bool there = catalog && file_exists(catalog);
    arena_release(&arena);
    return there;
}

int index_open_or_create(
    struct index **out, const char *path, const struct index_options *options, struct err *err)
{
    if (!index_is_there(path)) {
        const int rc = index_create(out, path, options, err);
        const bool by_another = (rc == ERR_ARGUMENT || rc == ERR_BUSY) && index_is_there(path);
        if (!by_another)
            return rc;
    }
    return index_open(out, path, INDEX_WRITE, options->fingerprint, err);
}

/* The file of a generation, however long it has grown, is opened once; rows that are mapped stay mapped. */
static int follow_state(struct index *index, struct err *err)
{
    const struct meta before = index->committed;
    int rc = catalog_run(index, "COMMIT", err);
    if (!rc)
        rc = catalog_meta(index, err);
    if (rc || (before.generation == index->meta.generation && before.rows == index->meta.rows &&
                  before.images == index->meta.images && before.texts == index->meta.texts))
        return rc;
    forget_live(index);
    if (before.generation == index->meta.generation)
        return 0;
    vectors_close(index);
    rc = catalog_run(index, "COMMIT", err);
    return rc ? rc : open_state(index, err);
}

/* Whether another file, or none, has the catalog's name now. SQLite goes on with the one it has open. */
static bool catalog_moved(const struct index *index)
{
    int moved = 0;
    return !sqlite3_file_control(index->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) && moved;
}

int index_refresh(struct index *index, struct err *err)
{
    assert(!index->writer);
    if (!index->unguarded && !index->copied)
        return !catalog_moved(index)
                   ? follow_state(index, err)
                   : err_set(err, ERR_IO, "the index '%s' was made anew, or taken away", index->path);
    if (index->copied && !catalog_changed(index))
        return 0;
    /* What SQLite has cached may be old, and what it has copied is. */
    forget_live(index);
    vectors_close(index);
    int rc = open_again(index, err);
    return rc ? rc : open_state(index, err);
}

struct index_info index_info(const struct index *index)
{
    return (struct index_info){
        .path = index->path,
        .model = index->meta.model,
        .findable = index->meta.findable,
        .preparation = index->meta.preparation,
        .fingerprint = index->meta.fingerprint,
        .vectors = index->vectors,
        .width = index->meta.width,
        .storage = index->meta.storage,
        .images = index->meta.images,
        .texts = index->meta.texts,
        .rows = index->meta.rows,
    };
}
