// SPDX-License-Identifier: Apache-2.0
/*
 * Viterbi over the pieces of a unigram model. From the front on, best[i] is the best way to cut the first i bytes:
 * its score, and where its last piece begins. It is EncodeOptimized of SentencePiece's unigram_model.cc, and of model.rs
 * of the tokenizers library, which differ in what sums are rounded to. Of ways with equal scores the first that was
 * found stays: its last piece is the longest.
 */
#include "text/subword.h"
#include "text/unicode.h"

struct best {
    double score;
    uint32_t begin; /* of the last piece; NOWHERE: nothing ends here */
    int32_t id;
};

enum { WORK_FLOOR = 256 };
#define NOWHERE UINT32_MAX

static int reserve(struct unigram_work *work, size_t length, struct arena *arena, struct err *err)
{
    size_t room = length < WORK_FLOOR ? WORK_FLOOR : length, bytes;
    if (length <= work->room)
        return 0;
    if (room < 2 * work->room) /* the arena keeps what is outgrown */
        room = 2 * work->room;
    if (room >= NOWHERE || !size_mul(&bytes, room + 1, sizeof *work->best))
        return err_set(err, ERR_LIMIT, "word of %zu bytes is too long to encode", length);
    work->best = arena_alloc(arena, bytes);
    work->ids = arena_alloc(arena, room * sizeof *work->ids);
    work->room = room;
    return work->best && work->ids ? 0 : err_memory(err, bytes);
}

static void improve(struct best *best, double score, size_t begin, int32_t id, bool single)
{
    if (single)
        score = (double)(float)score;
    if (best->begin == NOWHERE || score > best->score)
        *best = (struct best){score, (uint32_t)begin, id};
}

static bool can_match(const struct piece *piece)
{
    return piece->type == PIECE_NORMAL || piece->type == PIECE_USER;
}

/* All pieces that begin at a character, and the character itself where it is none. */
static void look_from(const struct subword *subword, struct best *best, struct span word, size_t begin)
{
    const struct pieces *pieces = &subword->pieces;
    const double before = best[begin].score;
    size_t end = begin, width, first = 0;
    bool known = false;
    for (uint64_t hash = PIECES_HASH_SEED; end < word.length && end - begin < pieces->longest;) {
        unicode_read(span_from(word, end), &width);
        hash = pieces_hash(hash, (struct span){word.data + end, width});
        end += width;
        const int32_t id = pieces_find_hashed(pieces, (struct span){word.data + begin, end - begin}, hash);
        first = first ? first : width;
        if (id < 0 || !can_match(&pieces->items[id]))
            continue;
        improve(&best[end], pieces->items[id].score + before, begin, id, subword->single);
        known = known || end - begin == first;
    }
    if (known)
        return;
    unicode_read(span_from(word, begin), &width);
    improve(&best[begin + width], subword->unknown_score + before, begin, subword->unknown, subword->single);
}

/* Writes the ids of a piece before `at`, where those of the text behind it begin, and returns where they all begin. */
static int32_t *put_before(
    int32_t *at, bool *was_unknown, const struct subword *subword, struct span piece, int32_t id)
{
    const bool unknown = id == subword->unknown, fused = unknown && *was_unknown && subword->fuse_unknown;
    *was_unknown = unknown;
    if (unknown && subword->byte_fallback)
        for (size_t i = piece.length; i-- > 0;)
            *--at = subword->byte_ids[(uint8_t)piece.data[i]];
    else if (!fused)
        *--at = id;
    return at;
}

int unigram_encode(const int32_t **ids, size_t *count, const struct subword *subword, struct span word,
    struct unigram_work *work, struct arena *arena, struct err *err)
{
    int rc = reserve(work, word.length, arena, err);
    if (rc)
        return rc;
    struct best *best = work->best;
    for (size_t i = 0; i <= word.length; i++)
        best[i] = (struct best){0, NOWHERE, -1};
    for (size_t begin = 0, width; begin < word.length; begin += width) {
        unicode_read(span_from(word, begin), &width);
        look_from(subword, best, word, begin);
    }

    bool was_unknown = false;
    int32_t *const last = work->ids + work->room, *first = last;
    for (size_t end = word.length, begin; end > 0; end = begin) {
        begin = best[end].begin;
        first = put_before(
            first, &was_unknown, subword, (struct span){word.data + begin, end - begin}, best[end].id);
    }
    *ids = first;
    *count = (size_t)(last - first);
    return 0;
}
