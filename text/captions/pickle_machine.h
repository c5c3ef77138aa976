// SPDX-License-Identifier: Apache-2.0
/* The machine of pickle.h inside: pickle.c runs the opcodes, pickle_values.c has those that make words,
 * numbers and n-grams, pickle_items.c those of dictionaries. */
#ifndef DIPTYCH_TEXT_CAPTIONS_PICKLE_MACHINE_H
#define DIPTYCH_TEXT_CAPTIONS_PICKLE_MACHINE_H

#include "text/captions/pickle.h"

enum kind {
    NOTHING,
    MARK,        /* where a tuple or a list of items begins */
    NUMBER,      /* whole, its value */
    WORD,        /* its number, NGRAM_NONE for text that is no word */
    NGRAM,       /* its number, NGRAM_NONE for one with such text */
    DICTIONARY,  /* which one */
    NUMBER_TYPE, /* int or float */
    DEFAULTDICT, /* the type */
    ARGUMENTS,   /* what a defaultdict is made with: () or a number type */
};

struct value {
    uint32_t kind, number;
};

struct values {
    struct value *items;
    size_t count, room;
};

struct machine {
    struct document_frequency *df;
    struct values stack, memo;
    char *text; /* the last string of protocol 0, without escapes */
    size_t text_room;
    uint32_t dictionaries;                    /* how many there are */
    struct value counted;                     /* the one with n-grams for keys, */
    struct value outer, frequencies, ref_len; /* and the one with names, and what it has by them */
    unsigned char opcode;                     /* the one that runs, */
    size_t offset;                            /* where it stands, */
    struct span argument;                     /* and the bytes that belong to it */
    bool stopped;
    struct err *err;
};

int values_add(struct values *values, struct value value, struct err *err);

int push(struct machine *m, enum kind kind, uint32_t number);

/* Take the n values on top, or all above the last mark and the mark too. They can be read until the next
 * push. */
int pop(struct machine *m, const struct value **values, size_t n);
int pop_to_mark(struct machine *m, const struct value **values, size_t *count);

/* Opcodes. Those of words and numbers make one of the bytes that belong to them. */
int run_text(struct machine *m);
int run_quoted(struct machine *m);
int run_unicode(struct machine *m);
int run_digits(struct machine *m);
int run_unsigned(struct machine *m); /* the lowest byte first */
int run_signed(struct machine *m);   /* two's complement, the lowest byte first */
int run_float(struct machine *m);    /* IEEE double, the highest byte first */
int run_tuple(struct machine *m);    /* of all above the mark */
int run_empty_tuple(struct machine *m);
int run_short_tuple(struct machine *m); /* of one, two or three values, as the opcode says */
int run_empty_dictionary(struct machine *m);
int run_dictionary(struct machine *m); /* of all above the mark */
int run_set_item(struct machine *m);   /* the dictionary stays on the stack, below what is taken */
int run_set_items(struct machine *m);

int push_dictionary(struct machine *m); /* a new one */

/* Whether root is { 'document_frequency': counted, 'ref_len': N }, or just counted; sets N. */
int finish(struct machine *m, struct value root);

uint64_t little_endian(struct span bytes); /* of the first 8 bytes */

#endif
