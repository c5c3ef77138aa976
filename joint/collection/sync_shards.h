// SPDX-License-Identifier: Apache-2.0
/*
 * Archives among what a collection is made from. One that an index knows by size and time is not read again: its pictures are
 * as the items of it. In a plan the root of its pictures is a place, the archive's path with a "!" behind: what lies below that
 * are their paths.
 */
#ifndef DIPTYCH_COLLECTION_SYNC_SHARDS_H
#define DIPTYCH_COLLECTION_SYNC_SHARDS_H

#include "joint/collection/sync_files.h"

/* The largest picture in an archive, as picture_options have it for all. */
#define MEMBER_MAX ((size_t)256 << 20)

/* A member that says something of others, kept so that it need not be looked for again. */
struct kept_note {
    const char *name;
    struct span bytes;
};

/* An archive that is read in this sync. */
struct read_shard {
    const char *path, *place;
    int64_t size, mtime_ns;
    int64_t stamp;
    struct shard_stream *stream;
    bool again;               /* it could not be read for a reason that may pass */
    struct excludes excludes; /* the scope's */

    struct kept_note *notes; // (note_count)
    size_t note_count, note_room;
    bool notes_kept; /* all that there are */
};

/* The place of an archive, in the arena; NULL with ERR_MEMORY. */
const char *shard_place(struct arena *arena, const char *path, struct err *err);
bool shard_is_place(const char *root);

/* Whether it may say something of pictures: ".txt" and ".json" behind its key are caption and metadata, as img2dataset has them, and
 * other names are picture_beside_named. */
bool member_is_note(const char *name);

/* A container's stamp, so far and with another file in it: 0 begins. */
int64_t container_stamp(int64_t stamp, const char *name, int64_t size, int64_t mtime_ns);

/* That of an archive: other rules (folder_rules_text's) ask for another look at it, and so did programs before this one. */
int64_t shard_stamp(const char *rules, int64_t size, int64_t mtime_ns);

/* Adds the pictures of an archive by the rules of its source, or finds that it is not there. What is damaged is reported once, and
 * the index's pictures of it stay; so is what cannot be a member. */
int file_list_shard(struct file_list *list, const char *path, const char *place,
    const struct folder_rules *rules, const char *rules_text, struct err *err);

#endif
