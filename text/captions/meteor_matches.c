// SPDX-License-Identifier: Apache-2.0
/* All matches of two captions' words, in the order in which meteor-1.5.jar finds them: of alignments that are as good as
 * one another, the order chooses. */
#include "text/captions/metric_meteor.h"

#include <stdlib.h>
#include <string.h>

struct matcher {
    struct meteor_text candidate, reference;
    const struct meteor_words *words;
    const struct meteor_paraphrases *paraphrases;
    struct meteor_matches *out;
    struct err *err;
    int rc;
};

static void add(struct matcher *m, enum meteor_module module, size_t candidate, size_t candidate_length,
    size_t reference, size_t reference_length)
{
    struct meteor_matches *out = m->out;
    if (m->rc || (m->rc = array_grow(out->items, &out->room, out->count + 1, m->err)))
        return;
    out->items[out->count++] = (struct meteor_match){
        .candidate = (uint32_t)candidate,
        .candidate_length = (uint32_t)candidate_length,
        .reference = (uint32_t)reference,
        .reference_length = (uint32_t)reference_length,
        .module = module,
    };
}

/* ---- word by word -------------------------------------------------------------------------------------- */

static bool share_synset(const struct synsets *a, const struct synsets *b)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (a->items[i] == b->items[j])
            return true;
        if (a->items[i] < b->items[j])
            i++;
        else
            j++;
    }
    return false;
}

/* Different words match by stem, and by synonym, maybe by both. */
static bool words_match(const struct matcher *m, enum meteor_module module, uint32_t a, uint32_t b)
{
    const struct meteor_word *known = m->words->known;
    if (module == METEOR_EXACT || a == b)
        return module == METEOR_EXACT && a == b;
    return module == METEOR_STEM ? known[a].stem == known[b].stem
                                 : share_synset(&known[a].synsets, &known[b].synsets);
}

static void match_words(struct matcher *m, enum meteor_module module)
{
    for (size_t r = 0; r < m->reference.count && !m->rc; r++)
        for (size_t c = 0; c < m->candidate.count; c++)
            if (words_match(m, module, m->candidate.words[c], m->reference.words[r]))
                add(m, module, c, 1, r, 1);
}

/* ---- phrases ------------------------------------------------------------------------------------------- */

static bool begins_at(struct meteor_text text, size_t at, const uint32_t *words, size_t length)
{
    return length <= text.count - at && !memcmp(text.words + at, words, length * sizeof *words);
}

/* What says the same as the phrase of `length` words at `at` of `from`, wherever `to` has it. */
static void match_phrase(
    struct matcher *m, struct meteor_text to, size_t at, size_t length, uint32_t phrase, bool from_reference)
{
    const struct meteor_paraphrases *p = m->paraphrases;
    for (size_t i = p->firsts[phrase]; i < p->firsts[phrase + 1]; i++)
        for (size_t there = 0; there < to.count; there++) {
            if (!begins_at(to, there, p->words + p->says[i].first, p->says[i].length))
                continue;
            if (from_reference)
                add(m, METEOR_PARAPHRASE, there, p->says[i].length, at, length);
            else
                add(m, METEOR_PARAPHRASE, at, length, there, p->says[i].length);
        }
}

static void match_phrases(struct matcher *m, bool from_reference)
{
    const struct meteor_text from = from_reference ? m->reference : m->candidate,
                             to = from_reference ? m->candidate : m->reference;
    for (size_t at = 0; at < from.count && !m->rc; at++) {
        uint32_t phrase = NGRAM_ROOT;
        for (size_t length = 1; length <= from.count - at; length++) {
            phrase = ngrams_find(&m->paraphrases->phrases, phrase, from.words[at + length - 1]);
            if (phrase == NGRAM_NONE)
                break;
            match_phrase(m, to, at, length, phrase, from_reference);
        }
    }
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* By the word of the reference that they begin at; those of one word stay in their order. */
static int sort_matches(struct meteor_matches *out, size_t words, struct err *err)
{
    struct meteor_match *sorted = mem_new(out->count + 1, sizeof *sorted);
    out->firsts = mem_new(words + 2, sizeof *out->firsts);
    if (!sorted || !out->firsts) {
        free(sorted);
        return err_memory(err, out->count * sizeof *sorted);
    }
    for (size_t i = 0; i < out->count; i++)
        out->firsts[out->items[i].reference + 2]++;
    for (size_t w = 2; w < words + 2; w++)
        out->firsts[w] += out->firsts[w - 1];
    for (size_t i = 0; i < out->count; i++)
        sorted[out->firsts[out->items[i].reference + 1]++] = out->items[i];
    free(out->items);
    out->items = sorted;
    return 0;
}

int meteor_match(struct meteor_matches *out, struct meteor_text candidate, struct meteor_text reference,
    const struct meteor_words *words, const struct meteor_paraphrases *paraphrases, struct err *err)
{
    struct matcher m = {candidate, reference, words, paraphrases, out, err, 0};
    *out = (struct meteor_matches){0};
    const bool same =
        candidate.count == reference.count && begins_at(candidate, 0, reference.words, reference.count);
    match_words(&m, METEOR_EXACT);
    for (enum meteor_module module = METEOR_STEM; module <= METEOR_SYNONYM && !same; module++)
        match_words(&m, module);
    for (int from_reference = 1; from_reference >= 0 && paraphrases && !same; from_reference--)
        match_phrases(&m, from_reference);
    if (!m.rc)
        m.rc = sort_matches(out, reference.count, err);
    if (m.rc)
        meteor_matches_release(out);
    return m.rc;
}

void meteor_matches_release(struct meteor_matches *matches)
{
    if (!matches)
        return;
    free(matches->items);
    free(matches->firsts);
    *matches = (struct meteor_matches){0};
}
