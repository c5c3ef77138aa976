// SPDX-License-Identifier: Apache-2.0
/* What lies below the paths given, and what an index holds of it: the input of a plan. */
#ifndef DIPTYCH_COLLECTION_SYNC_FILES_H
#define DIPTYCH_COLLECTION_SYNC_FILES_H

#include "index/index.h"
#include "joint/collection/sync_plan.h"
#include "vision/vision.h"

/* Zero-initialise but for the index, the job, to which paths that cannot be read are reported, and gone. */
struct file_list {
    struct index *index;
    const struct job *job;
    struct plan plan;
    bool gone; /* pictures without a file are gone, and so is a root that is not there: nothing is spared */
    const struct strings
        *sources;          /* NULL: the roots are; else the roots are parts of these, and nothing is gone */
    struct strings roots;  /* each once: plan.roots has their numbers */
    struct strings absent; /* roots that are not there */
    struct string_map is_absent;
    struct read_shard *shards; // (shard_count): archives that were read
    size_t shard_count, shard_room;
    struct noted_folder *folders; // (folder_count): with captions or metadata beside pictures
    size_t folder_count, folder_room;
    struct string_map folder_numbers;
    size_t failed;        /* paths that cannot be read */
    size_t failed_before; /* the same, and could not be before */
    size_t skipped;       /* files below folders whose names are not those of pictures */
    size_t file_room, item_room;
    struct arena arena;
};

/* Loads what failed before, to be called first. */
int file_list_recall(struct file_list *files, struct err *err);

/* A message without what names the path: of "unable to read 'a.png': the file is empty" what is behind. */
const char *failure_reason(const char *message, const char *path);

/* Finds the pictures at and below an absolute path, but for those that the index keeps itself. What cannot be read is reported, unless it could not be before,
 * and no failure here. */
int file_list_walk(struct file_list *files, const char *root, struct err *err);

/* Loads the index's pictures, and plans by path, size and time, the moves by content, and what to spare. Reports roots
 * that are not there or whose pictures are missing. Of parts of sources only the pictures at and below them are loaded,
 * and those without a file are missing: whether they are gone shows in the whole. */
int file_list_plan(struct file_list *files, struct err *err);

/* Adds a file; the path is copied. */
int file_list_add(struct file_list *list, const struct plan_file *file, struct err *err);

/* Nothing is said of what lies at or below the failure's path. The problem is reported and the failure kept, unless it could not
 * be read for that reason before; `named`: all hangs of it, and it is reported every time. */
int file_list_fail(struct file_list *list, const struct index_failure *failure, bool named,
    const struct err *problem, struct err *err);

/* What a user has named, with this root in the plan, is not there. */
int file_list_absent(struct file_list *list, const char *path, const char *root, struct err *err);

struct stat;
int64_t stat_mtime(const struct stat *st); /* in nanoseconds */

/* The picture of a file, which it borrows from. */
struct picture_source plan_source(const struct plan_file *file);

/* Fills in the hashes of files (count) that have none; errs (count) where that failed. */
void files_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads);
void file_list_release(struct file_list *files);

#endif
