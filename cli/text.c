// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void message(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    const bool made = vasprintf(&text, format, args) >= 0;
    va_end(args);
    fputs("diptych: ", stderr);
    text_escape(stderr, made ? text : format); /* without memory at least what it is about */
    fputc('\n', stderr);
    if (made)
        free(text);
}

const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

void text_escape(FILE *file, const char *text)
{
    static const char named[] = "\\\\\tt\nn\rr"; /* pairs: a byte and its letter */
    for (; *text; text++) {
        const char *pair = named;
        while (*pair && *pair != *text)
            pair += 2;
        if (*pair)
            fprintf(file, "\\%c", pair[1]);
        else if (is_control((unsigned char)*text))
            fprintf(file, "\\x%02x", (unsigned char)*text);
        else
            fputc(*text, file);
    }
}

/* The next character of text and its bytes; -1 and one byte where it is not UTF-8. */
static utf8proc_int32_t next_character(const char *text, size_t *bytes)
{
    utf8proc_int32_t character;
    const utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &character);
    *bytes = got > 0 ? (size_t)got : 1;
    return got > 0 ? character : -1;
}

void text_base64(FILE *file, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? bytes[i + 2] : 0);
        fputc(digits[group >> 18], file);
        fputc(digits[group >> 12 & 63], file);
        fputc(left > 1 ? digits[group >> 6 & 63] : '=', file);
        fputc(left > 2 ? digits[group & 63] : '=', file);
    }
}

int text_width(const char *text)
{
    int width = 0;
    size_t bytes;
    for (; *text; text += bytes) {
        const utf8proc_int32_t character = next_character(text, &bytes);
        if (bytes == 1 && (is_control((unsigned char)*text) || *text == '\\'))
            width += strchr("\\\t\n\r", *text) ? 2 : 4;
        else
            width += character < 0 ? 1 : utf8proc_charwidth(character);
    }
    return width;
}

bool text_unicode(void)
{
    return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void text_bar(FILE *file, double fraction, int width, bool unicode)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    const int filled = (int)(fraction * width * 8 + 0.5);
    for (int column = 0; column < width; column++) {
        const int left = filled - column * 8;
        if (unicode)
            fputs(eighths[left < 0 ? 0 : left > 8 ? 8 : left], file);
        else
            fputc(left >= 4 ? '=' : ' ', file);
    }
}
