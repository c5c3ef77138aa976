// SPDX-License-Identifier: Apache-2.0
/*
 * entities: HTML's character references, "&eacute;" and "&#233;", as two functions of Python read them.
 *
 *   reference_html   html.unescape: a name may lack its semicolon where HTML allows that, and then ends where
 *                    the longest such name does; numbers as the HTML Standard corrects them
 *   reference_ftfy   ftfy's unescape_html: only with a semicolon and at most 24 letters and digits; also
 *                    names in capitals, "&EACUTE;"; never what stands for a semicolon by its number
 *
 * html.unescape raises ValueError for a decimal number of more than 4,300 digits, which is U+FFFD here.
 */
#ifndef DIPTYCH_TEXT_ENTITIES_H
#define DIPTYCH_TEXT_ENTITIES_H

#include "text/unicode.h"

/* What one reference stands for: none where HTML has no such character. */
struct characters {
    int32_t items[2 * UNICODE_COMPATIBLE_MAX];
    size_t count;
};

/* For text that begins with '&': the bytes that the reference takes up, or 0 where there is none. */
typedef size_t reference_read(struct characters *out, struct span text);
reference_read reference_html, reference_ftfy;

/* out = text with its references replaced, once, in the arena; or text itself where it has no '&'. */
int entities_replace(
    struct span *out, struct arena *arena, struct span text, reference_read *read, struct err *err);

/* What Windows-1252 has at 0x80 to 0x9f, as HTML and ftfy read them: five that are unassigned stay controls. */
extern const int32_t windows_1252[32];

/* ---- entities_table.c ---------------------------------------------------------------------------------- */

enum { BARE = 1, CAPITALS = 2 }; /* html: also without semicolon; ftfy: also in capitals */

struct entity {
    char name[32]; /* without '&' and ';' */
    int32_t text[2];
    unsigned char flags;
};

extern const struct entity entities[];
extern const size_t entity_count;

#endif
