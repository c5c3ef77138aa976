// SPDX-License-Identifier: Apache-2.0
/* Whether work that was begun may go on with the options at hand. */
#include "joint/internal.h"

#include <jansson.h>
#include <stdlib.h>

static int check_option(
    const char *key, const json_t *now, const json_t *before, const char *folder, struct err *err)
{
    enum { DIGITS = 6 };
    const size_t how = JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS);
    if (json_equal(now, before))
        return 0;
    char *was = before ? json_dumps(before, how) : NULL, *is = now ? json_dumps(now, how) : NULL;
    err_set(err, ERR_ARGUMENT, "'%s' was begun with another %s: %s, now %s; remove it to begin anew", folder,
        key, was ? was : "none", is ? is : "none");
    free(was);
    free(is);
    return ERR_ARGUMENT;
}

int same_run_check(const json_t *now, const json_t *before, const char *folder, struct err *err)
{
    const char *key;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)now, key, value)
    {
        if (!rc)
            rc = check_option(key, value, json_object_get(before, key), folder, err);
    }
    json_object_foreach((json_t *)before, key, value) /* an option that was said then, and now is not */
    {
        if (!rc && !json_object_get(now, key))
            rc = check_option(key, NULL, value, folder, err);
    }
    return rc;
}
