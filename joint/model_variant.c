// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <string.h>

/* As transformers names them (_add_variant in modeling_utils.py): before the last dot. "*" is the variant. */
static const char *const names[] = {
    "model.*.safetensors",
    "model.safetensors.index.*.json",
    "pytorch_model.*.bin",
    "pytorch_model.bin.index.*.json",
};

static const char *variant_name(struct arena *arena, const char *name, const char *variant)
{
    const char *star = strchr(name, '*');
    const size_t before = (size_t)(star - name), length = strlen(variant);
    char *out = arena_alloc(arena, strlen(name) + length);
    if (!out)
        return NULL;
    memcpy(out, name, before);
    memcpy(out + before, variant, length);
    memcpy(out + before + length, star + 1, strlen(star + 1));
    return out;
}

int model_variant(
    const char **out, const char *directory, const char *variant, struct arena *arena, struct err *err)
{
    if (!*variant || strchr(variant, '/'))
        return err_set(err, ERR_ARGUMENT, "'%s' is no variant of weights, such as fp16", variant);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = variant_name(arena, names[i], variant);
        const char *path = name ? path_join(arena, directory, name) : NULL;
        if (!path)
            return err_memory(err, strlen(directory));
        if (file_exists(path)) {
            *out = path;
            return 0;
        }
    }
    return err_set(err, ERR_IO, "no weights of variant '%s' in '%s': it has no 'model.%s.safetensors'",
        variant, directory, variant);
}
