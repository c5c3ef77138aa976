// SPDX-License-Identifier: Apache-2.0
/*
 * unicode: characters as the reference tokenizer sees them. Text is UTF-8 that unicode_check has passed, in
 * spans that need no NUL.
 *
 * Tables are utf8proc's. Compared over all of Unicode, version 2.8.0 (Unicode 15) gives every assigned
 * character the class and lower case that tokenizers 0.23.3 gives it. Two rare differences remain. A
 * character newer than the tables is unassigned here, but may be a letter, digit or capital to a newer
 * reference. And the reference does NFC by Unicode 9: it neither reorders the combining marks that came later
 * (108 of 922), nor composes U+11935 U+11930.
 */
#ifndef DIPTYCH_TEXT_UNICODE_H
#define DIPTYCH_TEXT_UNICODE_H

#include "base/base.h"

/* The four sets that CLIP's pattern tells apart: \s, \p{L}, \p{N} and the rest. */
enum char_class { CHAR_SPACE, CHAR_LETTER, CHAR_NUMBER, CHAR_OTHER };

/* Class and width in bytes of the first character of text, which is not empty. */
enum char_class unicode_class(struct span text, size_t *width);

/* ERR_FORMAT with the byte offset where text is not UTF-8. */
int unicode_check(struct span text, struct err *err);

enum { NORMAL_NFC = 1, NORMAL_LOWER = 2 }; /* done in this order */

/* out = text after the steps, in the arena. Time is linear in the length, whatever the text. */
int unicode_normalise(
    struct span *out, struct arena *arena, struct span text, unsigned steps, struct err *err);

#endif
