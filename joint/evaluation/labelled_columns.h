// SPDX-License-Identifier: Apache-2.0
/* The columns of a CSV of pictures and labels, by their header: joint/labelled_csv.c says what there can be. */
#ifndef DIPTYCH_JOINT_EVALUATION_LABELLED_COLUMNS_H
#define DIPTYCH_JOINT_EVALUATION_LABELLED_COLUMNS_H

#include "joint/evaluation/labelled.h"

#define NO_COLUMN SIZE_MAX

struct columns {
    struct strings header; // (count), or none where the file has no header
    size_t count;
    size_t path;
    size_t label;  /* NO_COLUMN: each of the others is a label, with 0 or 1 */
    size_t part;   /* NO_COLUMN: there is none */
    bool validity; /* the part is fastai's is_valid */
    bool plural;   /* the labels' column is called as one of several labels */
};

/* Goes past the header, if there is one. ERR_FORMAT: the first line is neither a header nor path,label. */
int columns_read(struct columns *out, struct csv *csv, const char *name, struct err *err);
void columns_release(struct columns *columns);

/* Whether the column is a label. */
bool columns_flag(const struct columns *columns, size_t i);

/* 0 or 1, however people write it; false: it is neither. */
bool columns_flag_read(bool *out, const char *field);

/* Which part of the data set a record is of. */
const char *columns_part(const struct columns *columns, const struct strings *fields);

#endif
