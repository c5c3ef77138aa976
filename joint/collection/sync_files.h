// SPDX-License-Identifier: Apache-2.0
/* What lies below the paths given, and what an index holds of it: the input of a plan. */
#ifndef DIPTYCH_COLLECTION_SYNC_FILES_H
#define DIPTYCH_COLLECTION_SYNC_FILES_H

#include "index/index.h"
#include "joint/collection/sync_plan.h"

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

/* Fills in the hashes of files (count) that have none; errs (count) where that failed. */
void files_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads);
void file_list_release(struct file_list *files);

#endif
