// SPDX-License-Identifier: Apache-2.0
/* A model with adapters as an index remembers it: what one would type, "openai/clip-vit-base-patch32 --lora /adapters/birds:0.5". */
#include "joint/joint.h"

#include <string.h>

static const char mark[] = " --lora ";

static int append(const char **text, const char *more, struct arena *arena, struct err *err)
{
    const size_t size = strlen(*text) + strlen(more) + 1;
    char *out = arena_alloc(arena, size);
    if (!out)
        return err_memory(err, size);
    strcpy(stpcpy(out, *text), more);
    *text = out;
    return 0;
}

int model_reference_with(const char **out, const char *reference, const struct adapters *adapters,
    struct arena *arena, struct err *err)
{
    int rc = 0;
    *out = reference;
    for (size_t i = 0; adapters && i < adapters->count && !rc; i++) {
        const char *path = path_absolute(arena, adapters->names[i], err);
        rc = path ? append(out, mark, arena, err) : ERR_MEMORY;
        if (!rc)
            rc = append(out, path, arena, err);
    }
    return rc;
}

int model_reference_split(const char **model, struct adapters *adapters, const char *reference,
    struct arena *arena, struct err *err)
{
    size_t count = 0;
    for (const char *at = strstr(reference, mark); at; at = strstr(at + 1, mark))
        count++;
    const char **names = arena_alloc(arena, (count + 1) * sizeof *names);
    char *text = arena_copy(arena, reference, strlen(reference));
    if (!names || !text)
        return err_memory(err, strlen(reference));
    *adapters = (struct adapters){names, count};
    *model = text;
    for (size_t i = 0; i < count; i++) {
        text = strstr(text, mark);
        *text = '\0';
        names[i] = text += strlen(mark);
    }
    return 0;
}
