// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/index_map.h"
#include "joint/collection/collection.h"

enum {
    THUMBNAILS_MAX = 25000, /* of 2 kB, which is what browsers can be asked to take */
    AT_ONCE = 256           /* points */
};

/* ---- points -------------------------------------------------------------------------------------------- */

struct points {
    FILE *file;
    const struct map_report *report;
    size_t images, pictures, thumbnails; /* pictures: images with a path; thumbnails: those that get one */
    size_t seen;                         /* pictures so far */
    int edge;                            /* of a thumbnail */
};

/* Points that are made at once: i is of all. */
struct batch {
    const struct points *points;
    size_t begin;
    bool wanted[AT_ONCE];
    struct thumbnail thumbnails[AT_ONCE]; /* empty where there is none */
};

static bool has_picture(const struct index_item *item)
{
    return item->kind == INDEX_IMAGE && item->path;
}

/* Whether the next picture gets a thumbnail: `thumbnails` of all, at even distances. */
static bool take_thumbnail(struct points *p)
{
    const size_t before = p->seen++ * p->thumbnails / p->pictures;
    return p->seen * p->thumbnails / p->pictures > before;
}

static void make_thumbnail(void *context, size_t i)
{
    struct batch *batch = context;
    const struct points *p = batch->points;
    const struct picture_options options = {.min_edge = p->edge, .truncated = true};
    if (batch->wanted[i])
        thumbnail_read(&batch->thumbnails[i], picture_of_item(&p->report->view->items[batch->begin + i]),
            p->edge, &options, NULL);
}

/* A line of what points.js reads. */
static void put_point(const struct points *p, size_t i, const struct thumbnail *thumbnail)
{
    const struct index_item *item = &p->report->view->items[i];
    const float *at = p->report->points + 2 * i;
    FILE *file = p->file;
    fprintf(file, "%s[%.5g, %.5g, %d, ", i ? ",\n" : "", (double)at[0], (double)at[1],
        item->kind == INDEX_IMAGE ? 0 : 1);
    html_json(file, index_item_name(item));
    fputs(", \"", file);
    if (has_picture(item) && *item->path == '/')
        html_file_url(file, item->path);
    fputs("\", \"", file);
    if (thumbnail->bytes)
        html_data_url(file, thumbnail);
    fputs("\"]", file);
}

static void put_batch(struct batch *batch, size_t count, struct points *p, const struct job *job)
{
    for (size_t i = 0; i < count; i++)
        batch->wanted[i] = has_picture(&p->report->view->items[batch->begin + i]) && take_thumbnail(p);
    job_loop(job, count, make_thumbnail, batch);
    for (size_t i = 0; i < count; i++) {
        put_point(p, batch->begin + i, &batch->thumbnails[i]);
        thumbnail_release(&batch->thumbnails[i]);
    }
}

static int put_points(struct points *p, const struct job *job, struct err *err)
{
    const size_t all = p->report->view->count;
    int rc = 0;
    fputs("<script type=\"application/json\" id=\"points\">\n[", p->file);
    for (size_t begin = 0; begin < all && !rc; begin += AT_ONCE) {
        struct batch batch = {.points = p, .begin = begin};
        put_batch(&batch, all - begin < AT_ONCE ? all - begin : AT_ONCE, p, job);
        rc = job_step(job, "items", begin, all, err);
    }
    fputs("]\n</script>\n", p->file);
    return rc;
}

/* ---- what stands around them --------------------------------------------------------------------------- */

static void put_share(FILE *file, const char *name, double share)
{
    fprintf(file, "<div><dt>%s</dt><dd>%.1f <small>%%</small></dd></div>\n", name, 100 * share);
}

static void put_figures(FILE *file, const struct map_report *report)
{
    fprintf(file, "<dl class=\"figures\">\n<div><dt>items</dt><dd>%zu</dd></div>\n", report->view->count);
    put_share(file, "first component", report->explained[0]);
    put_share(file, "second component", report->explained[1]);
    put_share(file, "variance in this plane", report->explained[0] + report->explained[1]);
    fputs("</dl>\n", file);
}

/* What the colours mean, where there are two; the boxes take points off the map. */
static void put_keys(const struct points *p)
{
    const size_t texts = p->report->view->count - p->images;
    fputs("<div class=\"keys\">\n", p->file);
    if (p->images && texts)
        fprintf(p->file,
            "<label><input type=\"checkbox\" data-shade=\"0\" checked><i></i>%zu pictures</label>\n"
            "<label class=\"text\"><input type=\"checkbox\" data-shade=\"1\" checked><i></i>%zu "
            "texts</label>\n",
            p->images, texts);
    if (p->thumbnails)
        fputs("<label><input type=\"checkbox\" id=\"tiles\" checked>pictures where there is room</label>\n",
            p->file);
    fputs("</div>\n", p->file);
}

static void put_notes(const struct points *p)
{
    if (p->thumbnails < p->pictures)
        fprintf(p->file,
            "<p>%zu of the %zu pictures, evenly chosen, have a thumbnail; the others show their path.</p>\n",
            p->thumbnails, p->pictures);
}

static int put_page(FILE *file, const struct map_report *report, const struct job *job, struct err *err)
{
    const size_t count = report->view->count;
    struct points p = {.file = file, .report = report};
    for (size_t i = 0; i < count; i++) {
        p.images += report->view->items[i].kind == INDEX_IMAGE;
        p.pictures += has_picture(&report->view->items[i]);
    }
    p.thumbnails = p.pictures < THUMBNAILS_MAX ? p.pictures : THUMBNAILS_MAX;
    p.edge = html_thumbnail_edge(p.thumbnails);
    html_begin(file, report->path);
    fputs("<h1>", file);
    html_path_text(file, report->path);
    fprintf(file,
        "</h1>\n<p>%zu items of the index in the plane of the two principal components of their embeddings: "
        "neighbours are alike, as far as a plane can tell. The wheel, two fingers, + and &minus; zoom; point "
        "at "
        "an item to see it.</p>\n",
        count);
    put_figures(file, report);
    put_keys(&p);
    fputs("<section id=\"map\"><noscript>The map takes JavaScript.</noscript></section>\n", file);
    put_notes(&p);
    const int rc = put_points(&p, job, err);
    html_script(file, "map.js");
    html_script(file, "points.js");
    html_end(file);
    return rc;
}

int map_page(const char *path, const struct map_report *report, const struct job *job, struct err *err)
{
    struct new_file file;
    int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    rc = put_page(file.stream, report, job, err);
    const int closed = new_file_close(&file, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}
