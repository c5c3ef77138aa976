// SPDX-License-Identifier: Apache-2.0
/*
 * The work of `index build` and `index update`: what a plan says, done to an index, and texts, captions and
 * metadata from files. Each step commits now and then, so that an end at any moment keeps most of what was
 * done and the next run goes on from there.
 */
#ifndef DIPTYCH_CLI_INDEX_WORK_H
#define DIPTYCH_CLI_INDEX_WORK_H

#include "cli/index_scan.h"
#include "cli/index_texts.h"
#include "cli/session.h"

struct work {
    struct session *session; /* its `failed` counts */
    struct index *index;
    double committed;   /* when, on time_now's clock */
    double commit_time; /* what it took */
    size_t encoded;
    struct {
        size_t new, changed, moved, copied, gone, unchanged, failed;
    } pictures;
    struct {
        size_t new, copied, gone, unchanged, failed, truncated;
    } texts;
    size_t described; /* pictures with new metadata or captions */
};

/* Prints what was done, in lines on stderr. */
void work_put_summary(const struct work *work);

/* Whether the user wants an end. */
bool work_ended(void);

/* For the end of a batch: commits, so often that it takes a twentieth of the time, at least every 2 seconds.
 */
int work_commit(struct work *work, struct err *err);

/* Reports a failure that does not end the work. */
void work_fail(struct work *work, size_t *failed, const char *reason);

/* Gives the item another path, size and time. */
int work_place(
    struct work *work, int64_t id, const char *path, int64_t size, int64_t mtime_ns, struct err *err);

/* Does the moves of a plan, in one commit, and counts what does not change. */
int work_moves(struct work *work, const struct plan *plan, struct err *err);

/* Does what scan_plan has found out. */
int work_pictures(struct work *work, struct scan *scan, struct err *err);

/* Makes the texts of the file `path` in the index those of the list: what is new is encoded, what is no
 * longer in it removed. Texts with the words of an unbound one stay: their picture may have another name by
 * now. */
int work_texts(struct work *work, const char *path, const struct text_list *list, struct err *err);

/* Reads captions, makes the texts of their file those that describe pictures of the index, and gives each of
 * these pictures its first caption. */
int work_captions(struct work *work, const char *path, struct err *err);

/* Removes texts that describe pictures the index does not have. Does not commit. */
int work_orphans(struct work *work, struct err *err);

/* Gives pictures the metadata that lines {"path": ..., ...} have for them. */
int work_metadata(struct work *work, const char *path, struct err *err);

#endif
