// SPDX-License-Identifier: Apache-2.0
/* Which inputs of a sync are those of one shard. */
#ifndef DIPTYCH_COLLECTION_SYNC_SHARE_H
#define DIPTYCH_COLLECTION_SYNC_SHARE_H

#include "joint/collection/collection.h"
#include "joint/collection/sync_files.h"

/* Puts an archive off, whose scope is the list's last, until its place in the list of inputs is known. */
int file_list_wait(
    struct file_list *list, const char *path, const char *place, const char *rules_text, struct err *err);

/* Leaves the list, which has all inputs, those of one shard, and reads its archives. ERR_IO: something that was named is not
 * there. */
int file_list_cut(
    struct share_cut *out, struct file_list *list, size_t number, size_t count, struct err *err);

/* Makes the hash of a list, to begin with of none, that of the list with a path more. ERR_MEMORY. */
int share_hash_add(char hash[HASH_SIZE], const char *path, struct err *err);

#endif
