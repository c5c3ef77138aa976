// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_meteor.h"

#ifdef DIPTYCH_STEMMER
#include <libstemmer.h>
#endif
#include <stdlib.h>
#include <string.h>

/* English words that METEOR 1.5 takes for function words: those that make up more than a thousandth of its texts. */
bool meteor_is_function_word(struct span word)
{
    static const char *const words[] = {"the", ",", ".", "to", "of", "and", "a", "in", "that", "for", "\"",
        "is", "on", "'s", "it", "with", "was", "as", "said", "at", "he", "by", "be", "from", "have", "has",
        "are", "his", "but", "an", "this", "not", "i", "will", "\u2019", "they", ")", "-rrb-", "(", "-lrb-",
        "who", "their", "had", "we", "which", "were", "been", "more", "or", "s", "its", "would", "about",
        "new", "one", "after", "you", ":", "also", "up", "when", "there", "than", "$", "all", "out", "her",
        "people", "she", "year", "two", "-", "can", "if", "last", "first", "“", "over", "other", "”", "into",
        "some", "what", "so", "--", "no", "time", "years", "could", "?", "'t", "—", "'"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_equal(word, span_of(words[i])))
            return true;
    return false;
}

/* ---- stems --------------------------------------------------------------------------------------------- */

#ifdef DIPTYCH_STEMMER

static int add_stems(struct meteor_words *words, struct ngrams *stems, struct arena *arena,
    struct sb_stemmer *stemmer, struct err *err)
{
    for (size_t i = 0; i < words->numbers.word_count; i++) {
        const struct span word = words->numbers.words[i];
        const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)word.data, (int)word.length);
        const size_t length = (size_t)sb_stemmer_length(stemmer);
        const char *copy = stem ? arena_copy(arena, (const char *)stem, length) : NULL;
        if (!copy)
            return err_memory(err, word.length);
        words->known[i].stem = ngrams_add_word(stems, (struct span){copy, length});
    }
    return 0;
}

/* By Porter's second stemmer, which Snowball calls English's. */
static int find_stems(struct meteor_words *words, struct err *err)
{
    struct sb_stemmer *stemmer = sb_stemmer_new("english", "UTF_8");
    struct ngrams stems;
    struct arena arena = {0};
    if (!stemmer)
        return err_memory(err, 0);
    int rc = ngrams_init(&stems, words->numbers.word_count, 1, err);
    if (!rc)
        rc = add_stems(words, &stems, &arena, stemmer, err);
    ngrams_release(&stems);
    arena_release(&arena);
    sb_stemmer_delete(stemmer);
    return rc;
}

#else

static int find_stems(struct meteor_words *words, struct err *err)
{
    (void)words;
    return err_set(err, ERR_UNSUPPORTED, "METEOR takes stems from libstemmer, which this build has not");
}

#endif

/* ---- all that is known --------------------------------------------------------------------------------- */

int meteor_words_look_up(struct meteor_words *words, const struct wordnet *wordnet, struct err *err)
{
    const size_t count = words->numbers.word_count;
    words->known = mem_new(count + 1, sizeof *words->known);
    if (!words->known)
        return err_memory(err, count * sizeof *words->known);
    int rc = find_stems(words, err);
    for (size_t i = 0; i < count && !rc; i++) {
        struct meteor_word *known = &words->known[i];
        known->function = meteor_is_function_word(words->numbers.words[i]);
        rc = wordnet_synsets(&known->synsets, wordnet, words->numbers.words[i], err);
    }
    return rc;
}

void meteor_words_release(struct meteor_words *words)
{
    if (!words)
        return;
    for (size_t i = 0; words->known && i < words->numbers.word_count; i++)
        free(words->known[i].synsets.items);
    free(words->known);
    ngrams_release(&words->numbers);
    *words = (struct meteor_words){0};
}
