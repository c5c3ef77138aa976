// SPDX-License-Identifier: Apache-2.0
/* Inside index: what people type to find words, as a query of FTS5 (https://sqlite.org/fts5.html, section 3). */
#ifndef DIPTYCH_INDEX_MATCH_H
#define DIPTYCH_INDEX_MATCH_H

#include "base/base.h"

/* *out goes back through free(). ERR_ARGUMENT where no word is left, or it is not UTF-8; ERR_MEMORY. */
int match_words(char **out, const char *words, struct err *err);

#endif
