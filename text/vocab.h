// SPDX-License-Identifier: Apache-2.0
/*
 * vocab: token text -> id, needed only while a tokenizer is loaded. Token text is in GPT-2's byte alphabet,
 * which writes each byte as a printable character, so that vocabularies are plain text.
 */
#ifndef DIPTYCH_TEXT_VOCAB_H
#define DIPTYCH_TEXT_VOCAB_H

#include "text/unicode.h"

#define WORD_END "</w>" /* ends the text of a token that ends a word */

struct vocab {
    struct vocab_entry *slots; /* open addressing by the hash of the text */
    size_t mask;
    uint8_t *taken; /* one bit an id */
    int32_t limit;  /* one more than the largest id */
    struct arena arena;
};

/* Room for that many tokens. */
int vocab_init(struct vocab *vocab, size_t room, struct err *err);
void vocab_release(struct vocab *vocab);

/* The text is borrowed. A text or an id that is there already, or an absurd id, is ERR_FORMAT. */
int vocab_add(struct vocab *vocab, struct span text, int64_t id, struct err *err);

/* The id of the token whose text is a followed by b, or -1. */
int32_t vocab_find(const struct vocab *vocab, struct span a, struct span b);

/* One byte as the vocabulary writes it. */
struct byte_symbol {
    unsigned char byte;
    char text[2]; /* UTF-8 */
    unsigned char length;
};

/* All 256, in the order of OpenAI's vocabulary: first the bytes that stand for themselves. */
void vocab_alphabet(struct byte_symbol symbols[256]);

#endif
