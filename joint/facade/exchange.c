// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <string.h>

/* ---- out ----------------------------------------------------------------------------------------------- */

int diptych_index_export(struct diptych_index *index, size_t *items, const char *path,
    const struct diptych_export_options *options, struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_export_options own;
    struct index_exported done = {0};
    struct err err;
    const locale_t host = facade_begin();
    const struct job work = facade_job(job, 0, host);
    int rc = index_need(index, false, false, &err);
    if (!rc)
        rc = need(path, "path", &err);
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc)
        rc = kind_check(own.kind, &err);
    if (!rc)
        rc = index_take(index, &work, &err);
    if (!rc) {
        const struct index_export what = {.to = path,
            .metadata = own.metadata,
            .half = own.half,
            .filter = {.where = own.where, .match = own.match, .kind = (enum index_kind)own.kind}};
        rc = index_export(&done, collection_index(index->collection), &what, &work, &err);
        index_give(index);
    }
    if (items)
        *items = done.items;
    return facade_end(error, rc, &err, host);
}

/* ---- in ------------------------------------------------------------------------------------------------ */

/* Whose the vectors are: the model's, or without one those of the index that is there; strings in the arena. */
static int find_origin(struct index_options *out, const char *path, const struct diptych_model *model,
    struct arena *arena, struct err *err)
{
    struct index *index = NULL;
    out->preparation = alpha_names[ALPHA_MODEL]; /* of a new index: the best guess there is */
    if (model) {
        out->model = model->reference;
        out->fingerprint = model->fingerprint;
        out->width = model_width(model->model);
        return 0;
    }
    const int rc = index_open(&index, path, INDEX_READ, NULL, err);
    if (rc)
        return rc;
    const struct index_info info = index_info(index);
    out->model = arena_copy(arena, info.model, strlen(info.model));
    out->fingerprint = arena_copy(arena, info.fingerprint, strlen(info.fingerprint));
    out->width = info.width;
    index_free(index);
    return out->model && out->fingerprint ? 0 : err_memory(err, strlen(info.model));
}

static int import(struct index_imported *done, const char *path, const struct diptych_model *model,
    const char *from, const struct diptych_import_options *options, const struct job *job, struct err *err)
{
    struct index_import what = {.from = from,
        .metadata = options->metadata,
        .columns = options->columns,
        .kind = (enum index_kind)options->kind,
        .any_storage = !options->storage,
        .skip_bad = options->skip_bad};
    struct arena arena = {0};
    int storage = INDEX_F16;
    int rc = kind_check(options->kind, err);
    if (!rc && options->storage)
        rc = choose(&storage, options->storage, index_storage_names, "storage", err);
    what.options.storage = (enum index_storage)storage;
    if (!rc)
        rc = find_origin(&what.options, path, model, &arena, err);
    if (!rc && !index_is_there(path))
        rc = folders_make(path, err);
    if (!rc)
        rc = index_import(done, path, &what, job, err);
    arena_release(&arena);
    return rc;
}

int diptych_index_import(struct diptych_import_counts *counts, const char *path, struct diptych_model *model,
    const char *from, const struct diptych_import_options *options, struct diptych_job *job,
    struct diptych_error *error)
{
    struct diptych_import_options own;
    struct index_imported done = {0};
    struct err err;
    const locale_t host = facade_begin();
    const struct job work = facade_job(job, 0, host);
    int rc = need(path, "path", &err);
    if (!rc)
        rc = need(from, "from", &err);
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc)
        rc = import(&done, path, model, from, &own, &work, &err);
    if (!rc && counts) {
        const struct diptych_import_counts said = {
            .rows = done.rows, .skipped = done.skipped, .replaced = done.replaced, .scaled = done.scaled};
        rc = info_copy(counts, &said, sizeof said, &err);
    }
    return facade_end(error, rc, &err, host);
}
