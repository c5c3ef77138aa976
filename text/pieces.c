// SPDX-License-Identifier: Apache-2.0
#include "text/pieces.h"

#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct piece_slot {
    uint32_t next_id; /* id + 1; 0: an empty slot */
    uint32_t tag;     /* upper half of the hash: tells most other texts apart without a look at them */
};

/* Ids name rows of a matrix: the largest published vocabulary has 901,629. */
enum { ID_LIMIT = 1 << 21, SHOWN = 40 };

static int shown(struct span text)
{
    return text.length < SHOWN ? (int)text.length : SHOWN;
}

static int check(int64_t id, struct span text, double score, int64_t type, struct err *err)
{
    if (id < 0 || id >= ID_LIMIT)
        return err_set(err, ERR_FORMAT, "token '%.*s' has id %lld, not one from 0 to %d", shown(text),
            text.data, (long long)id, ID_LIMIT - 1);
    if (!text.length)
        return err_set(err, ERR_FORMAT, "token %lld is empty", (long long)id);
    if (unicode_check(text, NULL))
        return err_set(err, ERR_FORMAT, "token %lld is not UTF-8", (long long)id);
    if (!isfinite(score))
        return err_set(err, ERR_FORMAT, "token '%.*s' has a score that is no number", shown(text), text.data);
    if (type < PIECE_NORMAL || type > PIECE_BYTE)
        return err_set(err, ERR_FORMAT, "token '%.*s' has the unknown type %lld", shown(text), text.data,
            (long long)type);
    return 0;
}

static int make_room(struct pieces *pieces, size_t count, size_t length, struct err *err)
{
    const size_t had = pieces->room;
    if (length > UINT32_MAX - pieces->used)
        return err_set(err, ERR_LIMIT, "the tokens have more than %u bytes", UINT32_MAX);
    int rc = array_grow(pieces->items, &pieces->room, count, err);
    if (!rc && pieces->room > had)
        memset(pieces->items + had, 0, (pieces->room - had) * sizeof *pieces->items);
    return rc ? rc : array_grow(pieces->texts, &pieces->texts_room, pieces->used + length, err);
}

int pieces_put(
    struct pieces *pieces, int64_t id, struct span text, double score, int64_t type, struct err *err)
{
    int rc = check(id, text, score, type, err);
    if (!rc)
        rc = make_room(pieces, (size_t)id + 1, text.length, err);
    if (rc)
        return rc;
    struct piece *piece = &pieces->items[id];
    if (piece->length)
        return err_set(err, ERR_FORMAT, "token '%.*s' has id %lld, as another has", shown(text), text.data,
            (long long)id);
    *piece = (struct piece){score, (uint32_t)pieces->used, (uint32_t)text.length, (uint8_t)type};
    memcpy(pieces->texts + pieces->used, text.data, text.length);
    pieces->used += text.length;
    if (pieces->count <= (size_t)id)
        pieces->count = (size_t)id + 1;
    if (pieces->longest < text.length)
        pieces->longest = text.length;
    return 0;
}

void pieces_release(struct pieces *pieces)
{
    if (!pieces)
        return;
    free(pieces->items);
    free(pieces->texts);
    free(pieces->slots);
    *pieces = (struct pieces){0};
}

struct span pieces_text(const struct pieces *pieces, int32_t id)
{
    const struct piece *piece = &pieces->items[id];
    return (struct span){pieces->texts + piece->offset, piece->length};
}

uint64_t pieces_hash(uint64_t seed, struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        seed = (seed ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return seed;
}

bool pieces_joined(struct span text, struct span a, struct span b)
{
    return text.length == a.length + b.length && span_begins(text, a) &&
           span_begins(span_from(text, a.length), b);
}

/* The slot of the text a + b, or the empty one where it belongs. At most half of the slots are ever full. */
static struct piece_slot *find_slot(const struct pieces *pieces, struct span a, struct span b, uint64_t hash)
{
    const uint32_t tag = (uint32_t)(hash >> 32);
    size_t i = (size_t)(hash ^ hash >> 32) & pieces->mask;
    for (;; i = (i + 1) & pieces->mask) {
        struct piece_slot *slot = &pieces->slots[i];
        if (!slot->next_id ||
            (slot->tag == tag && pieces_joined(pieces_text(pieces, (int32_t)slot->next_id - 1), a, b)))
            return slot;
    }
}

int pieces_index(struct pieces *pieces, struct err *err)
{
    size_t slots = 16;
    while (slots / 2 < pieces->count)
        slots *= 2;
    pieces->mask = slots - 1;
    pieces->slots = mem_new(slots, sizeof *pieces->slots);
    if (!pieces->slots)
        return err_memory(err, slots * sizeof *pieces->slots);
    for (size_t id = 0; id < pieces->count; id++) {
        const struct span text = pieces_text(pieces, (int32_t)id);
        if (!text.length)
            continue;
        const uint64_t hash = pieces_hash(PIECES_HASH_SEED, text);
        struct piece_slot *slot = find_slot(pieces, text, (struct span){"", 0}, hash);
        if (slot->next_id)
            return err_set(err, ERR_FORMAT, "token '%.*s' occurs twice", shown(text), text.data);
        *slot = (struct piece_slot){(uint32_t)id + 1, (uint32_t)(hash >> 32)};
    }
    return 0;
}

int32_t pieces_find(const struct pieces *pieces, struct span a, struct span b)
{
    const uint64_t hash = pieces_hash(pieces_hash(PIECES_HASH_SEED, a), b);
    return (int32_t)find_slot(pieces, a, b, hash)->next_id - 1;
}

int32_t pieces_find_hashed(const struct pieces *pieces, struct span text, uint64_t hash)
{
    return (int32_t)find_slot(pieces, text, (struct span){"", 0}, hash)->next_id - 1;
}

void pieces_bytes(int32_t ids[256], const struct pieces *pieces)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[sizeof "<0xFF>"];
        snprintf(text, sizeof text, "<0x%02X>", byte);
        ids[byte] = pieces_find(pieces, span_of(text), (struct span){"", 0});
    }
}
