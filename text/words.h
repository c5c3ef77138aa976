// SPDX-License-Identifier: Apache-2.0
/* words: CLIP's pattern, which cuts normalised text into the words that BPE encodes one by one. */
#ifndef DIPTYCH_TEXT_WORDS_H
#define DIPTYCH_TEXT_WORDS_H

#include "text/unicode.h"

#define START_TEXT "<|startoftext|>"
#define END_TEXT "<|endoftext|>"
#define OPEN_CLIP_START_TEXT "<start_of_text>"
#define OPEN_CLIP_END_TEXT "<end_of_text>"

struct words {
    struct span rest; /* the text, at first */
    size_t special;   /* bytes left of a special that the pattern caught; 0 at first */

    /* The pattern as open_clip has it, for the regex module of Python: it begins with open_clip's own specials,
     * which it gives as words, and ignores case. So the long s is an s in "'s" and in a special, and U+0345 is
     * nothing at all, since the case it folds to is a letter and it is none. */
    bool open_clip;
};

/* Takes the next word off the front of words->rest; false at the end. */
bool words_next(struct span *word, struct words *words);

#endif
