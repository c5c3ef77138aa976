// SPDX-License-Identifier: Apache-2.0
#include "cli/item_html.h"

void item_figure(
    FILE *file, const struct index_item *item, double score, const struct picture_options *options, int edge)
{
    const char *picture = item->kind == INDEX_IMAGE ? item->path : item->picture;
    fputs("<figure>", file);
    if (picture) {
        fputs("<div class=\"picture\">", file);
        html_thumbnail(file, picture, options, edge);
        fputs("</div>", file);
    }
    fprintf(file, "<figcaption><div class=\"score\">%.4f</div>", score);
    if (item->caption) {
        fputs("<div>", file);
        html_text(file, item->caption);
        fputs("</div>", file);
    }
    fputs("<div class=\"path\">", file);
    html_text(file, picture ? picture : item->path ? item->path : "");
    fputs("</div></figcaption></figure>\n", file);
}
