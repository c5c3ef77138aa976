// SPDX-License-Identifier: Apache-2.0
/* Curves on a page, as an SVG that needs no script. */
#ifndef DIPTYCH_CLI_HTML_CHART_H
#define DIPTYCH_CLI_HTML_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Points in rising order of x. What is not finite is left out and parts the line. */
struct chart_line {
    const char *name;
    const double *x, *y; // (count)
    size_t count;
};

enum { CHART_LINES = 2 }; /* so many colours there are */

struct chart {
    const char *title, *x_name;
    struct chart_line lines[CHART_LINES]; /* those without points are not there */
    bool noisy;                           /* over lines of many points lies what chart_smooth makes of them */
    bool powers;                          /* the axis of y has powers of ten */
    bool percent;                         /* y is a share of 1 */
};

/* A heading and the chart; nothing where there is no point. */
void html_chart(FILE *file, const struct chart *chart);

/* means[i]: the mean of y[0] to y[i], each weighing 0.9 of the one behind it; what is not finite weighs nothing. It follows
 * changes in about ten points. As Adam's first moment with its correction (Kingma and Ba, 2015). Returns the last, NAN of
 * none; means may be y, or NULL. */
double chart_smooth(double *means, const double *y, size_t count);

#endif
