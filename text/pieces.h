// SPDX-License-Identifier: Apache-2.0
/*
 * pieces: the vocabulary of a tokenizer that looks texts up while it encodes: id -> text, score and type, and text ->
 * id. Put all, index once, then find; the texts are copied, so that the file they are from may go.
 */
#ifndef DIPTYCH_TEXT_PIECES_H
#define DIPTYCH_TEXT_PIECES_H

#include "base/base.h"

/* SentencePiece's numbers. A tokenizer.json and a vocab.txt know no types: all of theirs are normal. */
enum piece_type {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN,
    PIECE_CONTROL, /* an id that no text gives */
    PIECE_USER,    /* found as a whole, before all others */
    PIECE_UNUSED,
    PIECE_BYTE, /* "<0x41>": a byte of a character that has no piece */
};

struct pieces {
    struct piece {
        double score;
        uint32_t offset, length; /* of its text in texts; 0: no piece has this id */
        uint8_t type;            /* enum piece_type */
    } * items;                   /* by id */
    size_t count, room;
    char *texts;
    size_t used, texts_room;
    struct piece_slot *slots; /* open addressing by the hash of the text */
    size_t mask;
    size_t longest; /* text, in bytes */
};

/* ERR_FORMAT for an id that is taken or absurd, a text that is empty or not UTF-8, a type that there is not, a score
 * that is not a number; ERR_LIMIT, ERR_MEMORY. */
int pieces_put(
    struct pieces *pieces, int64_t id, struct span text, double score, int64_t type, struct err *err);

/* pieces_json.c: puts those of "vocab" in a tokenizer.json: [[text, score], ...] or {text: id, ...}. ERR_FORMAT with the
 * byte offset in the list. */
int pieces_read_json(struct pieces *pieces, struct span list, struct err *err);

/* After the last: ERR_FORMAT where two have the same text. */
int pieces_index(struct pieces *pieces, struct err *err);
void pieces_release(struct pieces *pieces);

struct span pieces_text(const struct pieces *pieces, int32_t id);

/* The id of the text that is a followed by b, or -1. */
int32_t pieces_find(const struct pieces *pieces, struct span a, struct span b);

/* The same of a text whose hash is at hand: that of its first bytes is continued by that of the next. */
#define PIECES_HASH_SEED UINT64_C(0xcbf29ce484222325)
uint64_t pieces_hash(uint64_t seed, struct span text); /* FNV-1a */
int32_t pieces_find_hashed(const struct pieces *pieces, struct span text, uint64_t hash);

/* Whether text is a followed by b. */
bool pieces_joined(struct span text, struct span a, struct span b);

/* The ids of "<0x00>" to "<0xFF>", each -1 where there is none. */
void pieces_bytes(int32_t ids[256], const struct pieces *pieces);

#endif
