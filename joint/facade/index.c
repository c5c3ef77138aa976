// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <stdlib.h>
#include <string.h>

/* ---- turns --------------------------------------------------------------------------------------------- */

int index_take(struct diptych_index *index, const struct job *job, struct err *err)
{
    int rc = job_step(job, "waiting for the index", 0, 0, err);
    if (rc)
        return rc;
    pthread_mutex_lock(&index->turns.lock);
    while (!rc && index->taken)
        rc = turns_wait(&index->turns, job, "waiting for the index", err);
    if (!rc)
        index->taken = true;
    pthread_mutex_unlock(&index->turns.lock);
    return rc;
}

void index_give(struct diptych_index *index)
{
    pthread_mutex_lock(&index->turns.lock);
    index->taken = false;
    pthread_cond_signal(&index->turns.given);
    pthread_mutex_unlock(&index->turns.lock);
}

int index_need(const struct diptych_index *index, bool write, bool model, struct err *err)
{
    const int rc = need(index, "index", err);
    if (!rc && write && !index->write)
        return err_set(err, ERR_ARGUMENT, "'%s' is not open for writing", index->path);
    if (!rc && model && !index->model)
        return err_set(err, ERR_ARGUMENT, "'%s' is open without a model", index->path);
    return rc;
}

int index_alpha(int *out, struct diptych_index *index, const struct job *job, struct err *err)
{
    enum alpha_rule alpha = ALPHA_MODEL;
    int rc = index_take(index, job, err);
    if (rc)
        return rc;
    rc = collection_alpha(&alpha, collection_index(index->collection), err);
    index_give(index);
    *out = (int)alpha;
    return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static int make_index(struct diptych_index *index, int storage, struct err *err)
{
    struct diptych_model *model = index->model;
    if (!model)
        return err_set(
            err, ERR_ARGUMENT, "'%s' is not there, and cannot be made without a model", index->path);
    const struct collection_options options = {
        .access = INDEX_WRITE,
        .make = true,
        .model = model->reference,
        .fingerprint = model->fingerprint,
        .width = model_width(model->model),
        .storage = storage,
        .alpha = model->loading.alpha,
    };
    const int rc = folders_make(index->path, err);
    index->made = true;
    return rc ? rc : collection_open(&index->collection, index->path, &options, err);
}

/* An index of another model has a code of its own; a writer's keeps where its model is. */
static int check_model(struct diptych_index *index, struct err *err)
{
    struct index *opened = collection_index(index->collection);
    const struct diptych_model *model = index->model;
    if (!model)
        return 0;
    const int rc = index_check_model(opened, model->fingerprint, err);
    if (rc == ERR_ARGUMENT) {
        err->code = (enum err_code)DIPTYCH_ERROR_MODEL;
        return DIPTYCH_ERROR_MODEL;
    }
    return rc || !index->write ? rc : index_keep_model(opened, model->reference, err);
}

static int keep_strings(struct diptych_index *index, struct err *err)
{
    const struct index_info info = index_info(collection_index(index->collection));
    index->reference = arena_copy(&index->arena, info.model, strlen(info.model));
    index->fingerprint = arena_copy(&index->arena, info.fingerprint, strlen(info.fingerprint));
    return index->reference && index->fingerprint ? 0 : err_memory(err, strlen(info.model));
}

static int open_index(struct diptych_index *index, const char *path,
    const struct diptych_index_options *options, struct err *err)
{
    int storage = -1;
    int rc = options->storage ? choose(&storage, options->storage, index_storage_names, "storage", err) : 0;
    if (!rc && path && !(index->path = arena_copy(&index->arena, path, strlen(path))))
        rc = err_memory(err, strlen(path));
    if (!rc && !path)
        rc = collection_default(&index->path, &index->arena, err);
    if (rc)
        return rc;
    index->write = options->write || options->make;
    if (options->make && !index_is_there(index->path)) {
        rc = make_index(index, storage, err);
    } else {
        const struct collection_options how = {
            .access = index->write ? INDEX_WRITE : INDEX_READ, .storage = storage};
        rc = collection_open(&index->collection, index->path, &how, err);
        if (!rc)
            rc = check_model(index, err);
    }
    return rc ? rc : keep_strings(index, err);
}

static int index_new(struct diptych_index **out, struct diptych_model *model, struct err *err)
{
    struct diptych_index *index = mem_new(1, sizeof *index);
    if (!index)
        return err_memory(err, sizeof *index);
    const int rc = turns_init(&index->turns, err);
    if (rc) {
        free(index);
        return rc;
    }
    index->model = model;
    if (model)
        model_hold(model);
    *out = index;
    return 0;
}

int diptych_index_open(struct diptych_index **out, const char *path, struct diptych_model *model,
    const struct diptych_index_options *options, struct diptych_error *error)
{
    struct diptych_index_options own;
    struct diptych_index *index = NULL;
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = OPTIONS(&own, options, &err);
    }
    if (!rc)
        rc = index_new(&index, model, &err);
    if (!rc)
        rc = open_index(index, path, &own, &err);
    if (!rc)
        *out = index;
    else
        diptych_index_free(index);
    return facade_end(error, rc, &err, host);
}

