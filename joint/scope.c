// SPDX-License-Identifier: Apache-2.0
#include "joint/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 16, COLOURS_MAX = 64 };

static int parse(struct scope *out, const json_t *root, struct err *err)
{
    const char *knows = json_string_value(json_object_get(root, "knows"));
    const json_t *colours = json_object_get(root, "colours"), *rest = json_object_get(root, "rest");
    if (!knows || !*knows)
        return err_set(err, ERR_FORMAT, "'knows' is no text");
    if (!json_is_integer(colours) || json_integer_value(colours) < 1 ||
        json_integer_value(colours) > COLOURS_MAX)
        return err_set(err, ERR_FORMAT, "'colours' is no number from 1 to %d", COLOURS_MAX);
    if (!json_is_number(rest) || json_number_value(rest) < 0 || json_number_value(rest) > 1)
        return err_set(err, ERR_FORMAT, "'rest' is no number from 0 to 1");
    *out = (struct scope){strdup(knows), (size_t)json_integer_value(colours), json_number_value(rest)};
    return out->knows ? 0 : err_memory(err, strlen(knows));
}

int scope_read(struct scope *out, const char *folder, struct err *err)
{
    struct arena arena = {0};
    const char *path = path_join(&arena, folder, SCOPE_FILE);
    json_t *root = NULL;
    int rc = path ? 0 : err_memory(err, strlen(folder));
    *out = (struct scope){0};
    if (!rc && file_exists(path) && !(rc = json_read(&root, path, FILE_MAX, err))) {
        rc = parse(out, root, err);
        if (rc)
            err_wrap(err, "unable to use '%s'", path);
    }
    json_decref(root);
    arena_release(&arena);
    return rc;
}

void scope_release(struct scope *scope)
{
    free(scope->knows);
    *scope = (struct scope){0};
}
