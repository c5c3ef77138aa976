// SPDX-License-Identifier: Apache-2.0
/*
 * wordpiece: BERT's tokenizer. A text is cleaned, cut into words at white space and around punctuation and Chinese
 * characters, and each word into the longest pieces from its front on, of which those that begin no word are written
 * with "##" before them. A word that does not come out even is one unknown token.
 *
 * The reference's tables of marks and punctuation are of about Unicode 8, ours of 15: over all of Unicode 496 characters
 * are cleaned otherwise and 129 cut otherwise, all of them newer.
 */
#ifndef DIPTYCH_TEXT_WORDPIECE_H
#define DIPTYCH_TEXT_WORDPIECE_H

#include "text/pieces.h"

struct wordpiece {
    struct pieces pieces;
    bool clean;         /* control characters go, white space is blanks */
    bool split_chinese; /* a blank on both sides of a Chinese character */
    bool strip_accents; /* canonical decomposition, without nonspacing marks */
    bool lower;
    int32_t unknown;
    size_t longest; /* characters; a longer word is unknown */
};

#endif
