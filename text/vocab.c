// SPDX-License-Identifier: Apache-2.0
#include "text/vocab.h"

#include "text/pieces.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct vocab_entry {
    struct span text; /* data NULL: an empty slot */
    int32_t id;
};

/* Ids name rows of a matrix, so far fewer are sensible; this bounds what a bad file can make us allocate. */
enum { ID_LIMIT = 1 << 20 };

int vocab_init(struct vocab *vocab, size_t room, struct err *err)
{
    size_t slots = 16;
    while (slots / 2 < room)
        slots *= 2;
    *vocab = (struct vocab){.mask = slots - 1};
    vocab->slots = mem_new(slots, sizeof *vocab->slots);
    vocab->taken = mem_new(ID_LIMIT / 8, 1);
    return vocab->slots && vocab->taken ? 0 : err_memory(err, slots * sizeof *vocab->slots);
}

void vocab_release(struct vocab *vocab)
{
    if (!vocab)
        return;
    free(vocab->slots);
    free(vocab->taken);
    arena_release(&vocab->arena);
    *vocab = (struct vocab){0};
}

/* The slot of the text a + b, or the empty one where it belongs. */
static struct vocab_entry *find_slot(const struct vocab *vocab, struct span a, struct span b)
{
    const uint64_t key = pieces_hash(pieces_hash(PIECES_HASH_SEED, a), b);
    size_t i = (size_t)(key ^ key >> 32) & vocab->mask;
    while (vocab->slots[i].text.data && !pieces_joined(vocab->slots[i].text, a, b))
        i = (i + 1) & vocab->mask;
    return &vocab->slots[i];
}

int vocab_add(struct vocab *vocab, struct span text, int64_t id, struct err *err)
{
    const int shown = text.length < 40 ? (int)text.length : 40;
    if (id < 0 || id >= ID_LIMIT)
        return err_set(err, ERR_FORMAT, "token '%.*s' has id %lld, not one from 0 to %d", shown, text.data,
            (long long)id, ID_LIMIT - 1);
    struct vocab_entry *slot = find_slot(vocab, text, (struct span){"", 0});
    if (slot->text.data)
        return err_set(err, ERR_FORMAT, "token '%.*s' occurs twice", shown, text.data);
    const unsigned bit = 1u << (id % 8);
    if (vocab->taken[id / 8] & bit)
        return err_set(
            err, ERR_FORMAT, "token '%.*s' has id %lld, as another has", shown, text.data, (long long)id);

    vocab->taken[id / 8] |= (uint8_t)bit;
    *slot = (struct vocab_entry){text, (int32_t)id};
    if (vocab->limit <= id)
        vocab->limit = (int32_t)id + 1;
    return 0;
}

int32_t vocab_find(const struct vocab *vocab, struct span a, struct span b)
{
    const struct vocab_entry *slot = find_slot(vocab, a, b);
    return slot->text.data ? slot->id : -1;
}

/* The printable characters of Latin-1, without the blanks and the soft hyphen. */
static bool stands_for_itself(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

static struct byte_symbol symbol_of(unsigned byte, unsigned character)
{
    struct byte_symbol symbol = {.byte = (unsigned char)byte, .text = {(char)character}, .length = 1};
    if (character >= 0x80) {
        symbol.text[0] = (char)(0xc0 | character >> 6);
        symbol.text[1] = (char)(0x80 | (character & 0x3f));
        symbol.length = 2;
    }
    return symbol;
}

void vocab_alphabet(struct byte_symbol symbols[256])
{
    size_t count = 0;
    unsigned next = 0x100; /* the other bytes borrow characters from here on */
    for (unsigned byte = 0; byte < 256; byte++)
        if (stands_for_itself(byte))
            symbols[count++] = symbol_of(byte, byte);
    for (unsigned byte = 0; byte < 256; byte++)
        if (!stands_for_itself(byte))
            symbols[count++] = symbol_of(byte, next++);
    assert(count == 256);
}
