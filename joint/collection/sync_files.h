// SPDX-License-Identifier: Apache-2.0
/* What lies below the paths given, and what an index holds of it: the input of a plan. */
#ifndef DIPTYCH_COLLECTION_SYNC_FILES_H
#define DIPTYCH_COLLECTION_SYNC_FILES_H

#include "index/index.h"
#include "joint/collection/rules.h"
#include "joint/collection/sync_plan.h"
#include "joint/joint.h"

/* What of a root goes in: by rules that are for paths below top, the source that it is part of, or itself. */
struct scope {
    struct folder_rules rules;
    const char *top;
};

/* An archive that waits to be known as one of a shard's. */
struct waiting_shard {
    const char *path, *place, *rules_text;
    const char *key; /* where it comes among the files: its pictures' paths begin so */
    size_t scope;    /* number of its scope */
};

/* Zero-initialise but for the index, the job, to which paths that cannot be read are reported, and gone. */
struct file_list {
    struct index *index;
    const struct job *job;
    struct plan plan;
    bool gone; /* pictures without a file are gone, and so is a root that is not there: nothing is spared */
    const struct strings
        *sources;         /* NULL: the roots are; else the roots are parts of these, and nothing is gone */
    bool noted;           /* of files that are walked now: see struct plan_file */
    struct strings roots; /* each once: plan.roots has their numbers */
    struct scope *scopes; // (scope_count): of each root
    size_t scope_count, scope_room;
    struct strings absent; /* roots that are not there */
    struct string_map is_absent;
    struct read_shard *shards; // (shard_count): archives that were read
    size_t shard_count, shard_room;
    size_t note_bytes;             /* of what these keep */
    bool shared;                   /* archives wait until the list is cut: sync_share.h */
    struct waiting_shard *waiting; // (waiting_count)
    size_t waiting_count, waiting_room;
    struct noted_folder *folders; // (folder_count): with captions or metadata beside pictures
    size_t folder_count, folder_room;
    struct string_map folder_numbers;
    size_t failed;             /* paths that cannot be read */
    size_t failed_before;      /* the same, and could not be before */
    struct passed_over passed; /* files below folders that are no pictures */
    size_t partners;           /* pictures that another one stands for */
    size_t file_room, item_room, other_room;
    struct arena arena;
};

/* Loads what failed before, and what was passed over, to be called first. */
int file_list_recall(struct file_list *files, struct err *err);
int file_list_recall_passed(struct file_list *files, struct err *err);

/* A message without what names the path: of "unable to read 'a.png': the file is empty" what is behind. */
const char *failure_reason(const char *message, const char *path);

/* Finds the files at and below an absolute path, but for those that the index keeps itself. What cannot be read is reported, unless it could not be before,
 * and no failure here. top: the path itself, or the source that it lies below; rules: folder_rules_text's, of that. */
int file_list_walk(
    struct file_list *files, const char *root, const char *top, const char *rules, struct err *err);

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
/* The step of it that takes files that are no pictures, and partners of others, out of the plan: plan.others are those to be
 * remembered. */
int file_list_sort_out(struct file_list *files, struct err *err);

/* What that is made of: partners are taken out, a file is added to plan.others, what is known of a path is looked up. */
int file_list_pair(struct file_list *files, struct err *err);
int file_list_pass(struct file_list *files, const struct plan_file *file, struct err *err);
struct plan_passed *passed_find(const struct plan *plan, const char *path);

/* Whether two paths are of one picture where pairs are one, and whether a path may be of one with another. */
bool pairs_are_one(const char *a, const char *b);
bool pairs_may_have(const char *path);

/* Fills in the hashes of files (count) that have none; errs (count) where that failed. Pictures in archives are asked meanwhile when,
 * where and with what they were taken: their captures go to the arena. Their bytes, which may have been inflated, are kept for
 * free() until *room of them, from which they are taken, are used up; NULL: none are. ERR_MEMORY. */
int files_hash(struct plan_file *const *files, struct err *errs, size_t count, int threads,
    struct arena *arena, size_t *room, struct err *err);

/* Gives the file what it says, in the arena. ERR_MEMORY. */
int plan_file_say(
    struct plan_file *file, const struct capture *capture, struct arena *arena, struct err *err);
void file_list_release(struct file_list *files);

#endif
