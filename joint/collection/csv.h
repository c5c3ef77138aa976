// SPDX-License-Identifier: Apache-2.0
/* Comma-separated values, as RFC 4180 has them. */
#ifndef DIPTYCH_COLLECTION_CSV_H
#define DIPTYCH_COLLECTION_CSV_H

#include "base/base.h"

struct csv {
    const char *at, *end; /* what is left of the text */
    size_t line;          /* that `at` stands in, from 1 */
    char *field;          /* room for the longest there can be */
};

int csv_init(struct csv *out, const char *bytes, size_t size, struct err *err);
void csv_release(struct csv *csv);

/* Adds the fields of the next record; none where the text is at its end. A line end of any kind ends a
 * record. ERR_FORMAT with the line where a quote is not closed or has something behind it. */
int csv_record(struct strings *fields, struct csv *csv, struct err *err);

#endif
