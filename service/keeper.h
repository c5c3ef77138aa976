// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: indexes kept up to date with what they were made from.
 *
 * A keeper is collection_watch on a thread of its own, one an index, with the service's model. It takes turns at the index
 * with requests that write to it and with updates, and gives it to them as an update does. An index that cannot be
 * watched, being watched or made by another program or made from nothing, is told of, and served all the same.
 */
#ifndef DIPTYCH_SERVICE_KEEPER_H
#define DIPTYCH_SERVICE_KEEPER_H

#include "service/engine.h"
#include "service/shelf.h"

struct keepers;

struct keepers_options {
    struct engine *engine;
    struct shelf *shelf;
    const char *const *paths;                      // (shelf_count): of its indexes
    void (*tell)(void *context, const char *line); /* of what goes wrong; on any thread */
    void *context;
};

/* Keeps all indexes of the shelf. ERR_MEMORY; ERR_LIMIT: no thread to be had. */
int keepers_open(struct keepers **out, const struct keepers_options *options, struct err *err);

/* Watches those again that have ended, since another index may be in their place by now. On any thread. ERR_LIMIT. */
int keepers_resume(struct keepers *keepers, struct err *err);

/* Ends them and waits for that. */
void keepers_stop(struct keepers *keepers);
void keepers_free(struct keepers *keepers); /* after keepers_stop */

#endif
