// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute/weights: the entries of a zip archive in memory, found by its central directory.
 *
 *     [local header, name, extra][data] ... [local header, name, extra][data]
 *     [central directory: a header, name, extra, comment an entry]
 *     [ZIP64's end record and its locator, where 32 bits do not do][end record, comment]
 *
 * PyTorch leaves sizes out of local headers, so the directory is what counts; all of a local header that matters
 * is how long it is, and that it has the same name. Checksums are not looked at: they would make every weight be
 * read at open, and torch.serialization.set_crc32_options(False) writes wrong ones.
 * Facts: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
 */
#ifndef DIPTYCH_COMPUTE_ZIP_H
#define DIPTYCH_COMPUTE_ZIP_H

#include "base/base.h"

struct zip_entry {
    struct span name, data; /* in the archive; data as stored, maybe deflated */
    size_t size;            /* of the data, inflated */
    unsigned method, flags;
};

struct zip {
    struct zip_entry *entries; // (count), sorted by name
    size_t count;
};

/* Whether bytes begin as an archive with entries does. */
bool zip_begins(struct span bytes);

/* Every entry lies inside the archive, in front of the directory, and none has a part of another or the name of
 * another. ERR_FORMAT where it is otherwise, ERR_UNSUPPORTED for one in several files, ERR_MEMORY. After an error
 * *out is empty. */
int zip_open(struct zip *out, struct span bytes, struct err *err);
void zip_release(struct zip *zip);

const struct zip_entry *zip_find(const struct zip *zip, const char *name); /* NULL: not there */

/* The data of an entry: in the archive where it is stored, inflated into the arena where it is deflated.
 * ERR_UNSUPPORTED for an entry that is encrypted or compressed otherwise, ERR_FORMAT for one that is damaged,
 * ERR_MEMORY. Messages name the entry. */
int zip_read(struct span *out, struct arena *arena, const struct zip_entry *entry, struct err *err);

#endif
