// SPDX-License-Identifier: Apache-2.0
/*
 * What the steps of collection_sync share. Each step commits now and then, so that an end at any moment keeps most
 * of what was done and the next sync goes on from there:
 *
 *   sync_files.c     what lies below the folders, and what the index holds of it
 *   sync_shards.c    what lies in archives
 *   sync_share.c     of all that, what one of many processes takes
 *   sync_kinds.c     which of the files are pictures
  *   sync_pairs.c     which of two files of one picture stands for both
 *   sync_plan.c      by path, size, time and content: what is new, changed, moved, gone
 *   sync_moves.c     what moved takes its vectors along
 *   sync_pictures.c  what is new is copied or encoded
 *   sync_notes.h     captions and metadata beside pictures, in folders and archives
 *   sync_capture.c   when, where and with what pictures were taken
 *   sync_texts.c     texts of files
 *   sync_captions.c  what files say of pictures
 */
#ifndef DIPTYCH_COLLECTION_SYNC_H
#define DIPTYCH_COLLECTION_SYNC_H

#include "joint/collection/collection.h"
#include "joint/collection/sync_files.h"
#include "joint/collection/text_files.h"

struct sync {
    struct index *index;
    const struct embedder *embedder;
    const struct job *job;
    struct sync_counts *counts;
    size_t done, total; /* pictures to add */
    double committed;   /* when, on time_now's clock */
    double commit_time; /* what it took */
};

/* For the end of a batch: commits, so often that it takes a twentieth of the time, at least every 2 seconds. */
int sync_commit(struct sync *sync, struct err *err);

/* For the end of a step that ended with rc: keeps what was done, also where the job wanted the end. */
int sync_keep(struct sync *sync, int rc, struct err *err);

/* Reports a failure that does not end the work; `failed` is pictures' or texts'. */
void sync_fail(struct sync *sync, size_t *failed, const struct err *why);

/* Whether two texts are the same, or both none. */
bool same_text(const char *a, const char *b);

/* index_find for an item whose vector is to be copied: not *found where its row is damaged, so that the content is
 * encoded anew. */
int sync_find_intact(struct index_item *out, bool *found, struct sync *sync, enum index_kind kind,
    const char *path, const char *hash, struct arena *arena, struct err *err);

/* Gives the item the file's path, size, time and place. */
int sync_place(struct sync *sync, int64_t id, const struct plan_file *file, struct err *err);

/* Does the moves of a plan, in one commit, and counts what does not change. */
int sync_moves(struct sync *sync, const struct plan *plan, struct err *err);

/* Remembers which files are no pictures. */
int sync_passed_over(struct sync *sync, const struct plan *plan, struct err *err);

/* Does what a plan has found out. Its files are in the order of archives then. */
int sync_pictures(struct sync *sync, const struct plan *plan, struct err *err);

/* Asks a picture when, where and with what it was taken; strings go to the arena. What cannot be read now is left
 * unexamined. ERR_MEMORY. */
int sync_examine(struct index_item *item, struct picture_source source, struct arena *arena, struct err *err);

/* Gives an item what a capture says of it, whose strings go to the arena; what is known stays where that says nothing. Whether that
 * changes anything. ERR_MEMORY. */
int sync_set_capture(bool *changed, struct index_item *item, const struct capture *capture,
    struct arena *arena, struct err *err);

/* The same for the item of a path, if the index has it, as something that is newly said of it. */
int sync_keep_capture(struct sync *sync, const char *path, const struct capture *capture, struct err *err);

/* Asks all pictures of the index that were not asked yet and whose files are as they were. */
int sync_captures(struct sync *sync, struct err *err);

/* Makes the texts of the file `path` in the index those of the list: what is new is encoded, what is no longer in
 * it removed. Texts with the words of an unbound one stay: their picture may have another name by now. */
int sync_texts(struct sync *sync, const char *path, const struct text_list *list, struct err *err);

/* Reads captions, makes the texts of their file those that describe pictures of the index, and gives each of
 * these pictures its first caption. */
int sync_captions(struct sync *sync, const char *path, struct err *err);

/* Removes texts that describe pictures the index does not have. Does not commit. */
int sync_orphans(struct sync *sync, struct err *err);

/* Gives pictures the metadata that lines {"path": ..., ...} have for them. */
int sync_metadata(struct sync *sync, const char *path, struct err *err);

#endif
