// SPDX-License-Identifier: Apache-2.0
/* Archives for tests, by libarchive. A kind is what a name ends in: ".tar", ".tar.gz", ".tar.zst", ".tar.xz", ".zip", and
 * "stored.zip", which is not compressed. Names longer than 100 bytes and such as are not ASCII get pax headers in tars. */
#ifndef DIPTYCH_TESTS_SUPPORT_SHARD_WRITER_H
#define DIPTYCH_TESTS_SUPPORT_SHARD_WRITER_H

#include <stddef.h>
#include <time.h>

struct archive;

/* NULL where something fails, said on stderr. */
struct archive *shard_writer_open(const char *path);

/* Non-zero where something fails. */
int shard_writer_add(struct archive *archive, const char *name, const void *bytes, size_t size, time_t mtime);
int shard_writer_link(struct archive *archive, const char *name, const char *target);
int shard_writer_close(struct archive *archive);

#endif
