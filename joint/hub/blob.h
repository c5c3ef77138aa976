// SPDX-License-Identifier: Apache-2.0
/* One file of a repository on its way into the cache, private to joint/hub. */
#ifndef DIPTYCH_HUB_BLOB_H
#define DIPTYCH_HUB_BLOB_H

#include "joint/hub/http.h"
#include "joint/hub/place.h"
#include "joint/hub/tree.h"

/* Where files go, and of which commit they are. */
struct hub_fetch {
    struct http *http;
    struct hub_place place;
    const char *commit;
    const char *snapshot; /* the folder */
};

/* How many bytes have yet to come, as far as the list of files tells. */
uint64_t hub_blob_missing(const struct hub_fetch *fetch, const struct hub_file *file);

/* Sees to it that the snapshot has it: asks for its checksum, waits for whoever downloads the same, downloads what is
 * not there, checks it, and links it. *received counts bytes that came. Errors are hub_pull's. */
int hub_blob_get(
    uint64_t *received, const struct hub_fetch *fetch, const struct hub_file *file, struct err *err);

#endif
