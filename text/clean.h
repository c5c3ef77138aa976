// SPDX-License-Identifier: Apache-2.0
/*
 * clean: what open_clip does to a text before it is cut into words; text.h says what is left out.
 *
 *   basic_clean     ftfy.fix_text, then html.unescape twice
 *   canonicalize    besides, '_' to a blank, and no ASCII punctuation
 *
 * ftfy runs its fixes on a line over and over until none changes it, so that "&amp;amp;lt;" is one '<' to it. But
 * for terminal escapes they touch one character or one reference each and cannot overlap, so that here a
 * character that ends a reference is replaced at once and read again: one pass, linear in the length.
 *
 * White space, as Python's str.split knows it, is joined to one blank and taken off the ends, as open_clip does.
 */
#ifndef DIPTYCH_TEXT_CLEAN_H
#define DIPTYCH_TEXT_CLEAN_H

#include "text/text.h"
#include "text/unicode.h"

/* out = text, cleaned, in the arena; or text itself where nothing needs to change. */
int text_clean(
    struct span *out, struct arena *arena, struct span text, enum text_cleaning cleaning, struct err *err);

/* What transformers' SiglipTokenizer does to a text: lower case as Python's str.lower where `lower` is, ASCII
 * punctuation deleted, '_' included, white space joined to one blank and taken off the ends. */
int text_canonicalise(struct span *out, struct arena *arena, struct span text, bool lower, struct err *err);

#endif
