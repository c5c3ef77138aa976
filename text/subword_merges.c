// SPDX-License-Identifier: Apache-2.0
/* SentencePiece's bpe has no list of merges: two neighbours merge where what they make is a piece, the piece of the
 * highest score first and of equals the leftmost. Here that is a list all the same: for each piece, all its halves. */
#include "text/subword.h"
#include "text/unicode.h"

#include <stdlib.h>

static const struct span nothing = {"", 0};

struct ranked {
    double score;
    int32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool is_normal(const struct pieces *pieces, int32_t id)
{
    return id >= 0 && pieces->items[id].type == PIECE_NORMAL;
}

static void add_halves(struct subword *subword, int32_t id, uint32_t *rank, bool ranks_halves)
{
    const struct pieces *pieces = &subword->pieces;
    const struct span text = pieces_text(pieces, id);
    for (size_t at = 0, width; at < text.length; at += width) {
        unicode_read(span_from(text, at), &width);
        const struct span left = {text.data, at + width}, right = span_from(text, at + width);
        if (!right.length)
            return;
        const int32_t ids[] = {pieces_find(pieces, left, nothing), pieces_find(pieces, right, nothing)};
        if (!is_normal(pieces, ids[0]) || !is_normal(pieces, ids[1]))
            continue;
        bpe_add(&subword->bpe, (struct bpe_merge){ids[0], ids[1], id, *rank});
        *rank += ranks_halves;
    }
}

static size_t count_halves(const struct pieces *pieces)
{
    size_t count = 0;
    for (size_t i = 0; i < pieces->used; i++)
        count += (pieces->texts[i] & 0xc0) != 0x80; /* characters */
    return count;
}

/* The normal pieces, best first. */
static size_t rank_pieces(struct ranked *order, const struct pieces *pieces, bool by_id)
{
    size_t count = 0;
    for (size_t id = 0; id < pieces->count; id++)
        if (pieces->items[id].length && is_normal(pieces, (int32_t)id))
            order[count++] = (struct ranked){by_id ? 0 : pieces->items[id].score, (int32_t)id};
    qsort(order, count, sizeof *order, by_score);
    return count;
}

int subword_make_merges(struct subword *subword, bool ranks_halves, struct err *err)
{
    const struct pieces *pieces = &subword->pieces;
    for (size_t id = 0; id < pieces->count; id++)
        if (pieces->items[id].length && pieces->items[id].type == PIECE_UNUSED)
            return err_set(err, ERR_UNSUPPORTED, "piece %zu is unused, which takes bpe back apart", id);
    struct ranked *order = mem_new(pieces->count, sizeof *order);
    int rc = order ? bpe_init(&subword->bpe, count_halves(pieces), err)
                   : err_memory(err, pieces->count * sizeof *order);
    const size_t count = rc ? 0 : rank_pieces(order, pieces, ranks_halves);
    uint32_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (ranks_halves || order[i].score != order[i - 1].score))
            rank++;
        add_halves(subword, order[i].id, &rank, ranks_halves);
    }
    free(order);
    if (!rc)
        subword_finish_merges(subword);
    return rc;
}
