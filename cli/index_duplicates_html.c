// SPDX-License-Identifier: Apache-2.0
#include "cli/index_duplicates.h"
#include "cli/item_html.h"
#include "cli/text.h"
#include "joint/collection/collection.h"

#include <inttypes.h>

enum { CARDS_MAX = 2000 };

struct page {
    FILE *file;
    const struct duplicates *d;
    size_t groups, cards; /* that are shown */
    size_t done;          /* of the cards */
    int edge;
};

static size_t begin_of(const struct index_groups *groups, size_t number)
{
    return number ? groups->ends[number - 1] : 0;
}

static void put_cards(struct page *page, const struct index_item *items, const struct picture_facts *facts,
    const double *scores, size_t count)
{
    bool others[CARDS_MAX];
    const size_t best = pictures_keep_best(others, items, facts, count);
    fputs("<div class=\"gallery\">\n", page->file);
    for (size_t i = 0; i < count; i++) {
        const struct item_card card = {&items[i], scores[i], i == best ? "best" : NULL, &facts[i].sharpness};
        item_figure(page->file, &card, NULL, page->edge);
    }
    fputs("</div>\n", page->file);
}

/* A group with more cards than a page holds shows the first of them. */
static int put_group(struct page *page, size_t number, const struct job *job, struct err *err)
{
    const struct index_groups *groups = &page->d->groups;
    const size_t begin = begin_of(groups, number), all = groups->ends[number] - begin;
    const size_t count = all < CARDS_MAX ? all : CARDS_MAX;
    struct arena arena = {0};
    struct index_item *items = arena_alloc(&arena, count * sizeof *items);
    struct picture_facts *facts = arena_alloc(&arena, count * sizeof *facts);
    fprintf(page->file, "<h2>Group %zu</h2>\n<p>%zu items", number + 1, all);
    if (count < all)
        fprintf(page->file, "; the first %zu are shown, and the best of these", count);
    fputs("</p>\n", page->file);
    int rc = items && facts ? job_step(job, "items", page->done, page->cards, err)
                            : err_memory(err, count * sizeof *items);
    if (!rc)
        rc = page->d->fetch(page->d->fetch_context, items, groups->rows + begin, count, &arena, err);
    if (!rc)
        rc = pictures_look_at(facts, items, count, NULL, job, err);
    if (!rc)
        put_cards(page, items, facts, groups->scores + begin, count);
    page->done += count;
    arena_release(&arena);
    return rc;
}

static void put_head(const struct page *page)
{
    const struct duplicates *d = page->d;
    const struct index_groups *groups = &d->groups;
    FILE *file = page->file;
    fputs("<h1>", file);
    html_path_text(file, d->path);
    fputs("</h1>\n<p>Groups of ", file);
    if (d->identical)
        fputs("files with the same bytes.", file);
    else
        fprintf(file,
            "items any two of which have a cosine of at least %g. The number below an item is its "
            "highest cosine within the group.",
            d->threshold);
    fputs(" The best picture of a group has the most pixels; of these it is the sharpest, by the variance of "
          "its "
          "Laplacian, then the largest file, then the oldest.</p>\n<p>The others, for a program that removes "
          "them: <code>",
        file);
    html_text(file, d->command);
    fputc(' ', file);
    html_text(file, d->path);
    fputs(d->identical ? " --identical" : "", file);
    if (!d->identical)
        fprintf(file, " -t %g", d->threshold);
    fprintf(file,
        " --keep best -0</code></p>\n<dl class=\"figures\">\n<div><dt>items</dt><dd>%" PRId64 "</dd></div>\n"
        "<div><dt>groups</dt><dd>%zu</dd></div>\n<div><dt>items in groups</dt><dd>%zu</dd></div>\n</dl>\n",
        d->chosen, groups->count, begin_of(groups, groups->count));
    if (page->groups < groups->count)
        fprintf(file, "<p>The first %zu groups are shown.</p>\n", page->groups);
}

static int put_page(struct page *page, const struct job *job, struct err *err)
{
    const struct index_groups *groups = &page->d->groups;
    int rc = 0;
    while (page->groups < groups->count && (!page->groups || groups->ends[page->groups] <= CARDS_MAX))
        page->groups++;
    page->cards = begin_of(groups, page->groups);
    page->edge = html_thumbnail_edge(page->cards);
    html_begin(page->file, page->d->path);
    put_head(page);
    for (size_t number = 0; number < page->groups && !rc; number++)
        rc = put_group(page, number, job, err);
    html_end(page->file);
    return rc;
}

int duplicates_page(const struct duplicates *d, struct err *err)
{
    struct new_file file;
    int rc = new_file_open(&file, d->html, err);
    if (rc)
        return rc;
    struct page page = {.file = file.stream, .d = d};
    rc = put_page(&page, &d->job, err);
    const int closed = new_file_close(&file, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}
