// SPDX-License-Identifier: Apache-2.0
/*
 * pickle: Python's pickles, without Python's power to call anything.
 *
 * A pickle is a program for a stack machine. The machine here knows every opcode's form, keeps the stack, its
 * marks and the memo, and leaves it to a reader what a value is: a table of functions, each of which makes
 * one value of bytes or of other values. A value is a kind and a number of the reader's choice, eight bytes,
 * and so has no depth; what the machine itself needs of time and memory is linear in the bytes of the pickle,
 * whatever they say.
 *
 * Nothing is called, imported or built but by the reader's functions, and a name that a pickle would call is
 * refused by the reader unless it is on the reader's list.
 */
#ifndef DIPTYCH_BASE_PICKLE_H
#define DIPTYCH_BASE_PICKLE_H

#include "base/base.h"

/* Kinds of the machine's own; a reader's begin at PICKLE_KINDS. */
enum { PICKLE_NOTHING, PICKLE_MARK, PICKLE_KINDS };

struct pickle_value {
    uint32_t kind, number;
};

struct pickle_values {
    struct pickle_value *items;
    size_t count, room;
};

/* ERR_MEMORY. */
int pickle_values_add(struct pickle_values *values, struct pickle_value value, struct err *err);

struct pickle;

/* Each function writes the one value that it makes to *out, or returns an error code with p->err set. Values
 * it is given can be read until it returns. Those that may be NULL belong to opcodes which are then refused. */
struct pickle_reader {
    const char *purpose; /* what is read, for messages: "dictionaries of counts" */

    /* str, unicode and bytes; the span goes when the function returns, unless p->argument is where it lies */
    int (*text)(struct pickle_value *out, struct pickle *p, struct span text);
    int (*digits)(struct pickle_value *out, struct pickle *p, struct span line); /* a number of protocol 0 */
    int (*integer)(struct pickle_value *out, struct pickle *p, int64_t value); /* past 64 bits: the nearest */
    int (*real)(struct pickle_value *out, struct pickle *p, double value);
    int (*constant)(struct pickle_value *out, struct pickle *p); /* None, True or False; may be NULL */

    int (*tuple)(struct pickle_value *out, struct pickle *p, const struct pickle_value *values, size_t count);
    int (*dictionary)(struct pickle_value *out, struct pickle *p); /* a new one */
    /* count keys and values by turns, count maybe odd; dictionary may be any value */
    int (*set_items)(
        struct pickle *p, struct pickle_value dictionary, const struct pickle_value *values, size_t count);
    int (*list)(struct pickle_value *out, struct pickle *p); /* a new one; may be NULL */
    int (*append)(struct pickle *p, struct pickle_value list, const struct pickle_value *values,
        size_t count); /* NULL with list */

    /* What a name stands for; pickle_refuse is the answer to most. */
    int (*global)(struct pickle_value *out, struct pickle *p, struct span module, struct span name);
    struct span (*text_of)(const struct pickle *p, struct pickle_value value); /* of a name; "?" */
    int (*reduce)(struct pickle_value *out, struct pickle *p, struct pickle_value callable,
        struct pickle_value arguments);
    /* An object of a class, its state, and what lies outside of the pickle; may be NULL. */
    int (*new_object)(
        struct pickle_value *out, struct pickle *p, struct pickle_value type, struct pickle_value arguments);
    int (*build)(struct pickle *p, struct pickle_value object, struct pickle_value state);
    int (*persistent)(struct pickle_value *out, struct pickle *p, struct pickle_value id);

    int (*finish)(struct pickle *p, struct pickle_value root); /* root is all that the pickle holds */
};

/* The machine, for a reader's functions to look at. */
struct pickle {
    const struct pickle_reader *reader;
    void *context;        /* the reader's */
    unsigned char opcode; /* the one that runs, */
    size_t offset;        /* where it stands, */
    struct span argument; /* and the bytes that belong to it */
    struct err *err;

    struct pickle_values stack, memo;
    char *text; /* the last string of protocol 0, without escapes */
    size_t text_room;
    bool stopped;
};

/* Runs a pickle of any protocol, 0 to 5, to its STOP; bytes behind that are not looked at. Errors of the
 * reader's functions, and ERR_UNSUPPORTED for an opcode that no reader has a part for, ERR_FORMAT where it is
 * no pickle, ERR_MEMORY. Messages have the byte offset of the opcode. */
int pickle_run(const struct pickle_reader *reader, void *context, struct span bytes, struct err *err);

/* ERR_UNSUPPORTED: it would call module.name. */
int pickle_refuse(struct pickle *p, struct span module, struct span name);

/* The characters of a string or unicode line of protocol 0: `quoted` as Python 2's repr writes it, and UCS-2
 * escapes around Latin-1. out has room for 2 * length bytes. false where it is neither. */
bool pickle_unquote(char *out, size_t *length, struct span quoted);
bool pickle_unescape(char *out, size_t *length, struct span escaped);

#endif
