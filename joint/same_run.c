// SPDX-License-Identifier: Apache-2.0
/* Whether work that was begun may go on with the options at hand. */
#include "joint/internal.h"

#include <jansson.h>
#include <stdlib.h>

int same_run_check(const json_t *now, const json_t *before, const char *folder, struct err *err)
{
    enum { DIGITS = 6 };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key, value)
    {
        const json_t *then = json_object_get(before, key);
        if (json_equal(value, then))
            continue;
        const size_t how = JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS);
        char *was = then ? json_dumps(then, how) : NULL, *is = json_dumps(value, how);
        err_set(err, ERR_ARGUMENT, "'%s' was begun with another %s: %s, now %s; remove it to begin anew",
            folder, key, was ? was : "none", is ? is : "another");
        free(was);
        free(is);
        return ERR_ARGUMENT;
    }
    return 0;
}
