// SPDX-License-Identifier: Apache-2.0
#include "cli/index_cluster.h"
#include "cli/item_html.h"

enum { SHOWN = 12 /* items of a cluster */ };

static void put_name(FILE *file, const struct cluster_report *report, size_t number)
{
    const char *label = report->clusters[number].label;
    fprintf(file, "%zu", number + 1);
    if (label) {
        fputs(" &middot; ", file);
        html_text(file, label);
    }
}

static void put_figures(FILE *file, const struct cluster_report *report)
{
    fprintf(file,
        "<dl "
        "class=\"figures\">\n<div><dt>items</dt><dd>%zu</dd></div>\n<div><dt>clusters</dt><dd>%zu</dd></"
        "div>\n"
        "<div><dt>mean cosine with the centre</dt><dd>%.3f</dd></div>\n</dl>\n",
        report->view->count, report->count, report->similarity);
}

/* What leads to each cluster. */
static void put_contents(FILE *file, const struct cluster_report *report)
{
    fputs("<nav>\n", file);
    for (size_t number = 0; number < report->count; number++) {
        fprintf(file, "<a href=\"#cluster%zu\">", number + 1);
        put_name(file, report, number);
        fprintf(file, " <small>%zu</small></a>\n", report->clusters[number].size);
    }
    fputs("</nav>\n", file);
}

static size_t shown_of(const struct cluster *cluster)
{
    return cluster->size < SHOWN ? cluster->size : SHOWN;
}

/* *done: the items so far, of `all`. */
static int put_cluster(FILE *file, const struct cluster_report *report, size_t number, size_t *done,
    size_t all, const struct job *job, struct err *err)
{
    int rc = 0;
    const struct cluster *cluster = &report->clusters[number];
    const size_t shown = shown_of(cluster);
    fprintf(file, "<h2 id=\"cluster%zu\">", number + 1);
    put_name(file, report, number);
    fprintf(file, "</h2>\n<p>%zu item%s, mean cosine with the centre %.3f", cluster->size,
        cluster->size == 1 ? "" : "s", cluster->cosine);
    if (cluster->label)
        fprintf(file, ", the label&rsquo;s %.3f", cluster->label_cosine);
    if (shown < cluster->size)
        fprintf(file, "; the %zu nearest", shown);
    fputs("</p>\n", file);
    fputs("<div class=\"gallery\">\n", file);
    for (size_t n = 0; n < shown && !rc; n++) {
        const size_t i = cluster->items[n];
        rc = job_step(job, "items", (*done)++, all, err);
        const struct item_card card = {.item = &report->view->items[i], .score = report->cosines[i]};
        item_figure(file, &card, report->picture, html_thumbnail_edge(all));
    }
    fputs("</div>\n", file);
    return rc;
}

static int put_page(FILE *file, const struct cluster_report *report, const struct job *job, struct err *err)
{
    size_t shown = 0, done = 0;
    int rc = 0;
    for (size_t number = 0; number < report->count; number++)
        shown += shown_of(&report->clusters[number]);
    html_begin(file, report->path);
    fputs("<h1>", file);
    html_path_text(file, report->path);
    fputs("</h1>\n<p>Items in clusters, each of what is alike. The number below an item is the cosine of its "
          "embedding with the centre of its cluster",
        file);
    fputs(report->clusters[0].label ? "; a cluster has the label whose text is closest to that centre.</p>\n"
                                    : ".</p>\n",
        file);
    put_figures(file, report);
    put_contents(file, report);
    for (size_t number = 0; number < report->count && !rc; number++)
        rc = put_cluster(file, report, number, &done, shown, job, err);
    html_end(file);
    return rc;
}

int cluster_page(
    const char *path, const struct cluster_report *report, const struct job *job, struct err *err)
{
    struct new_file file;
    int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    rc = put_page(file.stream, report, job, err);
    const int closed = new_file_close(&file, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}
