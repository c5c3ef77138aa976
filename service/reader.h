// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: an index opened for reading, for one thread at a time, that follows what lies at its path: what others
 * write to it, and another index that takes its place.
 */
#ifndef DIPTYCH_SERVICE_READER_H
#define DIPTYCH_SERVICE_READER_H

#include "index/index.h"

#include <sys/types.h>

/* Where it is, and what it must be. All is the caller's. */
struct reader_place {
    const char *name; /* for messages */
    const char *path, *catalog;
    const char *fingerprint; /* of the model */
    struct device *device;
};

struct reader {
    struct index *index;
    struct index_searcher *searcher; /* of the one that searches */
    struct file_id {                 /* of its catalog: another file is another index */
        dev_t device;
        ino_t inode;
    } id;
    double missing; /* since when nothing is in its place; 0: something is */
};

/* The errors of index_open; those of index_searcher_open where it searches. */
int reader_open(struct reader *reader, const struct reader_place *place, bool searches, struct err *err);
void reader_close(struct reader *reader);

/* Brings a reader to the last committed state of the index at its path. One that cannot be is opened again.
 * ERR_NOT_FOUND where there is none any more. */
int reader_refresh(struct reader *reader, const struct reader_place *place, bool searches, struct err *err);

#endif
