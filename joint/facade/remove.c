// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <string.h>

static int add_paths(struct strings *out, const struct diptych_remove_options *options, struct err *err)
{
    struct arena arena = {0};
    int rc = check_texts(options->paths, options->path_count, "paths", err);
    for (size_t i = 0; i < options->path_count && !rc; i++) {
        const char *path = path_absolute(&arena, options->paths[i], err);
        rc = path ? strings_add(out, path, strlen(path), err) : ERR_MEMORY;
    }
    arena_release(&arena);
    return rc;
}

static int read_options(struct removal *removal, struct strings *paths,
    const struct diptych_remove_options *options, struct err *err)
{
    int rc = options->id_count ? need(options->ids, "ids", err) : 0;
    if (!rc)
        rc = kind_check(options->kind, err);
    if (!rc && !options->id_count && !options->path_count && !options->where && !options->match &&
        !options->kind)
        rc = err_set(err, ERR_ARGUMENT, "nothing to remove: name ids or paths, or say where, match or kind");
    if (!rc)
        rc = add_paths(paths, options, err);
    *removal = (struct removal){.paths = paths,
        .ids = options->ids,
        .id_count = options->id_count,
        .filter = {.where = options->where, .match = options->match, .kind = (enum index_kind)options->kind}};
    return rc;
}

int diptych_index_remove(struct diptych_index *index, size_t *removed, size_t *missing,
    const struct diptych_remove_options *options, struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_remove_options own;
    struct removal removal;
    struct strings paths = {0};
    size_t gone = 0, unknown = 0;
    struct err err;
    const locale_t host = facade_begin();
    const struct job work = facade_job(job, 0, host);
    int rc = index_need(index, true, false, &err);
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc)
        rc = read_options(&removal, &paths, &own, &err);
    if (!rc)
        rc = index_take(index, &work, &err);
    if (!rc) {
        rc = collection_remove(&gone, &unknown, index->collection, &removal, &work, &err);
        index_give(index);
    }
    strings_release(&paths);
    if (removed)
        *removed = gone;
    if (missing)
        *missing = unknown;
    return facade_end(error, rc, &err, host);
}
