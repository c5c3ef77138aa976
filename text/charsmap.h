// SPDX-License-Identifier: Apache-2.0
/*
 * charsmap: SentencePiece's rules for characters, "precompiled_charsmap": what a text is to be replaced by where it
 * begins with one of the rules' left sides.
 *
 *   blob    u32 size | trie: size bytes | right sides, each ended by a NUL     (all little-endian)
 *   trie    a double array of u32 units. From a unit at i, whose children begin at i ^ offset, the child of byte b is
 *           at i ^ offset ^ b, if the label there is b; the child of no byte, where has_leaf says so, is a leaf
 *     unit  label = u & 0x800000ff, has_leaf = u & 0x100, offset = (u >> 10) << ((u & 0x200) >> 6)
 *     leaf  u & 0x7fffffff: where its right side begins
 */
#ifndef DIPTYCH_TEXT_CHARSMAP_H
#define DIPTYCH_TEXT_CHARSMAP_H

#include "base/base.h"

struct charsmap {
    uint32_t *units; /* NULL: there are no rules */
    size_t count;
    char *texts; /* behind the units */
    size_t length;
};

/* ERR_FORMAT where a unit leads out of the trie or, by however many others, to itself, or a right side has no end or is
 * not UTF-8. */
int charsmap_init(struct charsmap *map, struct span blob, struct err *err);

/* The same of a blob in base64. */
int charsmap_init_base64(struct charsmap *map, struct span text, struct err *err);
void charsmap_release(struct charsmap *map);

/* Length of the longest, or else of the shortest left side that text, in UTF-8, begins with, and its right side, which is
 * UTF-8 too; 0 where there is none. One that ends inside a character is none. */
size_t charsmap_find(struct span *right, const struct charsmap *map, struct span text, bool longest);

#endif
