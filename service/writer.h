// SPDX-License-Identifier: Apache-2.0
/*
 * Inside service: who changes an index.
 *
 * An index has one writer at a time, in all processes. Requests of this service take turns in the order they came, each
 * for as short as it can: what it adds is encoded before. A writer of another process is not waited for, beyond the
 * second that index_open gives it.
 */
#ifndef DIPTYCH_SERVICE_WRITER_H
#define DIPTYCH_SERVICE_WRITER_H

#include "joint/collection/collection.h"

struct writer; /* of one index */

/* All strings are borrowed; name is what clients call the index, fingerprint that of the model whose vectors go in.
 * ERR_MEMORY. */
int writer_open(
    struct writer **out, const char *name, const char *path, const char *fingerprint, struct err *err);
void writer_free(struct writer *writer); /* nobody may have it */
const char *writer_name(const struct writer *writer);

/* Waits for its turn and opens the index for writing, until writer_give.
 *
 *   ERR_BUSY       another process writes to it, too many wait, or the job has ended before it was free
 *   ERR_NOT_FOUND  there is no index any more
 *   and the errors of collection_open */
int writer_take(struct collection **out, struct writer *writer, const struct job *job, struct err *err);
void writer_give(struct writer *writer, struct collection *collection);

/* Whether somebody waits for it: whoever has it for long should give it for a moment. */
bool writer_wanted(struct writer *writer);

/* A turn of work that is long: how it has gone so far. Looking for what there is to do comes again with every turn, so one
 * is worth its while when it has encoded for some times as long. */
struct writer_turn {
    double taken; /* when it began */
    double first; /* and when the first picture or text was done; 0: none yet */
};
void writer_turn_begin(struct writer_turn *turn);

/* Whether it should end for others, asked with the steps of its job. */
bool writer_turn_ends(struct writer_turn *turn, struct writer *writer, const char *unit, size_t done);

#endif
