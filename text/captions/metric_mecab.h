// SPDX-License-Identifier: Apache-2.0
/*
 * morphemes: the words of Japanese and Korean, which have none or few blanks, as sacreBLEU 2.6's tokenizers ja-mecab and
 * ko-mecab cut them. A dictionary of MeCab has words with their costs and the cost of any two side by side; a text is cut
 * where the sum is least.
 *
 * ja-mecab is MeCab 0.996 with IPADIC. Debian's has one word more than sacreBLEU's (the era of 2019), which is left out
 * here. ko-mecab is mecab-ko 0.9.2, a fork of MeCab that adds to the cost of some parts of speech behind a blank, with
 * mecab-ko-dic; that cost is added here, so that MeCab itself, and so libmecab, gives the fork's words.
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_METRIC_MECAB_H
#define DIPTYCH_TEXT_CAPTIONS_METRIC_MECAB_H

#include "text/captions/captions.h"

struct morphemes; /* a dictionary; immutable, for any number of threads */

/* The dictionary in a folder (NULL: where Debian, or mecab-ko-dic's own Makefile, installs it). ERR_UNSUPPORTED where there
 * is none, it is not in UTF-8, or the build has no libmecab. */
int morphemes_open(
    struct morphemes **out, enum bleu_tokeniser tokeniser, const char *folder, struct err *err);
void morphemes_free(struct morphemes *morphemes);

/* ERR_UNSUPPORTED where it is not the dictionary that sacreBLEU takes, by its number of words. */
int morphemes_check(const struct morphemes *morphemes, struct err *err);

/* What sacreBLEU's signature says behind the tokenizer's name; "" of tokenizers without a dictionary. */
const char *morphemes_version(enum bleu_tokeniser tokeniser);

/* Text, without white space at either end, as words with a blank between them, in the arena. NULL when out of memory. */
char *morphemes_cut(struct arena *arena, const struct morphemes *morphemes, struct span text);

#endif
