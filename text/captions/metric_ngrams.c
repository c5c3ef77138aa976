// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_ngrams.h"

#include <stdlib.h>

/* ---- the two tables ------------------------------------------------------------------------------------ */

/* Slots for count entries, at most half of them in use. */
static uint32_t *slots_new(unsigned *shift, size_t count)
{
    unsigned bits = 3;
    while (((size_t)1 << bits) / 2 < count)
        bits++;
    *shift = 64 - bits;
    return mem_new((size_t)1 << bits, sizeof(uint32_t));
}

int ngrams_init(struct ngrams *ngrams, size_t words, size_t orders, struct err *err)
{
    *ngrams = (struct ngrams){.count = 1};
    if (words > (UINT32_MAX - 2) / orders)
        return err_set(err, ERR_LIMIT, "captions of %zu words: too many for 32-bit numbers", words);
    const size_t room = words * orders + 1;
    ngrams->words = mem_new(words ? words : 1, sizeof *ngrams->words);
    ngrams->keys = mem_new(room, sizeof *ngrams->keys);
    ngrams->word_slots = slots_new(&ngrams->word_shift, words);
    ngrams->slots = slots_new(&ngrams->slot_shift, room);
    if (!ngrams->words || !ngrams->keys || !ngrams->word_slots || !ngrams->slots) {
        ngrams_release(ngrams);
        return err_memory(err, room * sizeof *ngrams->keys);
    }
    return 0;
}

void ngrams_release(struct ngrams *ngrams)
{
    if (!ngrams)
        return;
    free(ngrams->words);
    free(ngrams->keys);
    free(ngrams->word_slots);
    free(ngrams->slots);
    *ngrams = (struct ngrams){0};
}

/* Spreads a hash over its high bits, which choose the slot. */
static uint64_t spread(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

/* The slot of a word: where it is, or where it would go. */
static uint32_t *word_slot(const struct ngrams *ngrams, struct span word)
{
    const size_t mask = (SIZE_MAX >> ngrams->word_shift);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < word.length; i++)
        hash = (hash ^ (unsigned char)word.data[i]) * UINT64_C(0x100000001b3);
    size_t at = spread(hash) >> ngrams->word_shift;
    while (ngrams->word_slots[at] && !span_equal(ngrams->words[ngrams->word_slots[at] - 1], word))
        at = (at + 1) & mask;
    return &ngrams->word_slots[at];
}

static uint32_t *ngram_slot(const struct ngrams *ngrams, uint64_t key)
{
    const size_t mask = SIZE_MAX >> ngrams->slot_shift;
    size_t at = spread(key) >> ngrams->slot_shift;
    while (ngrams->slots[at] && ngrams->keys[ngrams->slots[at] - 1] != key)
        at = (at + 1) & mask;
    return &ngrams->slots[at];
}

uint32_t ngrams_find_word(const struct ngrams *ngrams, struct span word)
{
    return *word_slot(ngrams, word) - 1; /* an empty slot's 0 becomes NGRAM_NONE */
}

uint32_t ngrams_find(const struct ngrams *ngrams, uint32_t prefix, uint32_t word)
{
    if (prefix == NGRAM_NONE || word == NGRAM_NONE)
        return NGRAM_NONE;
    return *ngram_slot(ngrams, (uint64_t)prefix << 32 | word) - 1;
}

uint32_t ngrams_add_word(struct ngrams *ngrams, struct span word)
{
    uint32_t *slot = word_slot(ngrams, word);
    if (!*slot) {
        ngrams->words[ngrams->word_count++] = word;
        *slot = (uint32_t)ngrams->word_count;
    }
    return *slot - 1;
}

uint32_t ngrams_add(struct ngrams *ngrams, uint32_t prefix, uint32_t word)
{
    const uint64_t key = (uint64_t)prefix << 32 | word;
    uint32_t *slot = ngram_slot(ngrams, key);
    if (!*slot) {
        ngrams->keys[ngrams->count++] = key;
        *slot = (uint32_t)ngrams->count;
    }
    return *slot - 1;
}

/* ---- captions ------------------------------------------------------------------------------------------ */

size_t caption_ngram_count(const struct caption_ngrams *caption, size_t n)
{
    return caption->words < n ? 0 : caption->words - n + 1;
}

const uint32_t *caption_ngram_ids(const struct caption_ngrams *caption, size_t n)
{
    return caption->ids + (n - 1) * caption->words;
}

/* Numbers text's n-grams, shortest first, into ids; returns the end of what it wrote. */
static uint32_t *add_caption(
    struct caption_ngrams *caption, struct ngrams *table, uint32_t *ids, struct span text)
{
    const size_t words = count_words(text);
    uint32_t *last_word = ids + (NGRAM_ORDERS - 1) * words; /* read before the longest n-grams overwrite it */
    struct span word;
    for (size_t i = 0; split_words(&word, &text); i++)
        last_word[i] = ngrams_add_word(table, word);
    for (size_t i = 0; i < words; i++)
        ids[i] = ngrams_add(table, NGRAM_ROOT, last_word[i]);
    for (size_t n = 2; n <= NGRAM_ORDERS; n++)
        for (size_t i = 0; i + n <= words; i++)
            ids[(n - 1) * words + i] = ngrams_add(table, ids[(n - 2) * words + i], last_word[i + n - 1]);
    *caption = (struct caption_ngrams){words, ids};
    return ids + NGRAM_ORDERS * words;
}

int image_ngrams_init(struct image_ngrams *image, const struct caption_pair *pair, struct err *err)
{
    *image = (struct image_ngrams){.reference_count = pair->reference_count};
    size_t words = count_words(span_of(pair->candidate));
    for (size_t i = 0; i < pair->reference_count; i++)
        words += count_words(span_of(pair->references[i]));

    const int rc = ngrams_init(&image->table, words, NGRAM_ORDERS, err);
    if (rc)
        return rc;
    image->references = mem_new(pair->reference_count, sizeof *image->references);
    image->ids = mem_new(words * NGRAM_ORDERS + 1, sizeof *image->ids);
    if (!image->references || !image->ids) {
        image_ngrams_release(image);
        return err_memory(err, words * NGRAM_ORDERS * sizeof *image->ids);
    }
    uint32_t *ids = image->ids;
    for (size_t i = 0; i < pair->reference_count; i++)
        ids = add_caption(&image->references[i], &image->table, ids, span_of(pair->references[i]));
    image->reference_ngrams = image->table.count;
    add_caption(&image->candidate, &image->table, ids, span_of(pair->candidate));
    return 0;
}

void image_ngrams_release(struct image_ngrams *image)
{
    if (!image)
        return;
    ngrams_release(&image->table);
    free(image->references);
    free(image->ids);
    *image = (struct image_ngrams){0};
}
