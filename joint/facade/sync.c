// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/index.h"

#include <string.h>

/* ---- what goes in -------------------------------------------------------------------------------------- */

static int add_paths(
    struct sources *sources, enum source_kind kind, const char *const *paths, size_t count, struct err *err)
{
    int rc = check_texts(paths, count, source_names[kind], err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = sources_add(sources, kind, paths[i], err);
    return rc;
}

static int read_sources(struct sources *sources, const struct diptych_sync_options *options, struct err *err)
{
    int rc;
    sources->gone = options->gone;
    sources->retry = options->retry;
    sources->excludes_said = options->excludes != NULL;
    if ((rc = add_paths(sources, SOURCE_PICTURES, options->pictures, options->picture_count, err)) ||
        (rc = add_paths(sources, SOURCE_TEXTS, options->texts, options->text_count, err)) ||
        (rc = add_paths(sources, SOURCE_CAPTIONS, options->captions, options->caption_count, err)) ||
        (rc = add_paths(sources, SOURCE_METADATA, options->metadata, options->metadata_count, err)))
        return rc;
    return add_texts(&sources->excludes.patterns, options->excludes, options->exclude_count, "excludes", err);
}

/* ---- what came of it ----------------------------------------------------------------------------------- */

static struct diptych_sync_counts counts_of(const struct sync_counts *c)
{
    return (struct diptych_sync_counts){
        .images_new = c->pictures.new,
        .images_changed = c->pictures.changed,
        .images_copied = c->pictures.copied,
        .images_moved = c->pictures.moved,
        .images_unchanged = c->pictures.unchanged,
        .images_gone = c->pictures.gone,
        .images_missing = c->pictures.missing,
        .images_excluded = c->pictures.excluded,
        .images_failed = c->pictures.failed,
        .images_failed_before = c->pictures.failed_before,
        .texts_new = c->texts.new,
        .texts_copied = c->texts.copied,
        .texts_gone = c->texts.gone,
        .texts_unchanged = c->texts.unchanged,
        .texts_failed = c->texts.failed,
        .texts_truncated = c->texts.truncated,
        .encoded = c->encoded,
        .failed = c->failed,
    };
}

/* With a lane whose pictures are prepared as those of the index. */
static int sync_index(struct sync_counts *counts, struct diptych_index *index, const struct sources *sources,
    const struct job *job, struct err *err)
{
    struct lane *lane = NULL;
    enum alpha_rule alpha;
    int rc = collection_alpha(&alpha, collection_index(index->collection), err);
    if (!rc)
        rc = lane_take(&lane, index->model, true, (int)alpha, job, err);
    if (rc)
        return rc;
    struct encoder_embedder encoder = {lane->encoder, lane->loader};
    const struct embedder embedder = embedder_of(&encoder);
    rc = collection_attach(index->collection, &embedder, NULL, err);
    if (!rc)
        rc = collection_sync(counts, index->collection, sources, job, err);
    collection_attach(index->collection, NULL, NULL, NULL);
    lane_give(index->model, lane);
    return rc;
}

int diptych_index_sync(struct diptych_index *index, struct diptych_sync_counts *out,
    const struct diptych_sync_options *options, struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_sync_options own;
    struct sync_counts counts = {0};
    struct sources sources = {0};
    struct err err;
    const locale_t host = facade_begin();
    int rc = index_need(index, true, true, &err);
    if (!rc)
        rc = OPTIONS(&own, options, &err);
    if (!rc)
        rc = read_sources(&sources, &own, &err);
    if (!rc)
        rc = sources_check(&sources, index->made, &err);
    if (!rc) {
        const struct job work = facade_job(job, index->model->threads, host);
        rc = index_take(index, &work, &err);
        if (!rc) {
            rc = sync_index(&counts, index, &sources, &work, &err);
            index_give(index);
        }
    }
    sources_release(&sources);
    if (!rc && out) {
        const struct diptych_sync_counts said = counts_of(&counts);
        rc = info_copy(out, &said, sizeof said, &err);
    }
    return facade_end(error, rc, &err, host);
}
