// SPDX-License-Identifier: Apache-2.0
/* Makes zip archives of stored entries in memory, for tests and fuzzers: good ones, which may be spoiled. */
#ifndef DIPTYCH_TESTS_ZIP_WRITER_H
#define DIPTYCH_TESTS_ZIP_WRITER_H

#include "base/base.h"

struct zip_part {
    const char *name;
    struct span data;
};

/* The archive, for free(). */
char *zip_write(size_t *size, const struct zip_part *parts, size_t count);

#endif
