// SPDX-License-Identifier: Apache-2.0
/*
 * A shard as libarchive goes through it, private to base:
 *
 *   shard.c        the file, a window at a time, and its end
 *   shard_entry.c  from one member to the next
 *   shard_bytes.c  what is in the one at hand; nothing of it is read, or inflated, before it is asked for
 */
#ifndef DIPTYCH_BASE_SHARD_ARCHIVE_H
#define DIPTYCH_BASE_SHARD_ARCHIVE_H

#include "base/shard.h"

#include <archive.h>
#include <archive_entry.h>

struct shard {
    struct archive *archive;
    int fd;             /* -1: the bytes are in memory */
    const char *memory; /* the caller's */
    char *window;       /* (SHARD_WINDOW): of the file, what libarchive has now */
    int64_t length;     /* of the file */
    int64_t at;         /* where libarchive reads on */
    char *name;         /* of the archive */
    size_t count;       /* entries that have come */
    bool in_gap;        /* what came last was damaged */
    char *gap;          /* says where */

    char *member;      /* the last one's name; NULL: none has come */
    size_t size;       /* its bytes; SIZE_MAX: not known */
    bool encrypted;    /* they are */
    bool begun;        /* there is a block, */
    struct span block; /* the next of its bytes, */
    int64_t block_at;  /* their place in it, */
    int status;        /* and what libarchive said to them */
    char *bytes;       // (used): those before the block, where they are gathered
    size_t used, room;
};

enum { SHARD_WINDOW = 1 << 18 };

/* ERR_FORMAT with what libarchive says of the archive. */
int shard_damaged(const struct shard *shard, struct err *err);

bool shard_is_zip(const struct shard *shard);

/* Reads the first block of the entry at hand, unless that was done. */
void shard_begin(struct shard *shard);

/* Forgets what was read of it. */
void shard_forget(struct shard *shard);

#endif
