// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_df.h"

#include <stdlib.h>
#include <string.h>

static uint32_t key_prefix(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static uint32_t key_word(uint64_t key)
{
    return (uint32_t)key;
}

/* Counts the image for each n-gram of its references. An n-gram's prefix has a smaller number than the
 * n-gram: one pass over the image's table finds every prefix in df's table already. */
static int add_image(struct document_frequency *df, const struct image_ngrams *image, struct err *err)
{
    const struct ngrams *table = &image->table;
    uint32_t *words = mem_new(table->word_count + table->count, sizeof *words);
    if (!words)
        return err_memory(err, (table->word_count + table->count) * sizeof *words);
    uint32_t *map = words + table->word_count; /* zeroed: NGRAM_ROOT maps to NGRAM_ROOT */
    for (size_t i = 0; i < table->word_count; i++)
        words[i] = ngrams_add_word(&df->ngrams, table->words[i]);
    for (size_t g = 1; g < image->reference_ngrams; g++) {
        const uint64_t key = table->keys[g];
        map[g] = ngrams_add(&df->ngrams, map[key_prefix(key)], words[key_word(key)]);
        df->images[map[g]]++;
    }
    free(words);
    return 0;
}

/* The words outlive the captions they stood in. */
static int keep_words(struct document_frequency *df, struct err *err)
{
    for (size_t i = 0; i < df->ngrams.word_count; i++) {
        struct span *word = &df->ngrams.words[i];
        word->data = arena_copy(&df->arena, word->data, word->length);
        if (!word->data)
            return err_memory(err, word->length);
    }
    return 0;
}

static int count_images(
    struct document_frequency *df, const struct caption_pair *pairs, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct caption_pair references = {"", pairs[i].references, pairs[i].reference_count};
        struct image_ngrams image;
        int rc = image_ngrams_init(&image, &references, err);
        if (rc)
            return rc;
        rc = add_image(df, &image, err);
        image_ngrams_release(&image);
        if (rc)
            return rc;
    }
    df->count = count;
    return keep_words(df, err);
}

/* Room for captions of that many words in all. */
static int room_init(struct document_frequency *df, size_t words, struct err *err)
{
    const int rc = ngrams_init(&df->ngrams, words, NGRAM_ORDERS, err);
    if (rc)
        return rc;
    df->room = words;
    df->images = mem_new(words * NGRAM_ORDERS + 1, sizeof *df->images);
    return df->images ? 0 : err_memory(err, words * NGRAM_ORDERS * sizeof *df->images);
}

static int new_with_room(struct document_frequency **out, size_t words, struct err *err)
{
    struct document_frequency *df = mem_new(1, sizeof *df);
    if (!df)
        return err_memory(err, sizeof *df);
    const int rc = room_init(df, words, err);
    if (rc)
        document_frequency_free(df);
    else
        *out = df;
    return rc;
}

int document_frequency_new(
    struct document_frequency **out, const struct caption_pair *pairs, size_t count, struct err *err)
{
    *out = NULL;
    int rc = caption_pairs_check(pairs, count, err);
    if (rc)
        return rc;
    size_t words = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < pairs[i].reference_count; j++)
            words += count_words(span_of(pairs[i].references[j]));
    rc = new_with_room(out, words, err);
    if (rc)
        return rc;
    rc = count_images(*out, pairs, count, err);
    if (rc) {
        document_frequency_free(*out);
        *out = NULL;
    }
    return rc;
}

void document_frequency_free(struct document_frequency *df)
{
    if (!df)
        return;
    ngrams_release(&df->ngrams);
    arena_release(&df->arena);
    free(df->images);
    free(df);
}

size_t document_frequency_images(const struct document_frequency *df)
{
    return df->count;
}

void document_frequency_lookup(uint32_t *out, const struct document_frequency *df, const struct ngrams *table,
    uint32_t *words, uint32_t *map)
{
    for (size_t i = 0; i < table->word_count; i++)
        words[i] = ngrams_find_word(&df->ngrams, table->words[i]);
    map[NGRAM_ROOT] = NGRAM_ROOT;
    for (size_t g = 1; g < table->count; g++) {
        const uint64_t key = table->keys[g];
        map[g] = ngrams_find(&df->ngrams, map[key_prefix(key)], words[key_word(key)]);
        out[g] = map[g] == NGRAM_NONE ? 0 : df->images[map[g]];
    }
}

/* ---- filled by readers of files ------------------------------------------------------------------------ */

int document_frequency_begin(struct document_frequency **out, struct err *err)
{
    *out = NULL;
    return new_with_room(out, 256, err);
}

/* Twice the room, in new tables. Words and n-grams that are added in the order of their numbers keep them. */
static int grow(struct document_frequency *df, struct err *err)
{
    struct document_frequency larger = {.count = df->count, .arena = df->arena};
    const int rc = room_init(&larger, df->room * 2, err);
    if (rc) {
        ngrams_release(&larger.ngrams);
        return rc;
    }
    for (size_t i = 0; i < df->ngrams.word_count; i++)
        ngrams_add_word(&larger.ngrams, df->ngrams.words[i]);
    for (size_t g = 1; g < df->ngrams.count; g++)
        ngrams_add(&larger.ngrams, key_prefix(df->ngrams.keys[g]), key_word(df->ngrams.keys[g]));
    memcpy(larger.images, df->images, df->ngrams.count * sizeof *df->images);
    ngrams_release(&df->ngrams);
    free(df->images);
    *df = larger;
    return 0;
}

static bool is_word(struct span text)
{
    struct span word, rest = text;
    return split_words(&word, &rest) && word.length == text.length && !memchr(text.data, 0, text.length);
}

int document_frequency_word(uint32_t *out, struct document_frequency *df, struct span text, struct err *err)
{
    *out = ngrams_find_word(&df->ngrams, text);
    if (*out != NGRAM_NONE)
        return 0;
    int rc = unicode_check(text, err);
    if (rc || !is_word(text))
        return rc;
    if (df->ngrams.word_count == df->room && (rc = grow(df, err)))
        return rc;
    const char *copy = arena_copy(&df->arena, text.data, text.length);
    if (!copy)
        return err_memory(err, text.length);
    *out = ngrams_add_word(&df->ngrams, (struct span){copy, text.length});
    return 0;
}

int document_frequency_ngram(
    uint32_t *out, struct document_frequency *df, const uint32_t *words, size_t n, struct err *err)
{
    int rc;
    *out = NGRAM_NONE;
    for (size_t i = 0; i < n; i++)
        if (words[i] == NGRAM_NONE)
            return 0;
    if (df->ngrams.count + n > df->room * NGRAM_ORDERS + 1 && (rc = grow(df, err)))
        return rc;
    *out = NGRAM_ROOT;
    for (size_t i = 0; i < n; i++)
        *out = ngrams_add(&df->ngrams, *out, words[i]);
    return 0;
}
