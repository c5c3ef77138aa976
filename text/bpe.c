// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <assert.h>
#include <stdlib.h>

/* ---- the table of merges ------------------------------------------------------------------------------- */

int bpe_init(struct bpe *bpe, size_t room, struct err *err)
{
    assert(room < UINT32_MAX / 4);
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * room)
        bits++;
    bpe->room = room;
    bpe->shift = 64 - bits;
    bpe->merges = mem_new(room, sizeof *bpe->merges);
    bpe->slots = mem_new((size_t)1 << bits, sizeof *bpe->slots);
    return bpe->merges && bpe->slots ? 0 : err_memory(err, room * sizeof *bpe->merges);
}

void bpe_release(struct bpe *bpe)
{
    if (!bpe)
        return;
    free(bpe->merges);
    free(bpe->slots);
    *bpe = (struct bpe){0};
}

/* The slot of the pair, or the empty one where it belongs. At most half of the slots are ever full. */
static uint32_t *find_slot(const struct bpe *bpe, int32_t left, int32_t right)
{
    const size_t mask = ((size_t)1 << (64 - bpe->shift)) - 1;
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> bpe->shift);

    for (; bpe->slots[i]; i = (i + 1) & mask) {
        const struct bpe_merge *merge = &bpe->merges[bpe->slots[i] - 1];
        if (merge->left == left && merge->right == right)
            break;
    }
    return &bpe->slots[i];
}

void bpe_add(struct bpe *bpe, struct bpe_merge merge)
{
    assert(bpe->count < bpe->room);
    uint32_t *slot = find_slot(bpe, merge.left, merge.right);
    bpe->merges[bpe->count++] = merge;
    *slot = (uint32_t)bpe->count;
}

/* ---- one word ------------------------------------------------------------------------------------------ */

/* The word is a list of symbols, linked by index; a merge keeps the left one and unlinks the right. Every
 * pair of neighbours that has a merge waits in a heap as rank << 32 | index of its left symbol, so that the
 * smallest is the next to merge. A pair that has lost a half by then has another rank, or none, and is dropped. */
enum {
    MERGED = -1 /* its id, once a symbol is part of the one before */,
    HEAP_PER_SYMBOL = 2,
    WORK_FLOOR = 64
};

struct heap {
    uint64_t *items;
    size_t count;
};

static void heap_push(struct heap *heap, uint64_t item)
{
    size_t i = heap->count++;
    for (; i > 0 && heap->items[(i - 1) / 2] > item; i = (i - 1) / 2)
        heap->items[i] = heap->items[(i - 1) / 2];
    heap->items[i] = item;
}

static uint64_t heap_pop(struct heap *heap)
{
    const uint64_t top = heap->items[0], last = heap->items[--heap->count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < heap->count) {
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child])
            child++;
        if (last <= heap->items[child])
            break;
        heap->items[i] = heap->items[child];
        i = child;
    }
    heap->items[i] = last;
    return top;
}

/* The merge of the pair that begins at symbol i; NULL where there is no such pair, or it has none. */
static const struct bpe_merge *find_merge(
    const struct bpe *bpe, const struct bpe_symbol *symbols, size_t count, uint32_t i)
{
    const uint32_t next = symbols[i].next;
    const uint32_t slot = next == count ? 0 : *find_slot(bpe, symbols[i].id, symbols[next].id);
    return slot ? &bpe->merges[slot - 1] : NULL;
}

static void queue_pair(
    const struct bpe *bpe, struct heap *heap, const struct bpe_symbol *symbols, size_t count, uint32_t i)
{
    const struct bpe_merge *merge = find_merge(bpe, symbols, count, i);
    if (merge)
        heap_push(heap, (uint64_t)merge->rank << 32 | i);
}

static void merge_symbols(const struct bpe *bpe, struct heap *heap, struct bpe_symbol *symbols, size_t count)
{
    while (heap->count) {
        const uint64_t item = heap_pop(heap);
        const uint32_t i = (uint32_t)item;
        const struct bpe_merge *merge = symbols[i].id == MERGED ? NULL : find_merge(bpe, symbols, count, i);
        if (!merge || merge->rank != item >> 32)
            continue;

        const uint32_t right = symbols[i].next;
        symbols[i].id = merge->merged;
        symbols[i].next = symbols[right].next;
        symbols[right].id = MERGED;
        if (symbols[i].next != count)
            symbols[symbols[i].next].previous = i;

        queue_pair(bpe, heap, symbols, count, i);
        if (i > 0)
            queue_pair(bpe, heap, symbols, count, symbols[i].previous);
    }
}

/* A word of n symbols queues n - 1 pairs at first; each of its n - 1 merges takes one and adds at most two. */
int bpe_reserve(struct bpe_work *work, size_t count, struct arena *arena, struct err *err)
{
    size_t room = count, bytes;
    if (room <= work->room)
        return 0;
    if (room < 2 * work->room) /* the arena keeps what is outgrown: at least doubling bounds that */
        room = 2 * work->room;
    if (room < WORK_FLOOR)
        room = WORK_FLOOR;
    if (room >= UINT32_MAX || !size_mul(&bytes, room, HEAP_PER_SYMBOL * sizeof *work->heap))
        return err_set(err, ERR_LIMIT, "word of %zu symbols is too long to encode", room);
    work->symbols = arena_alloc(arena, room * sizeof *work->symbols);
    work->heap = arena_alloc(arena, bytes);
    if (!work->symbols || !work->heap)
        return err_memory(err, bytes);
    work->room = room;
    return 0;
}

size_t bpe_encode(const struct bpe *bpe, struct bpe_work *work, size_t count, int32_t *ids, size_t room)
{
    struct bpe_symbol *symbols = work->symbols;
    struct heap heap = {work->heap, 0};
    size_t encoded = 0;
    assert(count > 0 && count <= work->room);
    for (size_t i = 0; i < count; i++) {
        symbols[i].previous = (uint32_t)i - 1;
        symbols[i].next = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < count; i++)
        queue_pair(bpe, &heap, symbols, count, (uint32_t)i);
    merge_symbols(bpe, &heap, symbols, count);
    for (size_t i = 0; i < count; i = symbols[i].next, encoded++)
        if (encoded < room)
            ids[encoded] = symbols[i].id;
    return encoded;
}
