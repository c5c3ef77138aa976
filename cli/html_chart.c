// SPDX-License-Identifier: Apache-2.0
#include "cli/html_chart.h"

#include "base/base.h"
#include "cli/html.h"

#include <math.h>
#include <stdlib.h>

/* The plot, with room for what stands at its axes. */
enum { LEFT = 50, TOP = 8, SIDE = 420, RISE = 200, WIDTH = LEFT + SIDE + 20, HEIGHT = TOP + RISE + 40 };
enum {
    TICKS = 5, /* about so many on an axis */
    DOTTED =
        40 /* points of a line at most that get a dot each; of more, if noisy, the mean is drawn over them */
};

/* A running mean. */
struct smooth {
    double sum, weight;
};

static double smooth_next(struct smooth *smooth, double y)
{
    const double keep = 0.9;
    if (isfinite(y)) {
        smooth->sum = keep * smooth->sum + (1 - keep) * y;
        smooth->weight = keep * smooth->weight + (1 - keep);
    }
    return smooth->weight > 0 ? smooth->sum / smooth->weight : NAN;
}

double chart_smooth(double *means, const double *y, size_t count)
{
    struct smooth smooth = {0};
    double mean = NAN;
    for (size_t i = 0; i < count; i++) {
        mean = smooth_next(&smooth, y[i]);
        if (means)
            means[i] = mean;
    }
    return mean;
}

/* ---- axes ---------------------------------------------------------------------------------------------- */

/* What an axis shows; of powers of ten all three are exponents. */
struct axis {
    double least, most, step;
};

/* 1, 2 or 5 times a power of ten, TICKS of which span about `range`. */
static double round_step(double range)
{
    const double rough = range / TICKS, power = pow(10, floor(log10(rough))), of = rough / power;
    return power * (of < 1.5 ? 1 : of < 3.5 ? 2 : of < 7.5 ? 5 : 10);
}

/* From tick to tick around what is there. */
static struct axis axis_around(double least, double most)
{
    struct axis axis = {.step = round_step(most > least ? most - least : fmax(fabs(most), 1))};
    axis.least = floor(least / axis.step) * axis.step;
    axis.most = ceil(most / axis.step) * axis.step;
    if (axis.most <= axis.least)
        axis.most = axis.least + axis.step;
    return axis;
}

static double height_of(const struct chart *chart, double y)
{
    return chart->powers ? log10(y) : y;
}

static struct axis y_axis(const struct chart *chart)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t l = 0; l < CHART_LINES; l++)
        for (size_t i = 0; i < chart->lines[l].count; i++) {
            const double height = height_of(chart, chart->lines[l].y[i]);
            least = isfinite(height) ? fmin(least, height) : least;
            most = isfinite(height) ? fmax(most, height) : most;
        }
    if (least > most)
        return (struct axis){0};
    struct axis axis = axis_around(least, most);
    if (chart->powers && axis.step < 1) /* within a decade: whole powers still */
        axis = (struct axis){floor(least), floor(most) + 1, 1};
    return axis;
}

static struct axis x_axis(const struct chart *chart)
{
    double most = 1;
    for (size_t l = 0; l < CHART_LINES; l++)
        if (chart->lines[l].count)
            most = fmax(most, chart->lines[l].x[chart->lines[l].count - 1]);
    return (struct axis){0, most, fmax(1, round_step(most))};
}

static double place(const struct axis *axis, double at)
{
    return (at - axis->least) / (axis->most - axis->least);
}

static void put_value(FILE *file, const struct chart *chart, double height)
{
    if (chart->percent)
        fprintf(file, "%.4g %%", 100 * height);
    else
        fprintf(file, "%.5g", chart->powers ? pow(10, height) : height);
}

