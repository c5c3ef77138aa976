// SPDX-License-Identifier: Apache-2.0
/* Members of archives at their places, private to base. */
#ifndef DIPTYCH_BASE_SHARD_MEMBER_H
#define DIPTYCH_BASE_SHARD_MEMBER_H

#include "base/shard.h"

/* A copy of the bytes and a NUL, for free(). */
int bytes_copy(char **out, size_t *size, struct span bytes, struct err *err);

/* The bytes of a member that has an offset, for free(). Errors are shard_stream_read's, and messages do not name it. */
int member_read_at(
    char **out, size_t *size, const char *path, const struct member *member, size_t limit, struct err *err);

/* Whether bytes are those of which the member of a zip that lies from `at` to `end` says the checksum; true of what says none. */
bool zip_says(struct span bytes, int fd, int64_t at, int64_t end);

#endif
