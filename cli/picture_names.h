// SPDX-License-Identifier: Apache-2.0
/* Pictures by the names that files of captions and metadata have for them. */
#ifndef DIPTYCH_CLI_PICTURE_NAMES_H
#define DIPTYCH_CLI_PICTURE_NAMES_H

#include "base/base.h"

/* Whether a path ends as pictures do; those of formats that are not read count too. */
bool picture_suffix(const char *path);

/* Zero-initialise. */
struct picture_names {
    struct json_t *paths; /* by name; null where a name fits several */
};

/* Adds the picture's names: the last part of its path, the same without suffix, and the number in COCO's
 * twelve digits. */
int picture_names_add(struct picture_names *names, const char *path, struct err *err);

/* The path, borrowed, of the picture that is called `file` (its last part counts) or `id`, either NULL for
 * none. ERR_IO where there is none, ERR_ARGUMENT where there are several; `place` says where in messages. */
int picture_names_find(const char **out, const struct picture_names *names, const char *id, const char *file,
    const char *place, struct err *err);
void picture_names_release(struct picture_names *names);

#endif
