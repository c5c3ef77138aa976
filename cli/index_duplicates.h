// SPDX-License-Identifier: Apache-2.0
/* Groups of near copies, of one index or of its shards: the options that these have in common, and how groups come out. */
#ifndef DIPTYCH_CLI_INDEX_DUPLICATES_H
#define DIPTYCH_CLI_INDEX_DUPLICATES_H

#include "cli/options.h"
#include "cli/preview.h"
#include "cli/progress.h"
#include "index/index.h"

/* As index_fetch. */
typedef int item_fetch(void *context, struct index_item *items, const int64_t *rows, size_t count,
    struct arena *arena, struct err *err);

/* Begins as DUPLICATES. */
struct duplicates {
    bool quiet;
    const char *path, *html;
    struct index_filter filter;
    double threshold;
    bool threshold_said;
    bool identical; /* only the same bytes: there is no threshold */
    bool others;    /* list all but the best of each group */
    int format;     /* -1: none named */
    struct preview preview;

    int64_t chosen; /* items looked at */
    struct index_groups groups;
    struct progress progress;
    struct job job;
    const char *command; /* that lists them again */
    item_fetch *fetch;
    void *fetch_context;
    size_t other_count, in_archives; /* in_archives: of the others that are not listed, being no files */
    int64_t other_bytes;
};

#define DUPLICATES(name)                                                                                     \
    {                                                                                                        \
        .command = name, .threshold = INDEX_NEAR_COPY, .format = -1                                          \
    }

/* --threshold, --identical, --keep and --html, and the options of filters, formats and previews. Input: a struct duplicates. */
extern const struct argp duplicates_argp;

/* duplicates_begin sets up progress and job; duplicates_print, once chosen and groups are there, writes the page and prints them. */
void duplicates_begin(struct duplicates *d);
int duplicates_print(struct duplicates *d, item_fetch *fetch, void *context, struct err *err);

/* Writes the groups as the HTML page d->html, the first of them where there are too many for a browser; the best picture of each
 * is marked. */
int duplicates_page(const struct duplicates *d, struct err *err);
void duplicates_release(struct duplicates *d);

#endif
