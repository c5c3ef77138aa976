// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/internal.h"

#include <stdlib.h>

static int open_index(
    struct index **out, const char *path, const struct collection_options *options, struct err *err)
{
    const struct index_options made = {
        .model = options->model,
        .fingerprint = options->fingerprint,
        .width = options->width,
        .storage = options->storage < 0 ? INDEX_F16 : (enum index_storage)options->storage,
        .preparation = alpha_names[options->alpha],
    };
    int rc = options->make ? index_open_or_create(out, path, &made, err)
                           : index_open(out, path, options->access, options->fingerprint, err);
    if (!rc && options->storage >= 0)
        rc = index_check_storage(*out, made.storage, err);
    if (!rc && options->access == INDEX_WRITE && options->model)
        rc = index_keep_model(*out, options->model, err);
    return rc;
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

int collection_attach(
    struct collection *collection, const struct embedder *embedder, struct device *device, struct err *err)
{
    index_searcher_free(collection->searcher);
    collection->searcher = NULL;
    collection->embedder = embedder;
    return device ? index_searcher_open(&collection->searcher, collection->index, device, err) : 0;
}

struct picture_source picture_of_item(const struct index_item *item)
{
    struct picture_source source = picture_file(item->path);
    source.member = (struct member){.size = item->size, .offset = item->offset};
    source.hash = item->hash;
    return source;
}
