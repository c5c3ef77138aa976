// SPDX-License-Identifier: Apache-2.0
/* Items of an index on a page. */
#ifndef DIPTYCH_CLI_ITEM_HTML_H
#define DIPTYCH_CLI_ITEM_HTML_H

#include "cli/html.h"
#include "index/index.h"

struct item_card {
    const struct index_item *item;
    double score;
    const char *note;        /* NULL, or a word that stands out */
    const double *sharpness; /* NULL: not to be shown; NAN: unknown */
};

/* A <figure> for a gallery: the thumbnail of a picture, or a text above the picture that it describes, with a score, what
 * is known of the file, and its path. Picture and path lead to the file, and a button copies the path. */
void item_figure(FILE *file, const struct item_card *card, const struct picture_options *options, int edge);

#endif
