// SPDX-License-Identifier: Apache-2.0
/*
 * bpe: byte-pair encoding of one word. It starts as symbols that the caller finds, one a byte or one a character,
 * and while any two neighbours have a merge, merges the pair of lowest rank, the leftmost of equals.
 */
#ifndef DIPTYCH_TEXT_BPE_H
#define DIPTYCH_TEXT_BPE_H

#include "text/unicode.h"

struct bpe_merge {
    int32_t left, right, merged;
    uint32_t rank; /* merges of one rank are made from left to right */
};

struct bpe {
    struct bpe_merge *merges;
    size_t count, room;
    uint32_t *slots; /* open addressing: index + 1 of the merge whose pair hashes here, or 0 */
    unsigned shift;  /* 64 - log2 of the number of slots */
};

/* Room for that many merges in a zeroed struct. */
int bpe_init(struct bpe *bpe, size_t room, struct err *err);
void bpe_release(struct bpe *bpe);

/* A pair that had a merge already has this one from now on, as in the reference. */
void bpe_add(struct bpe *bpe, struct bpe_merge merge);

/* Working memory for words; zero-initialise, it grows in the arena. */
struct bpe_work {
    struct bpe_symbol {
        int32_t id;
        uint32_t previous, next;
    } * symbols;
    uint64_t *heap;
    size_t room;
};

/* Room for a word of that many symbols, whose ids the caller then writes to work->symbols. */
int bpe_reserve(struct bpe_work *work, size_t count, struct arena *arena, struct err *err);

/* Writes the first `room` ids of the word of `count` > 0 symbols in work, and returns how many it has in all. In
 * O(n log n). */
size_t bpe_encode(const struct bpe *bpe, struct bpe_work *work, size_t count, int32_t *ids, size_t room);

#endif