void diptych_index_free(struct diptych_index *index)
{
    if (!index)
        return;
    index_searcher_free(index->searcher);
    collection_free(index->collection);
    diptych_model_free(index->model);
    turns_release(&index->turns);
    arena_release(&index->arena);
    free(index);
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

static int describe(struct diptych_index *index, struct diptych_index_info *out, struct err *err)
{
    struct index *opened = collection_index(index->collection);
    const struct index_info info = index_info(opened);
    enum alpha_rule alpha;
    const int rc = collection_alpha(&alpha, opened, err);
    if (rc)
        return rc;
    *out = (struct diptych_index_info){
        .images = info.images,
        .texts = info.texts,
        .rows = info.rows,
        .width = info.width,
        .path = index->path,
        .model = index->reference,
        .fingerprint = index->fingerprint,
        .storage = index_storage_names[info.storage],
        .alpha = alpha_names[alpha],
    };
    return 0;
}

int diptych_index_info(
    struct diptych_index *index, struct diptych_index_info *out, struct diptych_error *error)
{
    struct diptych_index_info info;
    struct err err;
    const locale_t host = facade_begin();
    int rc = index_need(index, false, false, &err);
    if (!rc)
        rc = index_take(index, NULL, &err);
    if (!rc) {
        rc = describe(index, &info, &err);
        index_give(index);
    }
    if (!rc)
        rc = info_copy(out, &info, sizeof info, &err);
    return facade_end(error, rc, &err, host);
}

int diptych_index_refresh(struct diptych_index *index, struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = index_need(index, false, false, &err);
    if (!rc)
        rc = index_take(index, NULL, &err);
    if (!rc) {
        if (!index->write)
            rc = index_refresh(collection_index(index->collection), &err);
        index_give(index);
    }
    return facade_end(error, rc, &err, host);
}

static int read_embeddings(
    struct index *index, float *embeddings, const int64_t *ids, size_t count, struct err *err)
{
    struct arena arena = {0};
    int64_t *rows = mem_new(count + 1, sizeof *rows); // (count)
    int rc = rows ? 0 : err_memory(err, count * sizeof *rows);
    for (size_t i = 0; i < count && !rc; i++) {
        struct index_item item;
        rc = index_get(&item, index, ids[i], &arena, err);
        rows[i] = rc ? 0 : item.row;
        arena_release(&arena);
    }
    if (!rc)
        rc = index_vectors(embeddings, index, rows, count, err);
    free(rows);
    return rc;
}

int diptych_index_embeddings(struct diptych_index *index, float *embeddings, const int64_t *ids, size_t count,
    struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = index_need(index, false, false, &err);
    if (!rc && count && !(rc = need(embeddings, "embeddings", &err)))
        rc = need(ids, "ids", &err);
    if (!rc)
        rc = index_take(index, NULL, &err);
    if (!rc) {
        rc = read_embeddings(collection_index(index->collection), embeddings, ids, count, &err);
        index_give(index);
    }
    return facade_end(error, rc, &err, host);
}
