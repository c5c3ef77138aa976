// SPDX-License-Identifier: Apache-2.0
#include "cli/html.h"
#include "cli/index_map.h"

#include <math.h>

enum {
    THUMBNAILS_MAX = 1500,
    TILE = 6,        /* edge of a picture that the map itself shows, in percent of its width: page.css */
    TILES_MAX = 400, /* more than fit */
    TILES_FROM_START = 100 /* pictures of an index whose map shows them from the start */
};

/* ---- the part of the plane that is shown --------------------------------------------------------------- */

/* One unit of the plane is as long across as down. */
struct frame {
    double left, top, width, height; /* in the plane, where y goes up */
    double step;                     /* between two lines of the grid */
};

/* 1, 2 or 5 times a power of ten, at least x. */
static double round_step(double x)
{
    const double power = pow(10, floor(log10(x)));
    return x <= power ? power : x <= 2 * power ? 2 * power : x <= 5 * power ? 5 * power : 10 * power;
}

/* All points and a margin, in a shape that fits a screen. */
static struct frame frame_of(const float *points, size_t count)
{
    const double margin = 0.06, widest = 2, highest = 1.25; /* width / height */
    double min[2] = {INFINITY, INFINITY}, max[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * count; i++) {
        min[i % 2] = fmin(min[i % 2], (double)points[i]);
        max[i % 2] = fmax(max[i % 2], (double)points[i]);
    }
    double width = (max[0] - min[0]) * (1 + 2 * margin), height = (max[1] - min[1]) * (1 + 2 * margin);
    if (!(width + height > 0))
        width = height = 1; /* all in one place */
    width = fmax(width, highest * height);
    height = fmax(height, width / widest);
    return (struct frame){
        (min[0] + max[0] - width) / 2, (min[1] + max[1] + height) / 2, width, height, round_step(width / 10)};
}

/* Where a point is, in percent of the frame from its top left. */
static double across(const struct frame *frame, double x)
{
    return 100 * (x - frame->left) / frame->width;
}

static double down(const struct frame *frame, double y)
{
    return 100 * (frame->top - y) / frame->height;
}

/* Lines at multiples of the step, but where their numbers would stand out at the ends. */
static void put_grid(FILE *file, const struct frame *frame, char axis)
{
    const double low = axis == 'x' ? frame->left : frame->top - frame->height;
    const double length = axis == 'x' ? frame->width : frame->height, keep_off = 0.03 * length;
    const int digits = frame->step < 1 ? (int)ceil(-log10(frame->step) - 1e-9) : 0;
    for (double i = ceil((low + keep_off) / frame->step); i * frame->step <= low + length - keep_off; i++) {
        const double value = i * frame->step;
        fprintf(file, "<div class=\"%c%s\" style=\"--at:%.2f\"><span>%s%.*f</span></div>\n", axis,
            value < 0 || value > 0 ? "" : " zero", axis == 'x' ? across(frame, value) : down(frame, value),
            value < 0 ? "&minus;" : "", digits, fabs(value));
    }
}

/* ---- points -------------------------------------------------------------------------------------------- */

