// SPDX-License-Identifier: Apache-2.0
/*
 * bpe: byte-pair encoding of one word. It starts as one symbol a byte and, while any two neighbours have a
 * merge, merges the pair of lowest rank, the leftmost of equals.
 */
#ifndef DIPTYCH_TEXT_BPE_H
#define DIPTYCH_TEXT_BPE_H

#include "text/unicode.h"

struct bpe_merge {
    int32_t left, right, merged;
};

struct bpe {
    int32_t byte_ids[256], last_ids[256]; /* the symbol of each byte, and of each as the last of a word */
    struct bpe_merge *merges;             /* by rank */
    size_t count, room;
    uint32_t *slots; /* open addressing: rank + 1 of the pair that hashes here, or 0 */
    unsigned shift;  /* 64 - log2 of the number of slots */
};

/* Room for that many merges in a zeroed struct; the symbols are the caller's to fill in, before or after. */
int bpe_init(struct bpe *bpe, size_t room, struct err *err);
void bpe_release(struct bpe *bpe);

/* The next rank. A pair that had one already moves to this one, as in the reference. */
void bpe_add(struct bpe *bpe, struct bpe_merge merge);

/* Working memory for words; zero-initialise, it grows in the arena. */
struct bpe_work {
    struct bpe_symbol *symbols;
    uint64_t *heap;
    size_t room;
};

/* Writes the first `room` ids of a word, and to *count how many it has in all. In O(n log n) of its bytes. */
int bpe_encode(const struct bpe *bpe, struct span word, int32_t *ids, size_t room, size_t *count,
    struct bpe_work *work, struct arena *arena, struct err *err);

#endif
