// SPDX-License-Identifier: Apache-2.0
/*
 * Pages that need no other file and no network: their style is inside (assets/page/common.css, which the service's page has
 * too, and page/page.css, where the classes are), and so are their thumbnails and the script of their buttons
 * (page/page.js), without which all but a map shows the same. Whether all was written shows in ferror(file).
 */
#ifndef DIPTYCH_CLI_HTML_H
#define DIPTYCH_CLI_HTML_H

#include "vision/vision.h"

#include <stdio.h>

void html_begin(FILE *file, const char *title); /* up to <body> */
void html_script(FILE *file, const char *name); /* one of the page's files, from here on */
void html_end(FILE *file);

/* Text between tags or in an attribute: escaped; bytes that are not UTF-8 and control characters are U+FFFD. */
void html_text(FILE *file, const char *text);

/* The same of a path, whose lines may end behind a slash rather than within a name. */
void html_path_text(FILE *file, const char *path);

/* The same as a string of JSON that may stand in a <script>. */
void html_json(FILE *file, const char *text);

/* For attributes and strings: a file: URL (RFC 8089) of the bytes of an absolute path, and a picture as a data: URL. */
void html_file_url(FILE *file, const char *path);
void html_data_url(FILE *file, const struct thumbnail *thumbnail);

/* <img>, of the picture scaled down to fit a square of `edge` pixels; or, where it cannot be read, a word of
 * that. */
void html_thumbnail(
    FILE *file, struct picture_source picture, const struct picture_options *options, int edge);

/* For the cards of a gallery: a picture's thumbnail, and a path with a button that copies it. Both lead to the file where
 * the path begins at the root and is not in an archive. */
void html_picture(FILE *file, struct picture_source picture, const struct picture_options *options, int edge);
void html_path(FILE *file, const char *path);

/* The edge, 64 to 200 pixels, at which so many thumbnails of photographs take about 20 MB of page or less; 64 is 2 kB each. */
int html_thumbnail_edge(size_t count);

#endif
