// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/json.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page_files.h" /* made by CMake from assets/page/ and page/ */

static const char *page_text(const char *name)
{
    size_t i = 0;
    while (strcmp(page_files[i].name, name))
        i++;
    return page_files[i].text;
}

void html_begin(FILE *file, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
        file);
    html_text(file, title);
    fprintf(file, "</title>\n<style>\n%s%s</style>\n", page_text("common.css"), page_text("page.css"));
    html_script(file, "common.js");
    fputs("</head>\n<body>\n<main>\n", file);
}

void html_script(FILE *file, const char *name)
{
    fprintf(file, "<script>\n%s</script>\n", page_text(name));
}

void html_end(FILE *file)
{
    fputs("</main>\n<footer>Made by diptych " DIPTYCH_VERSION "</footer>\n", file);
    html_script(file, "page.js");
    fputs("</body>\n</html>\n", file);
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

static void put_escaped(FILE *file, const char *valid, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char *instead = entity(valid[i]);
        if (instead)
            fputs(instead, file);
        else
            fputc(valid[i], file);
    }
}

void html_text(FILE *file, const char *text)
{
    char *valid = text_utf8(text);
    if (valid)
        put_escaped(file, valid, strlen(valid));
    free(valid);
}

void html_path_text(FILE *file, const char *path)
{
    char *valid = text_utf8(path);
    for (const char *at = valid; at && *at;) {
        const char *slash = strchr(at, '/');
        const size_t length = slash ? (size_t)(slash + 1 - at) : strlen(at);
        put_escaped(file, at, length);
        at += length;
        if (slash && *at)
            fputs("<wbr>", file);
    }
    free(valid);
}

/* No tag begins in it. */
void html_json(FILE *file, const char *text)
{
    json_t *string = json_text(text);
    char *encoded = json_dumps(string, JSON_ENCODE_ANY);
    for (const char *at = encoded ? encoded : "\"\""; *at; at++) {
        if (*at == '<')
            fputs("\\u003c", file);
        else
            fputc(*at, file);
    }
    free(encoded);
    json_decref(string);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

void html_data_url(FILE *file, const struct thumbnail *thumbnail)
{
    fprintf(file, "data:%s;base64,", thumbnail->type);
    text_base64(file, thumbnail->bytes, thumbnail->size);
}

void html_thumbnail(
    FILE *file, struct picture_source picture, const struct picture_options *options, int edge)
{
    struct thumbnail thumbnail;
    if (thumbnail_read(&thumbnail, picture, edge, options, NULL)) {
        fputs("<span>no picture any more</span>", file);
        return;
    }
    fprintf(file, "<img alt=\"\" width=\"%d\" height=\"%d\" src=\"", thumbnail.width, thumbnail.height);
    html_data_url(file, &thumbnail);
    fputs("\">", file);
    thumbnail_release(&thumbnail);
}

/* ---- files --------------------------------------------------------------------------------------------- */

void html_file_url(FILE *file, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"; /* RFC 3986's unreserved ones */
    fputs("file://", file);
    for (; *path; path++) {
        if (strchr(plain, *path))
            fputc(*path, file);
        else
            fprintf(file, "%%%02X", (unsigned char)*path);
    }
}

static void begin_link(FILE *file, const char *path, const char *attributes)
{
    fprintf(file, "<a %shref=\"", attributes);
    html_file_url(file, path);
    fputs("\">", file);
}

static bool leads_somewhere(const char *path)
{
    return *path == '/' && !member_shard(path);
}

void html_picture(FILE *file, struct picture_source picture, const struct picture_options *options, int edge)
{
    const bool link = leads_somewhere(picture.path);
    fputs("<div class=\"picture\">", file);
    if (link)
        begin_link(
            file, picture.path, "tabindex=\"-1\" aria-hidden=\"true\" "); /* the path leads there too */
    html_thumbnail(file, picture, options, edge);
    fputs(link ? "</a></div>" : "</div>", file);
}

void html_path(FILE *file, const char *path)
{
    const bool link = leads_somewhere(path);
    fputs("<div class=\"path\">", file);
    if (link)
        begin_link(file, path, "");
    html_path_text(file, path);
    fputs(link ? "</a> <button type=\"button\" class=\"copy\" hidden>copy path</button></div>" : "</div>",
        file);
}

int html_thumbnail_edge(size_t count)
{
#ifdef DIPTYCH_JPEG_TURBO
    const double pixels_max = 36e6;
#else
    const double pixels_max = 9e6; /* of PNG */
#endif
    const double min = 64, max = 200;
    return (int)fmax(min, fmin(max, sqrt(pixels_max / fmax(1, (double)count))));
}
