// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/internal.h"

#include <stdlib.h>

static bool is_there(const char *path)
{
    struct arena arena = {0};
    const char *catalog = path_join(&arena, path, "catalog.sqlite");
    const bool there = catalog && file_exists(catalog);
    arena_release(&arena);
    return there;
}

static int open_index(
    struct index **out, const char *path, const struct collection_options *options, struct err *err)
{
    const struct index_options made = {
        .model = options->model,
        .fingerprint = options->fingerprint,
        .width = options->width,
        .storage = options->storage < 0 ? INDEX_F16 : (enum index_storage)options->storage,
    };
    const int rc = options->make ? index_open_or_create(out, path, &made, err)
                                 : index_open(out, path, options->access, options->fingerprint, err);
    return rc || options->storage < 0 ? rc : index_check_storage(*out, made.storage, err);
}

int collection_open(
    struct collection **out, const char *path, const struct collection_options *options, struct err *err)
{
    struct collection *collection = mem_new(1, sizeof *collection);
    if (!collection)
        return err_memory(err, sizeof *collection);
    const int rc = open_index(&collection->index, path, options, err);
    if (rc) {
        collection_free(collection);
        return rc;
    }
    *out = collection;
    return 0;
}

void collection_free(struct collection *collection)
{
    if (!collection)
        return;
    index_searcher_free(collection->searcher);
    index_free(collection->index);
    free(collection);
}

struct index *collection_index(struct collection *collection)
{
    return collection->index;
}

int collection_accepts(const char *path, bool make, const char *fingerprint, struct err *err)
{
    struct index *index;
    if (make && !is_there(path))
        return 0;
    const int rc = index_open(&index, path, INDEX_READ, fingerprint, err);
    if (!rc)
        index_free(index);
    return rc;
}

int collection_attach(
    struct collection *collection, const struct embedder *embedder, struct device *device, struct err *err)
{
    index_searcher_free(collection->searcher);
    collection->searcher = NULL;
    collection->embedder = embedder;
    return device ? index_searcher_open(&collection->searcher, collection->index, device, err) : 0;
}
