// SPDX-License-Identifier: Apache-2.0
/*
 * Inside labelled_pictures_read: what the readers of folders, CSV and archives have in common.
 *
 *   labelled.c          begins a reader, and makes the result of what it has noted
 *   labelled_place.c    which reader, and of what
 *   labelled_classes.c  from classes as the files call them to labels
 *   labelled_folders.c, labelled_csv.c, labelled_shards.c    the readers
 *
 * captioned_shards.c finds its archives by labelled_place.c, too.
 *
 * A reader notes the names of classes (labelling_class), lists pictures in out->list and notes what they show
 * (labelling_mention). When it knows all names it asks for their labels (labelling_match); folders do so before they are
 * walked.
 */
#ifndef DIPTYCH_JOINT_EVALUATION_LABELLED_H
#define DIPTYCH_JOINT_EVALUATION_LABELLED_H

#include "joint/evaluation/evaluation.h"
#include "joint/internal.h"

/* Things of one kind that are missing: so many, and the first few by name. Zero-initialise. */
struct missing_names {
    size_t count;
    char list[256]; /* quoted, with commas between */
};
void missing_add(struct missing_names *missing, const char *name);

struct label_mention {
    size_t picture, class;
};

struct labelling {
    struct labelled_pictures *out;
    const struct labelled_options *options;
    const struct job *job;
    bool folders;           /* classes are folders */
    const char *class_file; /* classnames.txt, that out->labels are from; NULL: they are from no file */

    struct strings classes;     /* as the files call them, each once */
    struct string_map class_of; /* their rows in classes */
    size_t *rows;               // (classes.count): of the labels; CLASS_UNKNOWN for none
    bool *used;                 // (out->labels.count): some class has that label

    struct label_mention *mentions; // (mention_count)
    size_t mention_count, mention_room;
};

#define CLASS_UNKNOWN SIZE_MAX      /* of a class: it is no label */
#define CLASS_UNSAID (SIZE_MAX - 1) /* of a picture: nothing says what it shows, and it is left out */

/* *class: the class of that name, which is added unless it is there. */
int labelling_class(
    size_t *class, struct labelling *labelling, const char *name, size_t length, struct err *err);

/* The picture, in out->list, shows the class, or is CLASS_UNSAID. */
int labelling_mention(struct labelling *labelling, size_t picture, size_t class, struct err *err);

/* Something is left out: a line for people, or ERR_NOT_FOUND with it where that is not allowed. */
int labelling_leave_out(struct labelling *labelling, struct err *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same where it is always allowed: a line of left_out. */
int labelling_note(struct strings *left_out, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);

/* Finds the label of each class, and sets out->labels where they are not the data set's own. */
int labelling_match(struct labelling *labelling, struct err *err);

/* The place of a part's name in test, testing, val ..., of which the first is the one to measure with;
 * DATA_SET_NO_PART: it is none. */
#define DATA_SET_NO_PART SIZE_MAX
size_t data_set_part(const char *name);

/* Whether that place is of the part that is wanted, of which each is with DATA_PART_MEASURED. */
bool data_set_part_is(size_t place, enum data_part wanted);

/* There are parts, or none, and not the one that is wanted: ERR_NOT_FOUND. */
int data_set_part_missing(
    struct labelled_pictures *out, const char *name, enum data_part wanted, struct err *err);

/* ---- what there is to read ----------------------------------------------------------------------------- */

struct labelled_place {
    const struct excludes *excludes; /* to be set: see labelled_options */
    bool only_shards;                /* to be set: nothing but archives will do */
    struct arena *arena;             /* to be set: what path may lie in */
    struct strings *left_out;        /* to be set: gets the other parts of a data set */
    enum data_part part;             /* to be set: which part */

    enum labelled_kind kind;
    const char *path;  /* of the folder or the CSV, or of the first archive */
    bool in_parts;     /* path is a part of what was named */
    bool part_missing; /* there are parts, and none is the one that is wanted */
    struct strings shards;
};

/* ERR_IO; ERR_ARGUMENT: there is nothing of the kind; ERR_FORMAT: of nshards.txt. Release it also after an error. */
int labelled_place_find(
    struct labelled_place *place, const char *const *paths, size_t count, struct err *err);
void labelled_place_release(struct labelled_place *place);

/* *out, in the arena: CLIP_benchmark's file of that name beside the archive or above; NULL: there is none. */
int beside_shard_find(
    const char **out, struct arena *arena, const char *archive, const char *name, struct err *err);

/* *type, in the arena: what the data set is for, as dataset_type.txt, at *path, has it, in lower case. NULL: there is no such
 * file. */
int data_set_type_read(
    const char **type, const char **path, struct arena *arena, const char *archive, struct err *err);

/* Adds the names of the folders right below one, in byte order; hidden and excluded ones do not count. ERR_IO. */
int subfolders_list(
    struct strings *names, const char *directory, const struct excludes *excludes, struct err *err);

/* ---- the readers --------------------------------------------------------------------------------------- */

int labelled_folders_read(struct labelling *labelling, const char *directory, struct err *err);
int labelled_csv_read(struct labelling *labelling, const char *path, struct err *err);
int labelled_shards_read(struct labelling *labelling, const struct strings *paths, struct err *err);

#endif
