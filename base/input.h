// SPDX-License-Identifier: Apache-2.0
/* What reading files and reading input share, private to base. */
#ifndef DIPTYCH_BASE_INPUT_H
#define DIPTYCH_BASE_INPUT_H

#include "base/base.h"

#include <sys/stat.h>

/* Opens a file for reading and writes its size and time. ERR_IO, for folders, devices and pipes too, which a read would hang or
 * fail on later. */
int open_regular(int *out, struct stat *st, const char *path, struct err *err);

/* All that comes from an open file or pipe, which is closed, whatever happens: see file_read. `size` is that of the file
 * on the disk, 0 where it is not known. */
int descriptor_read(
    char **out, size_t *read, int fd, const char *name, size_t size, size_t limit, struct err *err);

/* ERR_FORMAT, and bytes freed, where they are no text; else their byte order mark is taken away. */
int text_check(char **bytes, size_t *size, const char *name, struct err *err);

#endif
