// SPDX-License-Identifier: Apache-2.0
/* Indexes of formats that there have been: tests/index/formats. Include after cmocka.h. */
#ifndef DIPTYCH_TESTS_KEPT_H
#define DIPTYCH_TESTS_KEPT_H

#include "index/index.h"

/* A copy of the index of a format, by this name among the scratch files; for free(). */
char *kept_copy(int format, const char *name);

/* Fails unless the index has all that they have, read in every way there is but by a search on a device. */
void kept_check(struct index *index);

/* The only row of what a statement says of the catalog at path, as a number, by a connection of its own. */
int64_t kept_number(const char *path, const char *sql);
void kept_run(const char *path, const char *sql);

#endif
