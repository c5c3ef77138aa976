// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <jansson.h>
#include <stdlib.h>

int json_parse_value(struct json_t **out, const char *bytes, size_t size, const char *name, struct err *err)
{
    json_error_t problem;
    *out = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &problem);
    return *out ? 0
                : err_set(err, ERR_FORMAT, "unable to parse '%s': %s (line %d, column %d, byte %d)", name,
                      problem.text, problem.line, problem.column, problem.position);
}

int json_parse(struct json_t **out, const char *bytes, size_t size, const char *name, struct err *err)
{
    json_t *root;
    const int rc = json_parse_value(&root, bytes, size, name, err);
    if (rc)
        return rc;
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(err, ERR_FORMAT, "unable to parse '%s': the outermost value is no JSON object", name);
    }
    *out = root;
    return 0;
}

int json_read(struct json_t **out, const char *path, size_t limit, struct err *err)
{
    char *bytes;
    size_t size;
    int rc = file_read(&bytes, &size, path, limit, err);
    if (rc)
        return rc;
    rc = json_parse(out, bytes, size, path, err);
    free(bytes);
    return rc;
}