struct points {
    FILE *file;
    const struct map_report *report;
    struct frame frame;
    size_t images, pictures, thumbnails; /* pictures: images with a path */
    int edge;                            /* of a thumbnail */
    size_t seen;                         /* pictures so far */
    size_t shown;                        /* thumbnails so far */
    double tiles[TILES_MAX][2];          /* where the map shows pictures; percent */
    size_t tile_count;
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

/* Whether the map itself has room for a picture at this place, beside those that it has. */
static bool take_tile(struct points *p, double x, double y)
{
    const double shape = p->frame.height / p->frame.width;
    for (size_t i = 0; i < p->tile_count; i++)
        if (fabs(p->tiles[i][0] - x) < TILE && fabs(p->tiles[i][1] - y) * shape < TILE)
            return false;
    if (p->tile_count == TILES_MAX)
        return false;
    p->tiles[p->tile_count][0] = x;
    p->tiles[p->tile_count++][1] = y;
    return true;
}

static void put_card(struct points *p, const struct index_item *item, bool thumbnail)
{
    fputs("<div>", p->file);
    if (thumbnail) {
        const struct picture_options options = {.min_edge = p->edge};
        html_thumbnail(p->file, item->path, &options, p->edge);
        p->shown++;
    }
    fputs("<p>", p->file);
    html_text(p->file, index_item_name(item));
    fputs("</p></div></li>\n", p->file);
}

static void put_point(struct points *p, size_t i)
{
    const struct index_item *item = &p->report->view->items[i];
    const float *at = p->report->points + 2 * i;
    const double x = across(&p->frame, (double)at[0]), y = down(&p->frame, (double)at[1]);
    const bool thumbnail = has_picture(item) && take_thumbnail(p);
    fprintf(p->file, "<li class=\"%s%s%s\" style=\"--x:%.2f;--y:%.2f\" tabindex=\"0\">",
        item->kind == INDEX_IMAGE ? "image" : "text", y > 50 ? " low" : "",
        thumbnail && take_tile(p, x, y) ? " tile" : "", x, y);
    put_card(p, item, thumbnail);
}

static int put_points(struct points *p, const struct job *job, struct err *err)
{
    int rc = 0;
    fputs("<ul>\n", p->file);
    for (size_t i = 0; i < p->report->view->count && !rc; i++) {
        put_point(p, i);
        rc = job_step(job, "thumbnails", p->shown, p->thumbnails, err);
    }
    fputs("</ul>\n", p->file);
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

static void put_box(FILE *file, const char *class, bool checked)
{
    fprintf(file, "<label class=\"%s\"><input type=\"checkbox\"%s>", class, checked ? " checked" : "");
}

/* What the colours mean, where there are two. The boxes take points off the map, and turn them into pictures,
 * by the style alone. */
static void put_keys(const struct points *p)
{
    const size_t count = p->report->view->count;
    fputs("<div class=\"keys\">\n", p->file);
    if (p->images && p->images < count) {
        put_box(p->file, "image", true);
        fprintf(p->file, "<i></i>%zu pictures</label>\n", p->images);
        put_box(p->file, "text", true);
        fprintf(p->file, "<i></i>%zu texts</label>\n", count - p->images);
    }
    if (p->thumbnails) {
        put_box(p->file, "tiles", p->images <= TILES_FROM_START);
        fputs("show pictures where there is room</label>\n", p->file);
    }
    fputs("</div>\n", p->file);
}

static int put_map(struct points *p, const struct job *job, struct err *err)
{
    const struct map_report *report = p->report;
    const double dot = fmax(3, 14 - 2.3 * log10((double)report->view->count)); /* pixels */
    fprintf(p->file, "<div class=\"map\" style=\"--aspect:%.4f;--dot:%.0fpx\">\n",
        p->frame.width / p->frame.height, dot);
    put_grid(p->file, &p->frame, 'x');
    put_grid(p->file, &p->frame, 'y');
    fprintf(p->file,
        "<div class=\"below\">first component, %.1f %% of the variance</div>\n"
        "<div class=\"beside\">second component, %.1f %%</div>\n",
        100 * report->explained[0], 100 * report->explained[1]);
    const int rc = put_points(p, job, err);
    fputs("</div>\n", p->file);
    return rc;
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
    struct points p = {.file = file, .report = report, .frame = frame_of(report->points, count)};
    for (size_t i = 0; i < count; i++) {
        p.images += report->view->items[i].kind == INDEX_IMAGE;
        p.pictures += has_picture(&report->view->items[i]);
    }
    p.thumbnails = p.pictures < THUMBNAILS_MAX ? p.pictures : THUMBNAILS_MAX;
    p.edge = html_thumbnail_edge(p.thumbnails);
    html_begin(file, report->path);
    fputs("<h1>", file);
    html_text(file, report->path);
    fprintf(file,
        "</h1>\n<p>%zu items of the index in the plane of the two principal components of their embeddings: "
        "neighbours are alike, as far as a plane can tell. Point at one to see it.</p>\n",
        count);
    put_figures(file, report);
    put_keys(&p);
    const int rc = put_map(&p, job, err);
    put_notes(&p);
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
