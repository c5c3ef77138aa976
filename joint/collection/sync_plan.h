// SPDX-License-Identifier: Apache-2.0
/*
 * What it takes to bring the pictures of an index up to date with files: which are new, changed, moved, gone.
 *
 *   plan_match      by path, size and time of change; what failed before and did not change is left out
 *   plan_wants_hash then says whose content could be that of an item whose own path no longer has it; the
 *                   caller fills in their hashes
 *   plan_moves      finds the moves among those
 *   plan_spare      and what is gone with so much else that it may come back: a drive that is not mounted
 *
 * The files are all pictures below the roots, the items all pictures of the index; strings are borrowed.
 */
#ifndef DIPTYCH_COLLECTION_SYNC_PLAN_H
#define DIPTYCH_COLLECTION_SYNC_PLAN_H

#include "base/shard.h"

enum plan_action {
    PLAN_UNCHANGED, /* the item of this path has the same size and time */
    PLAN_TOUCHED,   /* ... has the same content: only the time is another */
    PLAN_MOVED,     /* `item` has the content, and its own path no longer */
    PLAN_NEW,       /* no item of this path; its vector is to be copied from one of like content, or made */
    PLAN_CHANGED,   /* the same, and an item of this path to be replaced */
    PLAN_FAILED,    /* could not be read before, and is as it was then */
};

enum plan_state {
    PLAN_KEPT,     /* its path has its content, or is none of the roots' business, or cannot be read */
    PLAN_OUTDATED, /* its path has other content */
    PLAN_GONE,     /* its path is no more */
    PLAN_TAKEN,    /* it moves */
    PLAN_MISSING,  /* its path is no more, and it stays */
    PLAN_EXCLUDED, /* its path is left out of its source */
};

struct capture;
struct plan_item {
    int64_t id, size, mtime_ns, offset;
    const char *path, *hash;
    enum plan_state state;
    bool vacates; /* it moves, and its old path has other content now */
};

/* A file that could not be read before. */
struct plan_failure {
    const char *path, *why;
    int64_t size, mtime_ns;
    bool again; /* it is tried all the same */
    enum {
        FAILURE_GONE,   /* the file is no more, or changed, or has an item */
        FAILURE_STANDS, /* nothing is known of it but that */
        FAILURE_TRIED,  /* unless it fails once more, it is gone */
    } state;
};

/* A file that was no picture before, or that another one stood for. */
struct plan_passed {
    const char *path, *picture; /* picture: that one; NULL: none */
    int64_t size, mtime_ns;
    int kind; /* enum file_kind */
    bool
        stands; /* it is as it was, or nothing is known of it; else it is no more, or changed, or a picture */
};

/* A picture in an archive that was read has the place in it, and is compared by content: times in archives say little. One in
 * an archive that did not change is as its item is. */
struct plan_file {
    const char *path;
    int64_t size, mtime_ns;
    bool named;          /* it is a root, and a picture whatever is in it */
    bool noted;          /* what may say something of it came, or changed */
    int kind;            /* enum file_kind */
    const char *picture; /* another that stands for it; NULL: none */
    struct member member;
    struct shard_stream *stream; /* of the archive that was read; NULL: none was */
    char hash[HASH_SIZE];        /* empty: not known */
    uint8_t *bytes;              // (byte_count): what was read for it, where it is kept; else NULL
    size_t byte_count;

    /* Of a picture in such an archive, from when its hash was taken on. */
    const struct capture *capture; /* what it says; NULL: nothing */
    struct {
        bool taken, camera, lens, place;
    } says; /* these, so that no other file need */

    enum plan_action action;
    struct plan_item *item;       /* of this path; of PLAN_MOVED the one that moves; NULL: none */
    struct plan_failure *failure; /* with this size and time; NULL: none */
};

/* What a root has lost. */
struct plan_loss {
    size_t files, items,
        missing; /* pictures that it has, that the index had of it, and those without a file */
    bool spared; /* so much that these stay */
};

struct plan {
    struct plan_file *files; // (file_count); plan_match sorts both by path and drops what is there twice
    struct plan_item *items; // (item_count)
    struct plan_failure *failures; // (failure_count), in order of path
    struct plan_passed *passed;    // (passed_count), in order of path
    struct plan_file *others;      // (other_count): files that do not go in, and were not known as such
    size_t file_count, item_count, failure_count, passed_count, other_count;
    bool retry;                   /* failures count for nothing */
    struct string_map roots;      /* by path, in their order: a list of pictures has a root a line */
    struct string_map unreadable; /* paths: nothing is said of what lies at or below them */
    int64_t *sizes;               // (size_count) of the items that may have moved, sorted
    size_t size_count;
    struct plan_loss *losses; // (roots.count), of plan_spare
};

int plan_match(struct plan *plan, struct err *err);

/* The files in order of path, each once. */
void plan_sort_files(struct plan *plan);

/* Whether what lies at a path is known by now: below a root, and nothing above it unreadable. */
bool plan_is_looked_at(const struct plan *plan, const char *path);
bool plan_wants_hash(const struct plan *plan, const struct plan_file *file);
int plan_moves(struct plan *plan, struct err *err);

/* A root without any picture left, or one that has lost more than half of its items and at least 50, is a loss: its
 * items that are gone become PLAN_MISSING. */
int plan_spare(struct plan *plan, struct err *err);

/* All items that are gone become PLAN_MISSING. */
void plan_miss(struct plan *plan);

/* Failures below these roots, which are not there, stand. */
void plan_spare_failures(struct plan *plan, const struct string_map *absent);
void plan_release(struct plan *plan); /* files, items, failures and the rest too, by free() */

#endif
