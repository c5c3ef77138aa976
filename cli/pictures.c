// SPDX-License-Identifier: Apache-2.0
#include "cli/pictures.h"

#include <string.h>

void picture_arguments_take(struct picture_arguments *pictures, struct argp_state *state)
{
    pictures->paths = state->argv + state->next;
    pictures->count = (size_t)(state->argc - state->next);
    for (size_t i = 0; i < pictures->count; i++)
        option_input(state, pictures->paths[i]);
}

/* What each path of a list stands for. */
static int add_listed(
    struct picture_list *list, size_t *skipped, bool null, const struct job *job, struct err *err)
{
    struct strings listed = {0};
    int rc = path_list_read(&listed, "-", null ? '\0' : '\n', job, err);
    for (size_t i = 0; i < listed.count && !rc; i++)
        rc = picture_list_name(list, skipped, listed.items[i], job, err);
    strings_release(&listed);
    return rc;
}

int picture_arguments_list(struct picture_list *list, size_t *skipped,
    const struct picture_arguments *pictures, const struct job *job, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < pictures->count && !rc; i++)
        rc = strcmp(pictures->paths[i], "-") ? picture_list_name(list, skipped, pictures->paths[i], job, err)
                                             : add_listed(list, skipped, pictures->null, job, err);
    return rc;
}
