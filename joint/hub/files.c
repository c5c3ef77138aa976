// SPDX-License-Identifier: Apache-2.0
#include "joint/hub/files.h"

#include <jansson.h>
#include <string.h>

enum { TRANSFORMERS = 1, OPEN_CLIP = 2, BOTH = TRANSFORMERS | OPEN_CLIP };

/* In the order in which weights are looked for. */
static const struct file {
    const char *name;
    enum hub_part part;
    int layouts;
} files[] = {
    {"open_clip_config.json", PART_CONFIG, OPEN_CLIP},
    {"config.json", PART_CONFIG, TRANSFORMERS},
    {"processor_config.json", PART_OTHERS, TRANSFORMERS},
    {"preprocessor_config.json", PART_OTHERS, TRANSFORMERS},
    {"tokenizer.json", PART_OTHERS, BOTH},
    {"tokenizer_config.json", PART_OTHERS, BOTH},
    {"special_tokens_map.json", PART_OTHERS, BOTH},
    {"vocab.json", PART_OTHERS, BOTH},
    {"merges.txt", PART_OTHERS, BOTH},
    {"bpe_simple_vocab_16e6.txt.gz", PART_OTHERS, BOTH},
    {"spiece.model", PART_OTHERS, BOTH},
    {"sentencepiece.bpe.model", PART_OTHERS, BOTH},
    {"tokenizer.model", PART_OTHERS, BOTH},
    {"vocab.txt", PART_OTHERS, BOTH},
    {"model.safetensors", PART_WEIGHTS, TRANSFORMERS},
    {"model.safetensors.index.json", PART_WEIGHTS, TRANSFORMERS},
    {"pytorch_model.bin", PART_WEIGHTS, TRANSFORMERS},
    {"pytorch_model.bin.index.json", PART_WEIGHTS, TRANSFORMERS},
    {"open_clip_model.safetensors", PART_WEIGHTS, OPEN_CLIP},
    {"open_clip_pytorch_model.safetensors", PART_WEIGHTS, OPEN_CLIP},
    {"open_clip_pytorch_model.bin", PART_WEIGHTS, OPEN_CLIP},
};
enum { COUNT = sizeof files / sizeof *files };
_Static_assert(sizeof files / sizeof *files < PART_FILES_MAX, "room for a part and its end");

/* The first that there is of a part, in one of the layouts; NULL: none. */
static const char *first(enum hub_part part, int layouts, files_has *has, void *context)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (files[i].part == part && files[i].layouts & layouts && has(context, files[i].name))
            return files[i].name;
    }
    return NULL;
}

/* What the files are taken for: timm's repositories have a config.json and a model.safetensors of a kind of their own
 * beside open_clip's files, and open_clip's own often have both kinds of the same model. */
static int layout_of(files_has *has, void *context)
{
    const bool open_clip =
        first(PART_CONFIG, OPEN_CLIP, has, context) && first(PART_WEIGHTS, OPEN_CLIP, has, context);
    return open_clip || !first(PART_CONFIG, TRANSFORMERS, has, context) ? OPEN_CLIP : TRANSFORMERS;
}

void hub_files_list(const char *out[PART_FILES_MAX], enum hub_part part, files_has *has, void *context)
{
    const int layout = layout_of(has, context);
    size_t count = 0;
    for (size_t i = 0; i < COUNT && !(count && part == PART_WEIGHTS); i++) {
        if (files[i].part == part && files[i].layouts & layout && has(context, files[i].name))
            out[count++] = files[i].name;
    }
    out[count] = NULL;
}

static bool has_tokenizer(files_has *has, void *context)
{
    static const char *const alone[] = {"tokenizer.json", "bpe_simple_vocab_16e6.txt.gz", "spiece.model",
        "sentencepiece.bpe.model", "tokenizer.model", "vocab.txt"};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (has(context, alone[i]))
            return true;
    return has(context, "vocab.json") && has(context, "merges.txt");
}

const char *hub_files_missing(files_has *has, void *context)
{
    const int layout = layout_of(has, context);
    if (!first(PART_CONFIG, layout, has, context))
        return "configuration";
    if (!first(PART_WEIGHTS, layout, has, context))
        return "weights";
    return has_tokenizer(has, context) ? NULL : "tokenizer";
}

/* ---- shards -------------------------------------------------------------------------------------------- */

bool hub_is_index(const char *name)
{
    static const char end[] = ".index.json";
    const size_t length = strlen(name);
    return length >= sizeof end && !strcmp(name + length - (sizeof end - 1), end);
}

bool hub_file_name_valid(const char *name)
{
    enum { FILE_NAME_MAX = 255 };
    for (const char *c = name; *c; c++) {
        if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ' || *c == 127)
            return false;
    }
    return *name && *name != '.' && strlen(name) <= FILE_NAME_MAX;
}

static int add_shard(struct strings *out, struct string_map *seen, const json_t *value, struct err *err)
{
    const char *name = json_string_value(value);
    size_t *at;
    if (!name || !hub_file_name_valid(name))
        return err_set(err, ERR_FORMAT, "'%s' names no file beside it", name ? name : "");
    int rc = string_map_add(&at, seen, name, strlen(name), out->count, err);
    return rc || *at != out->count ? rc : strings_add(out, name, strlen(name), err);
}

int hub_shards_read(struct strings *out, const char *path, struct err *err)
{
    enum { INDEX_MAX = 64 << 20 };
    struct string_map seen = {0};
    json_t *root, *value;
    const char *key;
    int rc = json_read(&root, path, INDEX_MAX, err);
    if (rc)
        return rc;
    json_t *map = json_object_get(root, "weight_map");
    if (!json_object_size(map))
        rc = err_set(err, ERR_FORMAT, "cannot read '%s': 'weight_map' is missing", path);
    json_object_foreach(map, key, value)
    {
        if (!rc && (rc = add_shard(out, &seen, value, err)))
            err_wrap(err, "cannot read '%s'", path);
    }
    string_map_release(&seen);
    json_decref(root);
    return rc;
}

/* ---- folders ------------------------------------------------------------------------------------------- */

struct folder {
    const char *path;
    struct arena arena;
};

static bool folder_has(void *context, const char *name)
{
    struct folder *folder = context;
    const char *path = path_join(&folder->arena, folder->path, name);
    return path && file_exists(path);
}

static bool has_shards(struct folder *folder, const char *index)
{
    struct strings shards = {0};
    const char *path = path_join(&folder->arena, folder->path, index);
    bool all = path && !hub_shards_read(&shards, path, NULL);
    for (size_t i = 0; i < shards.count && all; i++)
        all = folder_has(folder, shards.items[i]);
    strings_release(&shards);
    return all;
}

bool hub_folder_tokenizes(const char *directory)
{
    struct folder folder = {.path = directory};
    const bool tokenizes = has_tokenizer(folder_has, &folder);
    arena_release(&folder.arena);
    return tokenizes;
}

const char *hub_folder_missing(const char *directory)
{
    struct folder folder = {.path = directory};
    const char *missing = hub_files_missing(folder_has, &folder);
    const char *weights[PART_FILES_MAX];
    hub_files_list(weights, PART_WEIGHTS, folder_has, &folder);
    if (!missing && weights[0] && hub_is_index(weights[0]) && !has_shards(&folder, weights[0]))
        missing = "weights";
    arena_release(&folder.arena);
    return missing;
}
