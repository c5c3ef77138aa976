// SPDX-License-Identifier: Apache-2.0
/* What lies below the paths given, and what an index holds of it: the input of a plan. */
#ifndef DIPTYCH_CLI_INDEX_SCAN_H
#define DIPTYCH_CLI_INDEX_SCAN_H

#include "cli/index_plan.h"
#include "cli/progress.h"
#include "index/index.h"

/* Zero-initialise. */
struct scan {
    struct plan plan;
    struct strings roots, unreadable;
    size_t failed;  /* paths that cannot be read: each has had its message */
    size_t skipped; /* files below folders whose names are not those of pictures */
    size_t file_room, item_room;
    struct arena arena;
};

/* The path from the top of the file system, in the arena, with links followed as far as it exists: one file
 * has one path, from wherever it is named. */
const char *path_absolute(struct arena *arena, const char *path, struct err *err);

/* Finds the pictures at and below an absolute path. One that is not there is reported and no failure here. */
int scan_path(struct scan *scan, const char *root, struct err *err);

/* Loads the index's pictures, and plans by path, size and time, and the moves by content. */
int scan_plan(
    struct scan *scan, struct index *index, int threads, struct progress *progress, struct err *err);

/* Fills in the hashes of files (count) that have none; errs (count) where that failed. */
void scan_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads);
void scan_release(struct scan *scan);

#endif
