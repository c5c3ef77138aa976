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

/* The first character of text, which is not empty, and its width in bytes. */
int32_t unicode_read(struct span text, size_t *width);

/* Writes a character, and returns its width: at most 4 bytes. */
size_t unicode_write(char *to, int32_t c);

/* The first letter of the general category: L, M, N, P, S, Z or C. */
char unicode_category(int32_t c);

/* Bytes of the extended grapheme cluster that text, which is not empty, begins with. */
size_t unicode_cluster(struct span text);

bool unicode_is_control(int32_t c);     /* as BERT has it: categories Cc, Cf, Co */
bool unicode_is_punctuation(int32_t c); /* likewise: ASCII's 32, and categories P* */
bool unicode_is_digit(int32_t c);       /* \d in Python: category Nd */

enum { UNICODE_COMPATIBLE_MAX = 4 };

/* NFKC of one ligature, digraph, or halfwidth or fullwidth form: how many characters it is, itself included. */
size_t unicode_compatible(int32_t out[UNICODE_COMPATIBLE_MAX], int32_t c);

/* Python's str.upper of a character that an HTML entity has: ligatures and the sharp s become several. */
size_t unicode_upper(int32_t out[UNICODE_COMPATIBLE_MAX], int32_t c);

/* Done in this order. With FINAL_SIGMA, a capital sigma at the end of a word becomes the final small one, as in
 * Python's str.lower; LOWER alone takes each letter by itself, as Hugging Face's tokenizers do. NO_MARKS leaves
 * nonspacing marks out, before LOWER. */
enum { NORMAL_NFC = 1, NORMAL_LOWER = 2, NORMAL_FINAL_SIGMA = 4, NORMAL_NFD = 8, NORMAL_NO_MARKS = 16 };

/* out = text after the steps, in the arena. Time is linear in the length, whatever the text. */
int unicode_normalise(
    struct span *out, struct arena *arena, struct span text, unsigned steps, struct err *err);

#endif
