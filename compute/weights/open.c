// SPDX-License-Identifier: Apache-2.0
/* From a model directory to the tensors by name. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "compute/weights/internal.h"
#include "compute/weights/safetensors.h"
#include "compute/weights/torch_file.h"

/* ---- one file ------------------------------------------------------------------------------------------ */

static bool ends_in(const char *name, const char *ending)
{
    const size_t length = strlen(name), n = strlen(ending);
    return length > n && !strcmp(name + length - n, ending);
}

/* PyTorch's own files, by their names. */
static bool is_torch(const char *name)
{
    return ends_in(name, ".bin") || ends_in(name, ".pt") || ends_in(name, ".pth");
}

static struct span bytes_of(const struct mapped_file *file)
{
    return (struct span){(const char *)file->map.data, file->map.size};
}

/* By what the bytes are; a file of neither kind is said to be damaged as its name has it. */
static bool is_torch_file(const struct mapped_file *file)
{
    return torch_file_begins(bytes_of(file)) || is_torch(file->path);
}

static int parse(struct weight **out, size_t *count, struct weights *weights, const struct mapped_file *file,
    struct err *err)
{
    const struct span bytes = bytes_of(file);
    if (is_torch_file(file))
        return torch_file_parse(out, count, &weights->script, &weights->arena, bytes, file->path, err);
    return safetensors_parse(out, count, &weights->arena, file->map.data, file->map.size, file->path, err);
}

static int add_tensors(struct weights *weights, const struct mapped_file *file, struct err *err)
{
    struct weight *tensors = NULL;
    size_t count, total;
    int rc = parse(&tensors, &count, weights, file, err);
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
    int rc = file_map_hold(&file->map, path, err);
    if (rc)
        return rc;
    file->path = path;
    file->next = weights->files;
    weights->files = file;
    rc = git_lfs_check((const char *)file->map.data, file->map.size, path, err);
    return rc ? rc : add_tensors(weights, file, err);
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

/* A file that is no model. */
static int open_tensors(struct weights *weights, const char *directory, struct err *err)
{
    int rc = open_file(weights, directory, err);
    if (rc || is_torch_file(weights->files))
        return rc;
    rc = safetensors_notes(&weights->notes, weights->files->map.data, weights->files->map.size, err);
    if (rc)
        err_wrap(err, "cannot load '%s'", weights->source);
    return rc;
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
        if (!weights_find(weights, name) && !weight_is_dropped(name))
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

/* In the order they are looked for. Where there is none, the only file of PyTorch's in the directory is taken,
 * whatever its name: OpenAI's are ViT-B-32.pt and the like. */
static const struct source {
    const char *name;
    int (*open)(struct weights *weights, const char *directory, struct err *err);
} sources[] = {
    {"model.safetensors", open_file},
    {"model.safetensors.index.json", open_shards},
    {"open_clip_model.safetensors", open_file},
    {"open_clip_pytorch_model.safetensors", open_file},
    {"open_clip_pytorch_model.bin", open_file},
    {"pytorch_model.bin", open_file},
    {"pytorch_model.bin.index.json", open_shards},
};

static int open_source(struct weights **out, const char *path, const char *directory,
    int (*open)(struct weights *weights, const char *directory, struct err *err), struct err *err)
{
    int rc;
    struct weights *weights = mem_new(1, sizeof *weights);
    if (weights)
        weights->source = arena_copy(&weights->arena, path, strlen(path));
    if (!weights || !weights->source) {
        rc = err_memory(err, sizeof *weights);
        goto done;
    }
    rc = open(weights, directory, err);
    if (!rc && open != open_tensors)
        rc = layout_tell(weights, err);
    if (!rc) {
        *out = weights;
        weights = NULL;
    }
done:
    weights_free(weights);
    return rc;
}

/* transformers' training leaves these beside the weights. */
static bool is_state(const char *name)
{
    static const char *const names[] = {
        "training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt", "rng_state.pth", "scaler.pt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int list_names(struct strings *out, const char *directory, struct err *err)
{
    DIR *listing = opendir(directory);
    int rc = 0;
    if (!listing)
        return err_set(err, ERR_IO, "unable to open '%s': %s", directory, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(listing));)
        if ((is_torch(entry->d_name) && !is_state(entry->d_name)) || ends_in(entry->d_name, ".safetensors"))
            rc = strings_add(out, entry->d_name, strlen(entry->d_name), err);
    closedir(listing);
    if (!rc && out->count)
        qsort(out->items, out->count, sizeof *out->items, by_text);
    return rc;
}

/* None of `sources` is there: the only file of PyTorch's, or what is missing. */
static int open_other(struct weights **out, const char *directory, struct arena *arena, struct err *err)
{
    struct strings names = {0};
    const char *found[2] = {NULL, NULL}, *variant = NULL;
    int rc = list_names(&names, directory, err);
    for (size_t i = 0; i < names.count; i++) {
        if (!is_torch(names.items[i]))
            variant = names.items[i];
        else if (!found[1])
            found[found[0] != NULL] = names.items[i];
    }
    const char *path = found[0] ? path_join(arena, directory, found[0]) : NULL;
    if (rc)
        ;
    else if (found[1])
        rc = err_set(err, ERR_IO, "no '%s' in '%s', and '%s' and '%s' both could be its weights: name one",
            sources[0].name, directory, found[0], found[1]);
    else if (found[0])
        rc = path ? open_source(out, path, directory, open_file, err) : err_memory(err, strlen(directory));
    else if (variant)
        rc = err_set(err, ERR_IO, "no '%s' in '%s'; '%s' is there: name it, or its variant", sources[0].name,
            directory, variant);
    else
        rc = err_set(err, ERR_IO, "no weights in '%s': it has no '%s'", directory, sources[0].name);
    strings_release(&names);
    return rc;
}

static int open_directory(struct weights **out, const char *directory, struct arena *arena, struct err *err)
{
    bool found = false;
    int rc = 0;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const char *path = path_join(arena, directory, sources[i].name);
        if (path && !file_exists(path))
            continue;
        found = true;
        rc = path ? open_source(out, path, directory, sources[i].open, err)
                  : err_memory(err, strlen(directory));
        /* timm's repositories put the picture tower alone in model.safetensors and the whole model in
         * open_clip's file beside it, so a file that is no CLIP model does not end the search. */
        if (rc != ERR_UNSUPPORTED)
            break;
    }
    return found ? rc : open_other(out, directory, arena, err);
}

int weights_open(struct weights **out, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *folder = path;
    int rc = path_folder(&folder, path, &arena, err);
    if (!rc && folder == path)
        rc = open_directory(out, path, &arena, err);
    else if (!rc)
        rc = open_source(out, path, folder, ends_in(path, ".json") ? open_shards : open_file, err);
    arena_release(&arena);
    return rc;
}

int weights_open_tensors(struct weights **out, const char *path, struct err *err)
{
    return open_source(out, path, NULL, open_tensors, err);
}
