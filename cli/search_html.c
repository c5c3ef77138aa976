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

static void put_page(FILE *file, const struct search_head *head, const struct hit_list *lists, size_t count)
{
    html_begin(file, count == 1 ? lists[0].query : head->index);
    for (size_t r = 0; r < count; r++) {
        fprintf(file, "<h%d>", count == 1 ? 1 : 2);
        html_text(file, lists[r].query);
        fprintf(file, "</h%d>\n", count == 1 ? 1 : 2);
        if (r == 0)
            put_head(file, head);
        if (!lists[r].count)
            fputs("<p>Nothing was found.</p>\n", file);
        fputs("<div class=\"gallery\">\n", file);
        for (size_t i = 0; i < lists[r].count; i++)
            item_figure(file, &lists[r].items[i], lists[r].hits[i].score, head->picture, THUMBNAIL_EDGE);
        fputs("</div>\n", file);
    }
    html_end(file);
}

int search_gallery(const char *path, const struct search_head *head, const struct hit_list *lists,
    size_t count, struct err *err)
{
    struct new_file file;
    const int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    put_page(file.stream, head, lists, count);
    return new_file_close(&file, true, err);
}
