// SPDX-License-Identifier: Apache-2.0
/*
 * ptb: the scanner behind ptb_words. Text is UTF-8 that unicode_check has passed; lines end in '\n', and no
 * token crosses one. A rule looks at the text from some place on and says how many bytes of it are a token.
 *
 * As in a lexer of the lex family, the rule that sees the most wins, the first of equals, and what a rule
 * looks at behind its token counts: "it" before "'s" sees four characters, "it" as a word two.
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_PTB_H
#define DIPTYCH_TEXT_CAPTIONS_PTB_H

#include "text/unicode.h"

/* ---- characters ---------------------------------------------------------------------------------------- */

enum ptb_class {
    PTB_END, /* of the text */
    PTB_GAP, /* between tokens: white space, controls, and all that the reference deletes, emoji included */
    PTB_SIGN,
    PTB_MARK, /* part of words, but not behind a number; the soft hyphen too, which the output leaves out */
    PTB_LETTER,
    PTB_DIGIT,
};

/* Class, code point and width of the first character; c and width may be NULL. */
enum ptb_class ptb_class(struct span text, int32_t *c, size_t *width);

/* Characters beyond ASCII by class, in order; those that no range names are gaps. */
struct ptb_range {
    uint16_t first, last;
    uint8_t class; /* enum ptb_class */
};
extern const struct ptb_range ptb_ranges[];
extern const size_t ptb_range_count;

bool ptb_is_gap(struct span text); /* it begins with a gap */
bool ptb_is_ascii_letter(struct span text);
bool ptb_is_ascii_word(struct span text);        /* it begins with an ASCII letter or digit */
bool ptb_has(const char *set, struct span text); /* it begins with a character of the set */

/* Bytes of the character, or the run, that text begins with, or 0. */
size_t ptb_width(struct span text); /* any character */
size_t ptb_alnum(struct span text); /* a letter or digit */
size_t ptb_gaps(struct span text);  /* all gaps, line ends included */
size_t ptb_apostrophe(struct span text);
size_t ptb_quote(struct span text); /* an apostrophe, or what is typed for one: back-tick, opening quote */
size_t ptb_ascii_words(struct span text, size_t most); /* ASCII letters and digits, at most so many */

/* Bytes of text that pattern stands for, or 0. A pattern is lower case ASCII; text may have any case and, for
 * ', any apostrophe. */
size_t ptb_like(struct span text, const char *pattern);

/* ---- rules --------------------------------------------------------------------------------------------- */

struct ptb_match {
    size_t length; /* bytes of the token; 0 where the rule does not match */
    size_t extent; /* and with what the rule looked at behind it */
};

static inline struct ptb_match ptb_whole(size_t length)
{
    return (struct ptb_match){length, length};
}

/* A token where something is behind it; the rule has looked at that. */
static inline struct ptb_match ptb_before(size_t length, size_t behind)
{
    return length && behind ? (struct ptb_match){length, length + behind} : (struct ptb_match){0, 0};
}

/* Bytes of the token that text begins with, which is neither empty nor begins with a gap. Never 0. */
size_t ptb_token(struct span text);

typedef struct ptb_match ptb_rule(struct span text);

ptb_rule ptb_special, ptb_contracted, ptb_negated, ptb_word, ptb_apostrophe_word, ptb_y, ptb_contraction,
    ptb_contraction_only, ptb_negation, ptb_thing;                                /* ptb_words.c */
ptb_rule ptb_abbreviation, ptb_acronym, ptb_stop, ptb_hyphenated;                 /* ptb_periods.c */
ptb_rule ptb_number, ptb_date, ptb_fraction, ptb_phone, ptb_year, ptb_power;      /* ptb_numbers.c */
ptb_rule ptb_url, ptb_site, ptb_mail, ptb_file, ptb_tag, ptb_handle, ptb_hashtag; /* ptb_web.c */
ptb_rule ptb_literal, ptb_entity, ptb_smiley, ptb_face, ptb_dollar, ptb_slashes, ptb_capitals, ptb_run,
    ptb_dots, ptb_quotes, ptb_opening; /* ptb_signs.c */

/* What some of them are made of, in bytes. */
size_t ptb_word_length(struct span text);
size_t ptb_thing_length(struct span text);
size_t ptb_tag_length(struct span text);
size_t ptb_quotes_length(struct span text);
bool ptb_is_contraction(struct span token); /* 's, n't */

/* ---- tables -------------------------------------------------------------------------------------------- */

struct ptb_cut {
    const char *word;
    size_t length; /* characters of it that are the first token */
};
extern const struct ptb_cut ptb_cuts[];

enum ptb_period {
    PERIOD_TITLE,  /* always */
    PERIOD_END,    /* always, and whatever the next two characters are: "etc.A" */
    PERIOD_NUMBER, /* where a number follows */
};

/* Abbreviations that keep their period, in byte order. */
struct ptb_abbreviation {
    const char *word;
    enum ptb_period period;
    char letter; /* that must be in the text in this case; 0 for none */
};
extern const struct ptb_abbreviation ptb_abbreviations[];
extern const size_t ptb_abbreviation_count;

extern const char *const ptb_contractions[];     /* lists end in NULL */
extern const char *const ptb_apostrophe_words[]; /* with any apostrophe */
extern const char *const ptb_typewriter_words[]; /* with ' only */
extern const char *const ptb_starters[];
extern const char *const ptb_literals[];
extern const char *const ptb_accents[];
extern const char *const ptb_degrees[];
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
enum ptb_place {
    PLACE_ANY,      /* wherever they are */
    PLACE_TOKEN,    /* as a whole token */
    PLACE_CAPITALS, /* in R&amp;B */
    PLACE_QUOTES,   /* in a token of quotes only, or in 's, n't and the like */
};

struct ptb_change {
    const char *from, *to;
    enum ptb_place place;
};
extern const struct ptb_change ptb_changes[];
extern const char *const ptb_punctuation[]; /* tokens that coco-caption leaves out */

#endif
