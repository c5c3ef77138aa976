// SPDX-License-Identifier: Apache-2.0
/*
 * Inside index: words of scripts that set no blanks between them. FTS5's tokenizer makes one word of 東京タワー写真, so that
 * 東京 does not find it; a dictionary would be needed to tell the words in it. So each sign becomes a word, and what people
 * look for a phrase of signs: 東 京 タ ワ ー 写 真.
 *
 * The scripts: Chinese characters and what is written beside them (kana, bopomofo), Thai, Lao, Burmese, Khmer, Yi; and Hangul,
 * whose words have blanks between them but grow at their ends.
 *
 * The text that has signs goes as a whole into a column of its own, `segmented`, in the compatibility form NFKC, so that names
 * which macOS takes apart (NFD) and half-width kana are found too. Where something that is no word parts two
 * signs, a word that nobody types (U+E000, of the private use area) stands between them, and twice between path and caption:
 * 東/京 is not 東京. Marks on signs, Thai vowels above and below among them, are left out, as the tokenizer would break words there.
 */
#ifndef DIPTYCH_INDEX_SEGMENT_H
#define DIPTYCH_INDEX_SEGMENT_H

#include "base/base.h"

#include <sqlite3.h>

/* What FTS5's tokenizer, unicode61, makes words of: letters, digits, and what people assign themselves. */
bool in_words(int32_t code);

/* Whether a text (length) has such signs. What is not UTF-8 in it counts as a blank, here and below. */
bool has_signs(const char *text, size_t length);

/* *out: the text with a blank around each sign, for free(). ERR_MEMORY. */
int segment_text(char **out, const char *text, size_t length, struct err *err);

/* Makes segment(path, caption) known to a connection: what `segmented` has to hold, NULL where there are no signs. */
int segment_register(sqlite3 *db);

#endif
