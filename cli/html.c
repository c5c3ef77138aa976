// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page_files.h" /* made by CMake from page.css and page.js */

void html_begin(FILE *file, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
        file);
    html_text(file, title);
    fprintf(file, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", page_files[0].text);
}

void html_end(FILE *file)
{
    fprintf(file,
        "<footer>Made by diptych " DIPTYCH_VERSION "</footer>\n<script>\n%s</script>\n</body>\n</html>\n",
        page_files[1].text);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static const char *entity(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return (unsigned char)byte < ' ' || byte == 0x7f ? "&#xfffd;" : NULL;
    }
}

void html_text(FILE *file, const char *text)
{
    char *valid = text_utf8(text);
    for (const char *at = valid; at && *at; at++) {
        const char *instead = entity(*at);
        if (instead)
            fputs(instead, file);
        else
            fputc(*at, file);
    }
    free(valid);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void put_base64(FILE *file, const uint8_t *bytes, size_t size)
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

void html_thumbnail(FILE *file, const char *path, const struct picture_options *options, int edge)
{
    struct thumbnail thumbnail;
    if (thumbnail_read(&thumbnail, picture_file(path), edge, options, NULL)) {
        fputs("<span>no picture any more</span>", file);
        return;
    }
    fprintf(file, "<img alt=\"\" width=\"%d\" height=\"%d\" src=\"data:%s;base64,", thumbnail.width,
        thumbnail.height, thumbnail.type);
    put_base64(file, thumbnail.bytes, thumbnail.size);
    fputs("\">", file);
    thumbnail_release(&thumbnail);
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* <a>, with a file: URL (RFC 8089) of the bytes of an absolute path. */
static void begin_link(FILE *file, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"; /* RFC 3986's unreserved ones */
    fputs("<a href=\"file://", file);
    for (; *path; path++) {
        if (strchr(plain, *path))
            fputc(*path, file);
        else
            fprintf(file, "%%%02X", (unsigned char)*path);
    }
    fputs("\">", file);
}

void html_picture(FILE *file, const char *path, const struct picture_options *options, int edge)
{
    const bool link = *path == '/';
    fputs("<div class=\"picture\">", file);
    if (link)
        begin_link(file, path);
    html_thumbnail(file, path, options, edge);
    fputs(link ? "</a></div>" : "</div>", file);
}

void html_path(FILE *file, const char *path)
{
    const bool link = *path == '/';
    fputs("<div class=\"path\">", file);
    if (link)
        begin_link(file, path);
    html_text(file, path);
    fputs(link ? "</a> <button type=\"button\" class=\"copy\" hidden>copy path</button></div>" : "</div>",
        file);
}

int html_thumbnail_edge(size_t count)
{
    const double pixels_max = 9e6, min = 64, max = 200;
    return (int)fmax(min, fmin(max, sqrt(pixels_max / fmax(1, (double)count))));
}
