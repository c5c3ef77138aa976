// SPDX-License-Identifier: Apache-2.0
/* Walks over tables of options. */
#include "cli/options.h"

#include <string.h>

bool option_is_last(const struct argp_option *option)
{
    return !option->name && !option->key && !option->doc && !option->group;
}

const struct argp_option *option_find(const struct argp *argp, struct span name)
{
    for (const struct argp_option *o = argp->options; o && !option_is_last(o); o++)
        if (o->name && strlen(o->name) == name.length && !memcmp(o->name, name.data, name.length))
            return o;
    for (const struct argp_child *child = argp->children; child && child->argp; child++) {
        const struct argp_option *found = option_find(child->argp, name);
        if (found)
            return found;
    }
    return NULL;
}

const struct argp_option *option_find_short(const struct argp *argp, int key)
{
    const struct argp_option *found = NULL;
    for (const struct argp_option *o = argp->options; o && !option_is_last(o); o++)
        if (o->key == key)
            return o;
    for (const struct argp_child *child = argp->children; child && child->argp && !found; child++)
        found = option_find_short(child->argp, key);
    return found;
}

bool option_next_choice(struct span *choice, const char **rest)
{
    if (!*rest || !**rest)
        return false;
    *choice = (struct span){*rest, strcspn(*rest, "|")};
    *rest += choice->length;
    *rest += **rest == '|';
    return true;
}
