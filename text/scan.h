// SPDX-License-Identifier: Apache-2.0
/*
 * scan: JSON read from front to back, without a tree of it: a tokenizer.json of 901,629 tokens has some 40 MB, of which
 * a tree would be 300. It begins like this, and ends where a function fails:
 *
 *     struct scan scan = {.text = file};
 *     scan_enter(&scan, '[', err);
 *     while (!(rc = scan_next(&scan, &more, err)) && more)
 *         rc = scan_string(&scan, &text, err);
 *
 * What is skipped is only looked at as far as it takes to find its end; who cares parses it with jansson. Errors are
 * ERR_FORMAT with the byte offset, ERR_MEMORY.
 */
#ifndef DIPTYCH_TEXT_SCAN_H
#define DIPTYCH_TEXT_SCAN_H

#include "base/base.h"

struct scan {
    struct span text;
    size_t offset;
    char *unescaped; /* room for strings with escapes: free() */
    size_t room;
};

/* Takes '[' or '{'. Then scan_next before each value of the array or key of the object; more: there is one, else its
 * end has been taken. */
int scan_enter(struct scan *scan, char bracket, struct err *err);
int scan_next(struct scan *scan, bool *more, struct err *err);

/* A string, in the text or until the next call in the scan; a key, with the colon after it. */
int scan_string(struct scan *scan, struct span *out, struct err *err);
int scan_key(struct scan *scan, struct span *out, struct err *err);
int scan_number(struct scan *scan, double *out, struct err *err);

/* Any value, as it stands there. */
int scan_value(struct scan *scan, struct span *out, struct err *err);

/* Whether the next value is of the kind that begins with this character. */
bool scan_at(struct scan *scan, char first);

#endif
