// SPDX-License-Identifier: Apache-2.0
#include "cli/item_html.h"
#include "cli/item_format.h"

#include <math.h>
#include <time.h>

static void put_caption(FILE *file, const struct index_item *item)
{
    if (!item->caption)
        return;
    fputs("<div>", file);
    html_text(file, item->caption);
    fputs("</div>", file);
}

/* Bytes in the unit that leaves two or three digits. */
static void put_size(FILE *file, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        size /= 1000;
    fprintf(file, "<span>%.*f %s</span>", unit && size < 10 ? 1 : 0, size, units[unit]);
}

/* When the picture was taken, or else its file was changed. */
static void put_date(FILE *file, const struct index_item *item)
{
    const time_t seconds = (time_t)(item->mtime_ns / 1000000000);
    struct tm day;
    char text[32];
    if (item->taken) {
        fputs("<time title=\"taken ", file);
        html_text(file, item->taken);
        fputs("\">", file);
        snprintf(text, sizeof text, "%.10s", item->taken);
        html_text(file, text);
        fputs("</time>", file);
    } else if (item->mtime_ns && gmtime_r(&seconds, &day) && strftime(text, sizeof text, "%Y-%m-%d", &day))
        fprintf(file, "<time>%s</time>", text);
}

static void put_fact(FILE *file, const char *text)
{
    if (!text)
        return;
    fputs("<span>", file);
    html_text(file, text);
    fputs("</span>", file);
}

static void put_facts(FILE *file, const struct item_card *card)
{
    const struct index_item *item = card->item;
    fputs("<div class=\"facts\">", file);
    if (item->width)
        fprintf(file, "<span>%d &times; %d</span>", item->width, item->height);
    if (item->size && item->kind == INDEX_IMAGE)
        put_size(file, item->size);
    if (item->kind == INDEX_IMAGE)
        put_date(file, item);
    put_fact(file, item->camera);
    put_fact(file, item->lens);
    if (item->lat != 0 || item->lon != 0)
        fprintf(file, "<span>%.4f, %.4f</span>", item->lat, item->lon);
    if (card->sharpness && !isnan(*card->sharpness))
        fprintf(file, "<span>sharpness %.0f</span>", *card->sharpness);
    fputs("</div>", file);
}

void item_figure(FILE *file, const struct item_card *card, const struct picture_options *options, int edge)
{
    const struct index_item *item = card->item;
    const struct picture_source picture = item_picture(item);
    fputs("<figure>", file);
    if (picture.path)
        html_picture(file, picture, options, edge);
    fprintf(file, "<figcaption><div class=\"score\">%.4f", card->score);
    if (card->note)
        fprintf(file, " <b class=\"note\">%s</b>", card->note);
    fputs("</div>", file);
    put_caption(file, item);
    put_facts(file, card);
    html_path(file, picture.path ? picture.path : item->path ? item->path : "");
    fputs("</figcaption></figure>\n", file);
}
