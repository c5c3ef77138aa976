// SPDX-License-Identifier: Apache-2.0
/* Files that tests of text read. All of it fails the running test where it cannot do its work. */
#ifndef DIPTYCH_TESTS_TEXT_FILES_H
#define DIPTYCH_TESTS_TEXT_FILES_H

#include "text/unicode.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/"

/* A whole file, inflated; free it. */
struct span must_read(const char *path);

/* Cuts the next piece that ends in `end`, or in the end of the text, off the front; false at the end. */
bool cut(struct span *piece, struct span *rest, char end);

#endif
