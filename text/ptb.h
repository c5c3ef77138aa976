// SPDX-License-Identifier: Apache-2.0
/*
 * ptb: the scanner behind ptb_words. Text is UTF-8 that unicode_check has passed; lines end in '\n', and no
 * token crosses one. A rule looks at the text from some place on and says how many bytes of it are a token.
 */
#ifndef DIPTYCH_TEXT_PTB_H
#define DIPTYCH_TEXT_PTB_H

#include "text/unicode.h"

/* ---- characters ---------------------------------------------------------------------------------------- */

enum ptb_class {
    PTB_END, /* of the text */
    PTB_GAP, /* between tokens: white space, controls, and all that the reference deletes, emoji included */
    PTB_LETTER, /* with its marks; soft hyphens too, which the output leaves out */
    PTB_DIGIT,
    PTB_SIGN, /* everything else */
};

/* Class, code point and width of the first character; c and width may be NULL. */
enum ptb_class ptb_class(struct span text, int32_t *c, size_t *width);

bool ptb_is_word(struct span text); /* it begins with a letter or a digit */
bool ptb_is_ascii_word(struct span text);
bool ptb_has(const char *set, struct span text); /* it begins with a character of the set */
bool ptb_is_gap(struct span text);               /* it begins with a gap */
size_t ptb_gaps(struct span text); /* bytes of the gaps that it begins with, line ends included */

/* Bytes of text that pattern stands for, or 0. A pattern is lower case ASCII; text may have any case and, for
 * ', any apostrophe. */
size_t ptb_like(struct span text, const char *pattern);

/* ---- rules --------------------------------------------------------------------------------------------- */

/* Bytes of the token that text, neither empty nor a gap, begins with. Never 0. */
size_t ptb_token(struct span text);

/* Rules by the file they are in. Each returns the bytes it matches, or 0. */
size_t ptb_special_word(struct span text);
size_t ptb_word(struct span text);
size_t ptb_contraction(struct span text);
size_t ptb_acronym(struct span text);
size_t ptb_abbreviation(struct span text);
size_t ptb_ampersand(struct span text);

size_t ptb_number(struct span text);
size_t ptb_fraction(struct span text);
size_t ptb_phone(struct span text);
size_t ptb_decade(struct span text);

size_t ptb_url(struct span text);
size_t ptb_site(struct span text);
size_t ptb_mail(struct span text);
size_t ptb_tag(struct span text);

/* ---- tables -------------------------------------------------------------------------------------------- */

struct ptb_special {
    const char *word; /* a pattern, that no letter, digit or hyphen follows */
    size_t cut;       /* characters of it that are the first token */
};
extern const struct ptb_special ptb_specials[];

enum ptb_period {
    PERIOD_ALWAYS,
    PERIOD_CAPITAL, /* where the first letter is a capital */
    PERIOD_NUMBER,  /* where a number follows */
};

/* Abbreviations that keep their period, in byte order. */
struct ptb_abbreviation {
    const char *word;
    enum ptb_period period;
};
extern const struct ptb_abbreviation ptb_abbreviations[];
extern const size_t ptb_abbreviation_count;

extern const char *const ptb_contractions[]; /* lists end in NULL */
extern const char *const ptb_starters[];
extern const char *const ptb_literals[];
extern const char *const ptb_runs[];
extern const char *const ptb_domains[];
extern const char *const ptb_extensions[];

/* ---- output -------------------------------------------------------------------------------------------- */

/* Lines of tokens, joined by blanks. Zero-initialise; bytes are the owner's to free. */
struct ptb_words {
    char *bytes;
    size_t length, room;
};

/* Each adds to words: a token, as the metrics want it, and the end of its line. */
int ptb_put_token(struct ptb_words *words, struct span token, struct err *err);
int ptb_put_end(struct ptb_words *words, struct err *err);

/* How tokens come out. */
struct ptb_change {
    const char *from, *to; /* to is "" for what coco-caption leaves out */
    bool inside;           /* not only as a whole token */
};
extern const struct ptb_change ptb_changes[];

#endif
