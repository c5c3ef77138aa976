// SPDX-License-Identifier: Apache-2.0
/* Items of an index on a page. */
#ifndef DIPTYCH_CLI_ITEM_HTML_H
#define DIPTYCH_CLI_ITEM_HTML_H

#include "cli/html.h"
#include "index/index.h"

/* A <figure> for a gallery: the thumbnail of a picture, or a text above the picture that it describes, with a
 * score. */
void item_figure(
    FILE *file, const struct index_item *item, double score, const struct picture_options *options, int edge);

#endif
