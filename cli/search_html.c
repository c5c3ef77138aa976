// SPDX-License-Identifier: Apache-2.0
#include "cli/item_html.h"
#include "cli/search.h"

#include <inttypes.h>

enum { THUMBNAIL_EDGE = 240 /* pixels */ };

static void put_head(FILE *file, const struct search_head *head)
{
    fprintf(file, "<p>Out of %" PRId64 " items of ", head->searched);
    html_text(file, head->index);
    fputs(", the closest first, by the cosines of ", file);
    html_text(file, head->model);
    fputs(".</p>\n", file);
}

/* One query's hits; the thumbnails take a while. */
static int put_list(FILE *file, const struct search_head *head, const struct hit_list *list,
    const struct job *job, struct err *err)
{
    int rc = 0;
    if (!list->count)
        fputs("<p>Nothing was found.</p>\n", file);
    fputs("<div class=\"gallery\">\n", file);
    for (size_t i = 0; i < list->count && !rc; i++) {
        rc = job_step(job, "writing the page", 0, 0, err);
        const struct item_card card = {.item = &list->items[i], .score = list->hits[i].score};
        item_figure(file, &card, head->picture, THUMBNAIL_EDGE);
    }
    fputs("</div>\n", file);
    return rc;
}

static int put_page(FILE *file, const struct search_head *head, const struct hit_list *lists, size_t count,
    const struct job *job, struct err *err)
{
    int rc = 0;
    html_begin(file, count == 1 ? lists[0].query : head->index);
    for (size_t r = 0; r < count && !rc; r++) {
        fprintf(file, "<h%d>", count == 1 ? 1 : 2);
        html_text(file, lists[r].query);
        fprintf(file, "</h%d>\n", count == 1 ? 1 : 2);
        if (r == 0)
            put_head(file, head);
        rc = put_list(file, head, &lists[r], job, err);
    }
    html_end(file);
    return rc;
}

int search_gallery(const char *path, const struct search_head *head, const struct hit_list *lists,
    size_t count, const struct job *job, struct err *err)
{
    struct new_file file;
    int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    rc = put_page(file.stream, head, lists, count, job, err);
    const int closed = new_file_close(&file, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}