static void put_axes(FILE *file, const struct chart *chart, const struct axis *x, const struct axis *y)
{
    const double end = y->most + y->step / 2; /* ticks are sums of steps, and rounded */
    for (double at = y->least; at < end; at += y->step) {
        const double row = TOP + RISE * (1 - place(y, at));
        fprintf(file,
            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text class=\"end\" x=\"%d\" y=\"%.1f\">",
            LEFT, LEFT + SIDE, row, row, LEFT - 6, row + 4);
        put_value(file, chart, fabs(at) < y->step / 1e6 ? 0 : at);
        fputs("</text>\n", file);
    }
    for (double at = 0; at <= x->most; at += x->step)
        fprintf(file, "<text class=\"middle\" x=\"%.1f\" y=\"%d\">%.0f</text>\n", LEFT + SIDE * place(x, at),
            TOP + RISE + 16, at);
    fprintf(file, "<text class=\"middle\" x=\"%d\" y=\"%d\">", LEFT + SIDE / 2, TOP + RISE + 34);
    html_text(file, chart->x_name);
    fputs("</text>\n", file);
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* Where the points of one line go. */
struct pen {
    FILE *file;
    const struct chart *chart;
    const struct axis *x, *y;
    bool down;
};

static double column_of(const struct pen *pen, double x)
{
    return LEFT + SIDE * place(pen->x, x);
}

static double row_of(const struct pen *pen, double height)
{
    return TOP + RISE * (1 - place(pen->y, height));
}

static void put_point(struct pen *pen, double x, double height)
{
    fprintf(pen->file, "%c%.1f %.1f", pen->down ? 'L' : 'M', column_of(pen, x), row_of(pen, height));
    pen->down = true;
}

/* heights (line->count). Points that share a column of pixels are as one stroke between the lowest and the highest of them. */
static void put_path(struct pen *pen, const char *class, const struct chart_line *line, const double *heights)
{
    fprintf(pen->file, "<path class=\"%s\" d=\"", class);
    pen->down = false;
    for (size_t begin = 0, end; begin < line->count; begin = end) {
        const double column = floor(column_of(pen, line->x[begin]));
        double least = INFINITY, most = -INFINITY;
        for (end = begin; end < line->count && floor(column_of(pen, line->x[end])) == column; end++) {
            if (!isfinite(heights[end])) {
                pen->down = false;
                continue;
            }
            least = fmin(least, heights[end]);
            most = fmax(most, heights[end]);
        }
        if (least <= most)
            put_point(pen, line->x[begin], least);
        if (least < most)
            put_point(pen, line->x[begin], most);
    }
    fputs("\"/>\n", pen->file);
}

static void put_dots(struct pen *pen, const struct chart_line *line, const double *heights)
{
    for (size_t i = 0; i < line->count; i++) {
        if (!isfinite(heights[i]))
            continue;
        fprintf(pen->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", column_of(pen, line->x[i]),
            row_of(pen, heights[i]));
        html_text(pen->file, pen->chart->x_name);
        fprintf(pen->file, " %.0f: ", line->x[i]);
        put_value(pen->file, pen->chart, heights[i]);
        fputs("</title></circle>", pen->file);
    }
}

static void put_line(struct pen *pen, const struct chart_line *line, const char *class)
{
    const bool many = line->count > DOTTED, smoothed = many && pen->chart->noisy;
    double *heights = mem_new(line->count, sizeof *heights);
    if (!heights)
        return;
    for (size_t i = 0; i < line->count; i++)
        heights[i] = height_of(pen->chart, line->y[i]);
    fprintf(pen->file, "<g class=\"%s\">", class);
    put_path(pen, smoothed ? "faint" : "line", line, heights);
    if (smoothed) {
        chart_smooth(heights, heights, line->count);
        put_path(pen, "line", line, heights);
    } else if (!many)
        put_dots(pen, line, heights);
    fputs("</g>\n", pen->file);
    free(heights);
}

/* ---- a chart ------------------------------------------------------------------------------------------- */

static void put_keys(FILE *file, const struct chart *chart)
{
    fputs("<p class=\"keys\">", file);
    for (size_t l = 0; l < CHART_LINES; l++)
        if (chart->lines[l].count) {
            fprintf(file, "<span class=\"%s\"><i></i>", l ? "text" : "");
            html_text(file, chart->lines[l].name);
            fputs("</span>", file);
        }
    fputs("</p>\n", file);
}

void html_chart(FILE *file, const struct chart *chart)
{
    static const char *const classes[CHART_LINES] = {"first", "second"};
    const struct axis x = x_axis(chart), y = y_axis(chart);
    struct pen pen = {file, chart, &x, &y, false};
    if (y.step == 0)
        return;
    fputs("<div>\n<h3>", file);
    html_text(file, chart->title);
    fputs("</h3>\n", file);
    if (chart->lines[0].count && chart->lines[1].count)
        put_keys(file, chart);
    fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    html_text(file, chart->title);
    fputs("\">\n", file);
    put_axes(file, chart, &x, &y);
    for (size_t l = 0; l < CHART_LINES; l++)
        if (chart->lines[l].count)
            put_line(&pen, &chart->lines[l], classes[l]);
    fputs("</svg></div>\n", file);
}
