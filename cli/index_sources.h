// SPDX-License-Identifier: Apache-2.0
/* What an index is made from: folders and files by kind. */
#ifndef DIPTYCH_CLI_INDEX_SOURCES_H
#define DIPTYCH_CLI_INDEX_SOURCES_H

#include "index/index.h"

enum source_kind { SOURCE_PICTURES, SOURCE_TEXTS, SOURCE_CAPTIONS, SOURCE_METADATA, SOURCE_KINDS };
extern const char *const source_names[SOURCE_KINDS]; /* as index_source_add takes them */

/* Zero-initialise. */
struct sources {
    struct strings paths[SOURCE_KINDS]; /* absolute */
};

bool sources_any(const struct sources *sources);

/* What the index remembers, added; and the sources, remembered and committed. */
int sources_recall(struct sources *sources, struct index *index, struct err *err);
int sources_remember(const struct sources *sources, struct index *index, struct err *err);

/* Looks whether the files can be read: ERR_IO, or, of those that are only remembered, a message, one more in
 * *failed, and one source fewer. Folders are for the walk to look at. */
int sources_check(struct sources *sources, bool remembered, size_t *failed, struct err *err);
void sources_release(struct sources *sources);

#endif
