// SPDX-License-Identifier: Apache-2.0
/* words: CLIP's pattern, which cuts normalised text into the words that BPE encodes one by one. */
#ifndef DIPTYCH_TEXT_WORDS_H
#define DIPTYCH_TEXT_WORDS_H

#include "text/unicode.h"

#define START_TEXT "<|startoftext|>"
#define END_TEXT "<|endoftext|>"

struct words {
    struct span rest;   /* the text, at first */
    bool cuts_specials; /* the pattern begins with START_TEXT|END_TEXT, as it does in some tokenizers */
    size_t special;     /* bytes left of such a special; 0 at first */
};

/* Takes the next word off the front of words->rest; false at the end. */
bool words_next(struct span *word, struct words *words);

#endif
