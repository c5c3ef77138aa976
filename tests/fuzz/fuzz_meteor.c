// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"
#include "text/captions/metric_meteor.h"

#include <string.h>

/* What stands before the next NUL. */
static struct span take_part(struct span *rest)
{
    const char *end = rest->length ? memchr(rest->data, '\0', rest->length) : NULL;
    const struct span part = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
    *rest = span_from(*rest, end ? part.length + 1 : part.length);
    return part;
}

/* Words have one blank between them and none around, and are METEOR's already. */
static struct meteor_text cut(struct ngrams *numbers, struct arena *arena, struct span line)
{
    struct meteor_text text = {0};
    const char *words = meteor_normalise(arena, line);
    uint32_t *ids = arena_alloc(arena, (strlen(words) + 1) * sizeof *ids);
    struct span rest = span_of(words), word;
    FUZZ_CHECK(!strstr(words, "  ") && words[0] != ' ' && (!*words || words[strlen(words) - 1] != ' '));
    while (split_words(&word, &rest))
        ids[text.count++] = ngrams_add_word(numbers, word);
    text.words = ids;
    return text;
}

/* No word is in two matches, and each match is one of those there are. */
static void check_alignment(const struct meteor_match *const *chosen, const struct meteor_matches *matches,
    struct meteor_text candidate, struct meteor_text reference, struct arena *arena)
{
    bool *used = arena_alloc(arena, candidate.count + reference.count + 1);
    for (size_t w = 0; w < reference.count; w++) {
        const struct meteor_match *m = chosen[w];
        if (!m)
            continue;
        FUZZ_CHECK(m >= matches->items && m < matches->items + matches->count && m->reference == w);
        FUZZ_CHECK(m->candidate_length && m->candidate + m->candidate_length <= candidate.count);
        FUZZ_CHECK(m->reference_length && w + m->reference_length <= reference.count);
        for (size_t i = 0; i < m->candidate_length; i++) {
            FUZZ_CHECK(!used[m->candidate + i]);
            used[m->candidate + i] = true;
        }
        for (size_t i = 0; i < m->reference_length; i++) {
            FUZZ_CHECK(!used[candidate.count + w + i]);
            used[candidate.count + w + i] = true;
        }
    }
}

static void align(struct meteor_text candidate, struct meteor_text reference,
    const struct meteor_words *words, const struct meteor_paraphrases *paraphrases, struct arena *arena)
{
    struct meteor_matches matches;
    const struct meteor_match **chosen = arena_alloc(arena, (reference.count + 1) * sizeof *chosen);
    FUZZ_CHECK(!meteor_match(&matches, candidate, reference, words, paraphrases, NULL));
    FUZZ_CHECK(!meteor_align(chosen, &matches, candidate, reference, NULL));
    check_alignment(chosen, &matches, candidate, reference, arena);
    meteor_matches_release(&matches);
}

static void check_words(const struct meteor_words *words)
{
    for (size_t i = 0; i < words->numbers.word_count; i++)
        for (size_t s = 1; s < words->known[i].synsets.count; s++)
            FUZZ_CHECK(words->known[i].synsets.items[s - 1] < words->known[i].synsets.items[s]);
}

/* Every line against every other, with what the files say of their words, or why they say nothing. */
static void score(const struct meteor_text *texts, size_t count, struct meteor_words *words,
    const struct wordnet *wordnet, struct span table, struct arena *arena)
{
    struct meteor_paraphrases paraphrases = {0};
    struct err err = {0};
    if (meteor_words_look_up(words, wordnet, &err)) {
        FUZZ_CHECK(err.code && err.msg[0]);
        return;
    }
    check_words(words);
    const bool has = !meteor_paraphrases_parse(&paraphrases, table, &words->numbers, &err);
    FUZZ_CHECK(has || (err.code == ERR_FORMAT && err.msg[0]));
    for (size_t c = 0; c < count; c++)
        for (size_t r = 0; r < count; r++)
            align(texts[c], texts[r], words, has ? &paraphrases : NULL, arena);
    meteor_paraphrases_release(&paraphrases);
}

/* Lines of captions, a NUL, a table of paraphrases, a NUL, an index of WordNet without its licence, a NUL, irregular
 * forms. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LINES = 3 };
    struct span rest = {(const char *)data, size};
    struct lines lines = {.rest = take_part(&rest)};
    const struct span table = take_part(&rest), index = take_part(&rest), exceptions = take_part(&rest);
    struct meteor_text texts[LINES];
    struct meteor_words words = {0};
    struct wordnet wordnet = {0};
    struct arena arena = {0};
    size_t count = 0;
    if (size > 8192 || unicode_check(lines.rest, NULL) || ngrams_init(&words.numbers, size + 1, 1, NULL))
        return 0;
    for (size_t part = 0; part < WORDNET_PARTS; part += 2) {
        wordnet.index[part] = (struct wordnet_file){.lines = index, .name = "index"};
        wordnet.exceptions[part] = (struct wordnet_file){.lines = exceptions, .name = "exceptions"};
        wordnet.shifted[part] = true;
    }
    while (count < LINES && lines_next(&lines))
        texts[count++] = cut(&words.numbers, &arena, lines.line);
    score(texts, count, &words, &wordnet, table, &arena);
    meteor_words_release(&words);
    arena_release(&arena);
    return 0;
}
