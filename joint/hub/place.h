// SPDX-License-Identifier: Apache-2.0
/* Where a repository lies in the cache, private to joint/hub. */
#ifndef DIPTYCH_HUB_PLACE_H
#define DIPTYCH_HUB_PLACE_H

#include "base/base.h"

struct hub_place {
    const char *repo;  /* CACHE/models--ORGANISATION--NAME */
    const char *locks; /* CACHE/.locks/models--ORGANISATION--NAME */
};

/* In the arena. ERR_MEMORY. */
int hub_place(
    struct hub_place *out, const char *cache, const char *repo, struct arena *arena, struct err *err);

/* Pieces with a '/' between, in the arena; NULL ends them. NULL when out of memory. */
const char *hub_path(struct arena *arena, const char *first, ...);

/* The commit that a revision was when it was fetched, or is itself, in the arena. NULL: not known. */
const char *hub_ref_read(const struct hub_place *place, const char *revision, struct arena *arena);

/* Says that it is that one. ERR_IO, ERR_MEMORY. */
int hub_ref_write(const struct hub_place *place, const char *revision, const char *commit, struct err *err);

#endif
