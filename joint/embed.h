// SPDX-License-Identifier: Apache-2.0
/* Inside joint: where the rows of embed_write_pictures and embed_write_texts go. */
#ifndef DIPTYCH_JOINT_EMBED_H
#define DIPTYCH_JOINT_EMBED_H

#include "joint/joint.h"

/* ---- what was done ------------------------------------------------------------------------------------- */

/* The folder of a file that is not whole:
 *
 *     OUT.part/state.json   what the run is, how many rows there are, and how long the files were then
 *     OUT.part/rows.npy     will be OUT; not with EMBED_JSONL
 *     OUT.part/rows.jsonl   will be the file beside it, or OUT
 *
 * Files are on the disk before the state that tells of them; what is in them behind that is cut off when a run goes on.
 * Whoever writes has a lock on the folder. */
enum { EMBED_FILES = 2 };
struct embed_part {
    struct arena arena;
    const char *folder, *state;
    struct embed_file {
        const char *path, *final;
        FILE *stream;
    } files[EMBED_FILES];
    size_t file_count;
    int lock; /* of the folder; -1: none */
    struct json_t *run;
    struct embed_counts counts; /* of the rows so far */
    size_t total, batch_end;    /* inputs; rows at the end of the last batch, where a run can go on */
    bool open;
    double committed, commit_time;
};

/* Opens the folder, or makes it; counts are of the rows that are there. `run`, of which the part takes hold, has all that
 * the rows depend on. */
int embed_part_open(struct embed_part *part, const struct embed_options *options, struct json_t *run,
    size_t total, struct err *err);

/* For the end of a batch: keeps the rows so far, so often that it takes a twentieth of the time, at least every 2 s. */
int embed_part_commit(struct embed_part *part, struct err *err);

/* All rows are there: the files take their places. */
int embed_part_finish(struct embed_part *part, struct err *err);

/* Ends it; what there is stays for a later run, if there is anything. */
void embed_part_close(struct embed_part *part);

/* ---- rows ---------------------------------------------------------------------------------------------- */

struct embed_row {
    const char *key, *name;      /* "path" or "text", and what it is */
    const float *embedding;      // (E); NULL: it failed
    const char *error, *warning; /* NULL: none */
    bool outside;                /* encoder_outside's word on a picture */
};

struct embed_sink {
    FILE *vectors, *lines; /* either may be NULL */
    bool embeddings;       /* are in the lines */
    bool half;
    size_t width;  /* E */
    float *no_row; // (E): NaN
};

int embed_put(const struct embed_sink *sink, const struct embed_row *row, struct err *err);

#endif
