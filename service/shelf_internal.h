// SPDX-License-Identifier: Apache-2.0
/* Inside service: what shelf.c and shelf_search.c know together. */
#ifndef DIPTYCH_SERVICE_SHELF_INTERNAL_H
#define DIPTYCH_SERVICE_SHELF_INTERNAL_H

#include "service/reader.h"
#include "service/shelf.h"

#include <pthread.h>

struct shelf_index {
    const struct shelf_options *options;
    struct reader_place place;
    struct batcher *batcher;
    struct writer *writer;
    struct reader search; /* the batcher's thread */
    pthread_mutex_t lock;
    struct reader items; /* under the lock: what is quick */
    struct reader next;  /* likewise: to be searched from the next batch on */
    struct maps maps;
};

/* The batcher's function: does searches (count), struct search_item of shelf_search.c, of the struct shelf_index that
 * is its context. */
int shelf_run_searches(void *index, void *const *items, size_t count, struct err *err);

#endif
