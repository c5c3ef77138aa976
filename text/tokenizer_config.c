// SPDX-License-Identifier: Apache-2.0
/* tokenizer_config.json: of all that it says, only its model_max_length reaches the ids. transformers' CLIPTokenizer
 * lower-cases whatever do_lower_case is. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <stdlib.h>

enum { CONFIG_LIMIT = 16 << 20 };

/* Numbers as reals: for "none" transformers writes int(1e30), which is too big for an integer of JSON here. */
static int parse(json_t **out, const char *path, struct err *err)
{
    char *bytes;
    size_t size;
    json_error_t problem;
    int rc = file_read(&bytes, &size, path, CONFIG_LIMIT, err);
    if (rc)
        return rc;
    *out = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &problem);
    free(bytes);
    if (!*out)
        return err_set(err, ERR_FORMAT, "unable to parse '%s': %s (line %d, column %d, byte %d)", path,
            problem.text, problem.line, problem.column, problem.position);
    return 0;
}

/* A length with no room for start and end cuts nothing in the reference either. */
static int read_length(size_t *out, const json_t *value, const char *path, struct err *err)
{
    const double length = json_real_value(value); /* 0 of what is no number */
    if (value && !json_is_null(value) && !json_is_boolean(value) &&
        (!json_is_real(value) || length < 0 || (length < INT32_MAX && length != (double)(int32_t)length)))
        return err_set(err, ERR_FORMAT, "'%s': model_max_length is not a number of tokens", path);
    if (length >= 2 && length < INT32_MAX)
        *out = (size_t)length;
    return 0;
}

int tokenizer_read_config(struct tokenizer *tokenizer, const char *directory, struct err *err)
{
    struct arena arena = {0};
    json_t *root = NULL;
    const char *path = path_join(&arena, directory, "tokenizer_config.json");
    int rc = path ? 0 : err_memory(err, 0);
    if (!rc && file_exists(path))
        rc = parse(&root, path, err);
    if (!rc)
        rc = read_length(&tokenizer->context, json_object_get(root, "model_max_length"), path, err);
    json_decref(root);
    arena_release(&arena);
    return rc;
}
