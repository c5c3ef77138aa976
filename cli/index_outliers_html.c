// SPDX-License-Identifier: Apache-2.0
#include "cli/index_outliers.h"
#include "cli/item_html.h"
#include "joint/collection/collection.h"

enum { CARDS_MAX = 2000 };

static void put_head(FILE *file, const struct outliers_report *report, size_t cards)
{
    fputs("<h1>", file);
    html_path_text(file, report->path);
    fprintf(file,
        "</h1>\n<p>Items that are unlike the rest, the least alike first: those in the lowest %g %% of all "
        "pairs. The "
        "number below an item is its mean cosine with all others.</p>\n"
        "<dl class=\"figures\">\n<div><dt>items</dt><dd>%zu</dd></div>\n"
        "<div><dt>outliers</dt><dd>%zu</dd></div>\n</dl>\n",
        100 * report->alpha, report->view->count, report->shown);
    if (cards < report->shown)
        fprintf(file, "<p>The first %zu are shown.</p>\n", cards);
}

static int put_card(FILE *file, const struct outliers_report *report, size_t i, int edge,
    const struct job *job, struct err *err)
{
    const struct index_item *item = &report->view->items[i];
    struct picture_facts facts;
    const int rc = pictures_look_at(&facts, item, 1, NULL, job, err);
    const struct item_card card = {item, report->similarities[i], NULL, &facts.sharpness};
    if (!rc)
        item_figure(file, &card, NULL, edge);
    return rc;
}

static int put_page(FILE *file, const struct outliers_report *report, const struct job *job, struct err *err)
{
    const size_t cards = report->shown < CARDS_MAX ? report->shown : CARDS_MAX;
    int rc = 0;
    html_begin(file, report->path);
    put_head(file, report, cards);
    fputs("<div class=\"gallery\">\n", file);
    for (size_t n = 0; n < cards && !rc; n++) {
        rc = job_step(job, "items", n, cards, err);
        if (!rc)
            rc = put_card(file, report, report->order[n], html_thumbnail_edge(cards), job, err);
    }
    fputs("</div>\n", file);
    html_end(file);
    return rc;
}

int outliers_page(
    const char *path, const struct outliers_report *report, const struct job *job, struct err *err)
{
    struct new_file file;
    int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    rc = put_page(file.stream, report, job, err);
    const int closed = new_file_close(&file, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}
