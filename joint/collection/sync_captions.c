// SPDX-License-Identifier: Apache-2.0
/* What files say of pictures that the index has: captions and metadata. */
#include "joint/collection/sync.h"

#include <stdlib.h>
#include <string.h>

enum { STEP = 256 /* of what is quick, so many between two looks at the job */ };

/* ---- finding the picture ------------------------------------------------------------------------------- */

struct names {
    struct picture_names names;
    struct err *err;
};

static int add_name(void *context, const struct index_item *item)
{
    struct names *names = context;
    return item->path ? picture_names_add(&names->names, item->path, names->err) : 0;
}

static int load_names(struct picture_names *out, struct index *index, struct err *err)
{
    struct names names = {.err = err};
    int rc = index_each(index, &(struct index_filter){.kind = INDEX_IMAGE}, add_name, &names, err);
    *out = names.names;
    return rc;
}

/* The index's picture of that name: its whole path, or one of picture_names. *found: there is one; `why` says
 * why not. */
static int find_picture(struct index_item *out, bool *found, struct sync *sync,
    const struct picture_names *names, const char *id, const char *file, struct arena *arena, struct err *why,
    struct err *err)
{
    const char *path = file ? path_absolute(arena, file, err) : NULL;
    if (file && !path)
        return ERR_MEMORY;
    *found = false;
    int rc = path ? index_find(out, found, sync->index, INDEX_IMAGE, path, NULL, arena, err) : 0;
    if (rc || *found || picture_names_find(&path, names, id, file, index_info(sync->index).path, why))
        return rc;
    return index_find(out, found, sync->index, INDEX_IMAGE, path, NULL, arena, err);
}

/* ---- captions ------------------------------------------------------------------------------------------ */

/* Gives the picture its first caption, unless it has one that another file gave it: of several files the
 * first one goes on to say it. */
static int caption_picture(struct sync *sync, struct index_item *picture, const struct captioned_image *image,
    const char *path, struct err *err)
{
    struct arena arena = {0};
    struct index_item text;
    char hash[HASH_SIZE];
    bool ours = true;
    int rc = 0;
    if (!image->count || same_text(picture->caption, image->captions[0]))
        return 0;
    if (picture->caption) {
        hash_bytes(hash, picture->caption, strlen(picture->caption));
        rc = index_find(&text, &ours, sync->index, INDEX_TEXT, path, hash, &arena, err);
        arena_release(&arena);
    }
    if (rc || !ours)
        return rc;
    picture->caption = image->captions[0];
    sync->counts->described++;
    return index_update(sync->index, picture, err);
}

/* *missing counts images without a picture; the first is reported. */
static int list_image(struct text_list *list, size_t *missing, struct sync *sync,
    const struct picture_names *names, const struct captioned_image *image, const char *path, struct err *err)
{
    struct arena arena = {0};
    struct index_item picture;
    struct err why;
    bool found;
    int rc = find_picture(&picture, &found, sync, names, image->id, image->file, &arena, &why, err);
    if (!rc && !found && !(*missing)++)
        sync_fail(sync, &sync->counts->texts.failed, &why);
    if (!rc && found)
        rc = caption_picture(sync, &picture, image, path, err);
    for (size_t c = 0; c < image->count && !rc; c++) {
        const struct text_entry entry = {
            .text = image->captions[c], .picture = found ? picture.path : NULL, .unbound = !found};
        rc = text_list_add(list, &entry, err);
    }
    arena_release(&arena);
    return rc;
}

int sync_captions(struct sync *sync, const char *path, struct err *err)
{
    struct caption_set set = {0};
    struct picture_names names = {0};
    struct text_list list = {0};
    size_t missing = 0;
    int rc = caption_set_read(&set, &path, 1, NULL, err);
    if (!rc)
        rc = load_names(&names, sync->index, err);
    for (size_t i = 0; i < set.count && !rc; i++) {
        if (i % STEP == 0)
            rc = job_step(sync->job, "captioned images", i, set.count, err);
        if (!rc && i % STEP == 0)
            rc = sync_commit(sync, err);
        if (!rc)
            rc = list_image(&list, &missing, sync, &names, &set.images[i], path, err);
    }
    if (missing > 1)
        job_reportf(sync->job, ERR_NOT_FOUND, "%zu more images of '%s' have no picture in the index",
            missing - 1, path);
    if (!rc)
        rc = sync_texts(sync, path, &list, err);
    text_list_release(&list);
    picture_names_release(&names);
    caption_set_release(&set);
    return sync_keep(sync, rc, err);
}

/* ---- captions of nothing ------------------------------------------------------------------------------- */

struct orphans {
    struct index *index;
    int64_t *ids;
    size_t count, room;
    struct err *err;
};

static int add_orphan(void *context, const struct index_item *item)
{
    struct orphans *orphans = context;
    struct arena arena = {0};
    struct index_item picture;
    bool found;
    int rc =
        index_find(&picture, &found, orphans->index, INDEX_IMAGE, item->picture, NULL, &arena, orphans->err);
    arena_release(&arena);
    if (rc || found)
        return rc;
    rc = array_grow(orphans->ids, &orphans->room, orphans->count + 1, orphans->err);
    if (rc)
        return rc;
    orphans->ids[orphans->count++] = item->id;
    return 0;
}

int sync_orphans(struct sync *sync, struct err *err)
{
    const struct index_filter filter = {.where = "picture is not null", .kind = INDEX_TEXT};
    struct orphans orphans = {.index = sync->index, .err = err};
    int rc = index_each(sync->index, &filter, add_orphan, &orphans, err);
    for (size_t i = 0; i < orphans.count && !rc; i++) {
        rc = i % STEP ? 0 : job_step(sync->job, "removing captions of nothing", 0, 0, err);
        if (!rc)
            rc = index_remove(sync->index, orphans.ids[i], err);
        sync->counts->texts.gone += !rc;
    }
    free(orphans.ids);
    return rc;
}

/* ---- metadata ------------------------------------------------------------------------------------------ */

struct describing {
    struct sync *sync;
    struct picture_names names;
};

static int describe(void *context, const char *value, const char *rest, struct err *err)
{
    struct describing *describing = context;
    struct sync *sync = describing->sync;
    struct arena arena = {0};
    struct index_item picture;
    struct err why;
    bool found;
    int rc = find_picture(&picture, &found, sync, &describing->names, NULL, value, &arena, &why, err);
    if (!rc && !found)
        sync_fail(sync, &sync->counts->pictures.failed, &why);
    if (!rc && found && !same_text(picture.metadata, rest)) {
        picture.metadata = rest;
        sync->counts->described++;
        rc = index_update(sync->index, &picture, err);
    }
    arena_release(&arena);
    return rc;
}

int sync_metadata(struct sync *sync, const char *path, struct err *err)
{
    static const char *const keys[2] = {"path", NULL};
    struct describing describing = {.sync = sync};
    size_t failed = 0;
    int rc = load_names(&describing.names, sync->index, err);
    if (!rc)
        rc = json_lines_read(&failed, path, keys, describe, &describing, sync->job, err);
    sync->counts->failed += failed;
    sync->counts->pictures.failed += failed;
    picture_names_release(&describing.names);
    return sync_keep(sync, rc, err);
}
