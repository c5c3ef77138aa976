// SPDX-License-Identifier: Apache-2.0
/* Text on its way to people: messages, escapes, widths, bars. */
#ifndef DIPTYCH_CLI_TEXT_H
#define DIPTYCH_CLI_TEXT_H

#include "base/base.h"

#include <stdio.h>

/* "diptych: ..." and a line end on stderr, with control characters escaped. */
void message(const char *format, ...) PRINTF_LIKE(1, 2);

/* "" for one, else "s". */
const char *plural(uint64_t count);

/* Writes text with backslash, tab, line end and other control characters as \\ \t \n \r \xNN, so that a name
 * never breaks a line or reaches into the terminal. Every other byte stays as it is. */
void text_escape(FILE *file, const char *text);

/* Bytes in base64 (RFC 4648), padded. */
void text_base64(FILE *file, const uint8_t *bytes, size_t size);

/* Columns of a terminal that the text takes, once escaped. */
int text_width(const char *text);

/* True where the locale's characters are UTF-8. */
bool text_unicode(void);

/* A bar of `width` columns, filled up to fraction (0 to 1) in eighths of a column, or in '=' without Unicode. */
void text_bar(FILE *file, double fraction, int width, bool unicode);

#endif
