// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/internal.h"
#include "joint/collection/sync.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- one picture --------------------------------------------------------------------------------------- */

/* ".png" of "image/png"; "" where the media type is not known. */
static void file_suffix(char out[16], const struct addition *addition)
{
    const char *media = picture_media_type(addition->picture, addition->size);
    const char *name = media ? strchr(media, '/') + 1 : "";
    snprintf(out, 16, "%s%s", *name ? "." : "", strcmp(name, "jpeg") ? name : "jpg");
}

/* The file of a picture, and what is known of it. */
static int keep_picture(struct index_item *item, struct index *index, const struct addition *addition,
    struct arena *arena, struct err *err)
{
    struct stat st;
    int rc = file_exists(item->path)
                 ? 0
                 : index_keep_file(index, item->path, addition->picture, addition->size, err);
    if (!rc && stat(item->path, &st))
        rc = err_set(err, ERR_IO, "unable to find '%s' again", item->path);
    if (rc)
        return rc;
    item->size = st.st_size;
    item->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    item->width = addition->width;
    item->height = addition->height;
    return sync_examine(item, picture_bytes(item->path, addition->picture, addition->size), arena, err);
}

/* ---- one addition -------------------------------------------------------------------------------------- */

/* What is there of it already: a picture by its file, a text by its words. */
static int find_known(struct index_item *out, bool *found, struct index *index, const struct index_item *item,
    struct arena *arena, struct err *err)
{
    return item->kind == INDEX_IMAGE
               ? index_find(out, found, index, INDEX_IMAGE, item->path, NULL, arena, err)
               : index_find(out, found, index, INDEX_TEXT, "", item->hash, arena, err);
}

/* What is said of a known item anew takes the place of what was said before. */
static int describe_known(
    struct index *index, struct index_item *known, const struct addition *addition, struct err *err)
{
    const char *caption = addition->picture && addition->caption ? addition->caption : known->caption;
    const char *metadata = addition->metadata ? addition->metadata : known->metadata;
    if (same_text(caption, known->caption) && same_text(metadata, known->metadata))
        return 0;
    known->caption = caption;
    known->metadata = metadata;
    return index_update(index, known, err);
}

static int name_item(struct index_item *item, char hash[HASH_SIZE], const struct index *index,
    const struct addition *addition, struct arena *arena, struct err *err)
{
    char suffix[16];
    *item =
        (struct index_item){.kind = INDEX_TEXT, .caption = addition->text, .metadata = addition->metadata};
    item->hash = hash;
    if (!addition->picture) {
        hash_bytes(hash, addition->text, strlen(addition->text));
        return 0;
    }
    hash_bytes(hash, addition->picture, addition->size);
    file_suffix(suffix, addition);
    item->kind = INDEX_IMAGE;
    item->caption = addition->caption;
    item->path = index_file_path(index, hash, suffix, arena, err);
    return item->path ? 0 : ERR_MEMORY;
}

static int add_one(struct index *index, struct addition *addition, struct err *err)
{
    struct index_item item, known;
    struct arena arena = {0};
    char hash[HASH_SIZE];
    bool found = false;
    int rc = name_item(&item, hash, index, addition, &arena, err);
    if (!rc)
        rc = find_known(&known, &found, index, &item, &arena, err);
    if (!rc && addition->picture)
        rc = keep_picture(&item, index, addition, &arena, err);
    if (!rc && found)
        rc = describe_known(index, &known, addition, err);
    else if (!rc)
        rc = index_add(index, &item, addition->embedding, 1, err);
    addition->known = found;
    addition->id = found ? known.id : item.id;
    arena_release(&arena);
    return rc;
}

int collection_add(struct collection *collection, struct addition *additions, size_t count,
    enum alpha_rule alpha, struct err *err)
{
    struct index *index = collection->index;
    enum alpha_rule now;
    int rc = collection_alpha(&now, index, err);
    if (!rc && now != alpha)
        return err_set(err, ERR_BUSY,
            "the pictures of '%s' are prepared in another way by now: '%s', not '%s'", index_info(index).path,
            alpha_names[now], alpha_names[alpha]);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = add_one(index, &additions[i], err);
        if (rc)
            err_wrap(err, "input %zu", i);
    }
    if (!rc)
        return index_commit(index, err);
    index_revert(index);
    return rc;
}
