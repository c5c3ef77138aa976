// SPDX-License-Identifier: Apache-2.0
/* What is in the cache, private to joint/hub. */
#ifndef DIPTYCH_HUB_INSTALLED_H
#define DIPTYCH_HUB_INSTALLED_H

#include "joint/hub/place.h"

/* Adds the names in a folder, in order. A folder that is not there has none. ERR_IO, ERR_MEMORY. */
int hub_folder_names(struct strings *out, const char *path, struct err *err);

/* Adds the revisions that are that commit. `below` is a folder of refs; NULL: all. */
int hub_refs_of(struct strings *out, const struct hub_place *place, const char *commit, const char *below,
    struct err *err);

#endif
