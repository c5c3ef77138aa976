// SPDX-License-Identifier: Apache-2.0
/* From a model directory to the tensors by name. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/safetensors.h"
#include "compute/weights.h"

/* ---- one file ------------------------------------------------------------------------------------------ */

static int add_tensors(struct weights *weights, const struct mapped_file *file, struct err *err)
{
    struct weight *tensors = NULL;
    size_t count, total;
    int rc =
        safetensors_parse(&tensors, &count, &weights->arena, file->map.data, file->map.size, file->path, err);
    if (rc) {
        err_wrap(err, "cannot load '%s'", file->path);
        return rc;
    }
    struct weight *grown =
        size_add(&total, weights->count, count) ? mem_grow(weights->items, total, sizeof *grown) : NULL;
    if (grown) {
        memcpy(grown + weights->count, tensors, count * sizeof *tensors);
        weights->items = grown;
        weights->count = total;
    }
    free(tensors);
    return grown ? 0 : err_memory(err, count * sizeof *tensors);
}

static int add_file(struct weights *weights, const char *path, struct err *err)
{
    struct mapped_file *file = arena_alloc(&weights->arena, sizeof *file);
    if (!file)
        return err_memory(err, sizeof *file);
    int rc = file_map_open(&file->map, path, err);
    if (rc)
        return rc;
    file->path = path;
    file->next = weights->files;
    weights->files = file;
    return add_tensors(weights, file, err);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static int by_name(const void *left, const void *right)
{
    const struct weight *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static int sort_names(struct weights *weights, struct err *err)
{
    weights->by_name = mem_new(weights->count, sizeof *weights->by_name);
    if (!weights->by_name)
        return err_memory(err, weights->count * sizeof *weights->by_name);
    for (size_t i = 0; i < weights->count; i++)
        weights->by_name[i] = &weights->items[i];
    qsort(weights->by_name, weights->count, sizeof *weights->by_name, by_name);

    for (size_t i = 1; i < weights->count; i++) {
        const struct weight *a = weights->by_name[i - 1], *b = weights->by_name[i];
        if (!strcmp(a->name, b->name))
            return err_set(err, ERR_FORMAT, "cannot load '%s': tensor '%s' is in both '%s' and '%s'",
                weights->source, a->name, a->file, b->file);
    }
    return 0;
}

/* ---- a directory --------------------------------------------------------------------------------------- */

static int open_file(struct weights *weights, const char *directory, struct err *err)
{
    (void)directory;
    int rc = add_file(weights, weights->source, err);
    return rc ? rc : sort_names(weights, err);
}

static bool has_file(const struct weights *weights, const char *path)
{
    for (const struct mapped_file *file = weights->files; file; file = file->next) {
        if (!strcmp(file->path, path))
            return true;
    }
    return false;
}

/* Shards lie beside their index: a name that leads elsewhere is not followed. */
static int add_shard(struct weights *weights, const char *directory, const json_t *shard, struct err *err)
{
    const char *name = json_string_value(shard);
    if (!name || strchr(name, '/'))
        return err_set(err, ERR_FORMAT, "cannot load '%s': shard '%s' is no plain file name", weights->source,
            name ? name : "");
    const char *path = path_join(&weights->arena, directory, name);
    if (!path)
        return err_memory(err, strlen(name));
    if (has_file(weights, path))
        return 0;
    int rc = add_file(weights, path, err);
    if (rc)
        err_wrap(err, "cannot load '%s'", weights->source);
    return rc;
}

static int add_shards(struct weights *weights, const char *directory, const json_t *index, struct err *err)
{
    json_t *map = json_object_get(index, "weight_map"), *shard;
    const char *name;
    int rc = 0;
    if (!json_is_object(map))
        return err_set(err, ERR_FORMAT, "cannot load '%s': 'weight_map' is missing", weights->source);
    json_object_foreach(map, name, shard)
    {
        rc = add_shard(weights, directory, shard, err);
        if (rc)
            return rc;
    }
    rc = sort_names(weights, err);
    if (rc)
        return rc;
    json_object_foreach(map, name, shard)
    {
        if (!weights_find(weights, name))
            return err_set(err, ERR_FORMAT, "cannot load '%s': tensor '%s' is missing from '%s'",
                weights->source, name, json_string_value(shard));
    }
    return 0;
}

static int open_shards(struct weights *weights, const char *directory, struct err *err)
{
    enum { INDEX_MAX = 64 << 20 };
    json_t *index;
    int rc = json_read(&index, weights->source, INDEX_MAX, err);
    if (rc)
        return rc;
    rc = add_shards(weights, directory, index, err);
    json_decref(index);
    return rc;
}

/* In the order they are looked for. */
static const struct source {
    const char *name;
    int (*open)(struct weights *weights, const char *directory, struct err *err);
} sources[] = {
    {"model.safetensors", open_file},
    {"model.safetensors.index.json", open_shards},
    {"open_clip_model.safetensors", open_file},
    {"open_clip_pytorch_model.safetensors", open_file},
};

static int open_source(struct weights **out, const char *path, const char *directory,
    const struct source *source, struct err *err)
{
    int rc;
    struct weights *weights = mem_new(1, sizeof *weights);
    if (weights)
        weights->source = arena_copy(&weights->arena, path, strlen(path));
    if (!weights || !weights->source) {
        rc = err_memory(err, sizeof *weights);
        goto done;
    }
    rc = source->open(weights, directory, err);
    if (!rc)
        rc = layout_tell(weights, err);
    if (!rc) {
        *out = weights;
        weights = NULL;
    }
done:
    weights_free(weights);
    return rc;
}

static bool is_pickle(const char *name)
{
    static const char *const endings[] = {".bin", ".pt", ".pth"};
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i]);
        if (length > n && !strcmp(name + length - n, endings[i]))
            return true;
    }
    return false;
}

/* Pickles are programs that PyTorch runs to build tensors; PyTorch itself can turn one into safetensors. */
static int refuse(const char *directory, struct err *err)
{
    DIR *listing = opendir(directory);
    if (!listing)
        return err_set(err, ERR_IO, "unable to open '%s': %s", directory, strerror(errno));
    char pickle[sizeof((struct dirent *)NULL)->d_name] = "";
    for (const struct dirent *entry; !*pickle && (entry = readdir(listing));) {
        if (is_pickle(entry->d_name))
            snprintf(pickle, sizeof pickle, "%s", entry->d_name);
    }
    closedir(listing);
    if (!*pickle)
        return err_set(err, ERR_IO, "no weights in '%s': it has no '%s'", directory, sources[0].name);
    return err_set(err, ERR_UNSUPPORTED,
        "cannot load '%s/%s': pickled weights are not read; in that folder run: python3 -c \"import torch, "
        "safetensors.torch as s; w = torch.load('%s', map_location='cpu'); s.save_file({k: v.contiguous() "
        "for "
        "k, v in w.get('state_dict', w).items()}, '%s')\"",
        directory, pickle, pickle, sources[0].name);
}

int weights_open(struct weights **out, const char *directory, struct err *err)
{
    struct arena paths = {0};
    bool found = false;
    int rc = 0;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const char *path = path_join(&paths, directory, sources[i].name);
        if (path && !file_exists(path))
            continue;
        found = true;
        rc = path ? open_source(out, path, directory, &sources[i], err) : err_memory(err, strlen(directory));
        /* timm's repositories put the picture tower alone in model.safetensors and the whole model in
         * open_clip's file beside it, so a file that is no CLIP model does not end the search. */
        if (rc != ERR_UNSUPPORTED)
            break;
    }
    arena_release(&paths);
    return found ? rc : refuse(directory, err);
}
