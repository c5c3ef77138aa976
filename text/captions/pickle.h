// SPDX-License-Identifier: Apache-2.0
/*
 * pickle: document frequencies out of the pickles that Python programs keep them in, without Python's power
 * to call anything.
 *
 * A pickle is a program for a stack machine. The machine here has no values but those that dictionaries of
 * counts are made of: whole numbers, words, n-grams, and dictionaries, which are names only: an item that is
 * set goes straight to the frequencies. So no value is larger than eight bytes and none has depth; time and
 * memory are linear in the bytes of the pickle, whatever they say.
 */
#ifndef DIPTYCH_TEXT_CAPTIONS_PICKLE_H
#define DIPTYCH_TEXT_CAPTIONS_PICKLE_H

#include "text/captions/metric_df.h"

/* Whether bytes could be a pickle of a dictionary. */
bool pickle_begins(struct span bytes);

/* Fills df, which is empty, with what Python 2 or 3 wrote by any protocol, 0 to 5:
 *
 *     {'document_frequency': {('a', 'cat'): 17, ...}, 'ref_len': 5000}      ruotianluo/cider
 *     {('a', 'cat'): 17.0, ...}                                             vrama91/cider, N = 40504
 *
 * Dictionaries may be defaultdicts of int or float. Words are str, unicode or bytes in UTF-8, or whole
 * numbers, which stand for their digits. An n-gram with a word that no caption can have (white space inside)
 * is left out. Anything else is ERR_UNSUPPORTED where it is a pickle all the same, and ERR_FORMAT where it is
 * not what it should be; messages have the byte offset of the opcode. ERR_MEMORY. Bytes behind the end are
 * not looked at. */
int pickle_read(struct document_frequency *df, struct span bytes, struct err *err);

/* The characters of a string or unicode line of protocol 0: `quoted` as Python 2's repr writes it, and UCS-2
 * escapes around Latin-1. out has room for 2 * length bytes. false where it is neither. */
bool pickle_unquote(char *out, size_t *length, struct span quoted);
bool pickle_unescape(char *out, size_t *length, struct span escaped);

#endif
