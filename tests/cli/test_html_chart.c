// SPDX-License-Identifier: Apache-2.0
/* Charts on pages: points stand where their values say, by the ticks of the axes, read back from the SVG. */
#include "cli/html_chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a chart is as text. */
static char *drawn(const struct chart *chart)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    html_chart(file, chart);
    fclose(file);
    return text;
}

/* The value that the ticks of an axis give a place: a line through its two outermost. */
struct scale {
    double first_place, first_value, last_place, last_value;
};

static double value_at(const struct scale *scale, double place)
{
    return scale->first_value + (place - scale->first_place) * (scale->last_value - scale->first_value) /
                                    (scale->last_place - scale->first_place);
}

/* Of labels of one class: `axis` is the attribute that differs among them. */
static struct scale read_ticks(const char *svg, const char *class, const char *axis)
{
    struct scale scale = {0};
    char opening[64];
    size_t count = 0;
    snprintf(opening, sizeof opening, "<text class=\"%s\"", class);
    for (const char *at = strstr(svg, opening); at; at = strstr(at + 1, opening)) {
        const char *place = strstr(at, axis), *text = strchr(at, '>');
        char *end;
        const double value = strtod(text + 1, &end);
        if (end == text + 1) /* the axis's name */
            continue;
        scale.last_place = strtod(place + strlen(axis), NULL);
        scale.last_value = value;
        if (!count++) {
            scale.first_place = scale.last_place;
            scale.first_value = value;
        }
    }
    assert_true(count >= 2);
    return scale;
}

/* The first path of the chart: its points as values; returns how many, and of these *strokes begin anew. */
static size_t read_path(double *x, double *y, size_t room, size_t *strokes, const char *svg, double lift)
{
    const struct scale columns = read_ticks(svg, "middle", " x=\""), rows = read_ticks(svg, "end", " y=\"");
    const char *at = strstr(svg, " d=\"");
    size_t count = 0;
    assert_non_null(at);
    *strokes = 0;
    for (at += 4; *at == 'M' || *at == 'L'; count++) {
        char *end;
        assert_true(count < room);
        *strokes += *at == 'M';
        x[count] = value_at(&columns, strtod(at + 1, &end));
        y[count] = value_at(&rows, strtod(end, &end) + lift);
        at = end;
    }
    assert_int_equal(*at, '"');
    return count;
}

enum { LABEL_DROP = 4 }; /* of a label's baseline below the line that it names */

static void test_points(void **state)
{
    (void)state;
    const double x[] = {100, 200, 350, 400}, y[] = {4.25, 1.5, 2, -0.5};
    char *svg = drawn(&(struct chart){.title = "a < b", .x_name = "step", .lines = {{"a", x, y, 4}}});
    double at_x[4], at_y[4];
    size_t strokes;
    assert_int_equal(read_path(at_x, at_y, 4, &strokes, svg, LABEL_DROP), 4);
    assert_int_equal(strokes, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_true(fabs(at_x[i] - x[i]) < 0.5);
        assert_true(fabs(at_y[i] - y[i]) < 0.01);
    }
    assert_non_null(strstr(svg, "a &lt; b"));
    assert_non_null(strstr(svg, "<title>step 350: 2</title>"));
    assert_null(strstr(svg, "class=\"keys\"")); /* one line needs no key */
    free(svg);
}

static void test_powers(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, y[] = {0.1, 0, 1000}; /* 0 has no place among powers */
    char *svg =
        drawn(&(struct chart){.title = "t", .x_name = "step", .lines = {{"a", x, y, 3}}, .powers = true});
    double at_x[3], at_y[3];
    size_t strokes;
    assert_int_equal(read_path(at_x, at_y, 3, &strokes, svg, 0), 2);
    assert_int_equal(strokes, 2);
    assert_non_null(strstr(svg, ">0.1</text>"));
    assert_non_null(strstr(svg, ">1000</text>"));
    assert_null(strstr(svg, ">0</text>\n<line")); /* nor a tick */
    free(svg);
}

static void test_shares(void **state)
{
    (void)state;
    const double x[] = {1, 2}, y[] = {0.5, 1};
    char *svg = drawn(&(struct chart){
        .title = "t", .x_name = "step", .lines = {{"a", x, y, 2}, {"b", x, y, 2}}, .percent = true});
    assert_non_null(strstr(svg, ">100 %</text>"));
    assert_non_null(strstr(svg, "class=\"keys\""));
    free(svg);
}

/* Nothing, one point, one value, and what is not finite. */
static void test_odd(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, none[] = {NAN, INFINITY, NAN}, same[] = {7, 7, 7};
    char *svg = drawn(&(struct chart){.title = "t", .x_name = "step"});
    assert_string_equal(svg, "");
    free(svg);
    svg = drawn(&(struct chart){.title = "t", .x_name = "step", .lines = {{"a", x, none, 3}}});
    assert_string_equal(svg, "");
    free(svg);
    for (size_t count = 1; count <= 3; count += 2) {
        svg = drawn(&(struct chart){.title = "t", .x_name = "step", .lines = {{"a", x, same, count}}});
        double at_x[3], at_y[3];
        size_t strokes;
        assert_int_equal(read_path(at_x, at_y, 3, &strokes, svg, LABEL_DROP), count);
        assert_true(fabs(at_y[0] - 7) < 0.01);
        assert_null(strstr(svg, "nan"));
        assert_null(strstr(svg, "inf"));
        free(svg);
    }
}

/* Of a million points as many are drawn as there are columns of pixels; peaks are among them. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    double *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (double)i + 1;
        y[i] = i == 654321 ? 9 : i % 2 ? 1 : 2;
    }
    char *svg = drawn(&(struct chart){.title = "t", .x_name = "step", .lines = {{"a", x, y, COUNT}}});
    assert_true(strlen(svg) < 40000);
    static double at_x[2000], at_y[2000];
    size_t strokes;
    const size_t points = read_path(at_x, at_y, 2000, &strokes, svg, LABEL_DROP);
    double most = 0;
    for (size_t i = 0; i < points; i++)
        most = fmax(most, at_y[i]);
    assert_true(fabs(most - 9) < 0.1);
    free(svg);
    free(x);
    free(y);
}

static void test_smooth(void **state)
{
    (void)state;
    const double y[] = {NAN, 0, 1, INFINITY, 1};
    double means[5];
    chart_smooth(means, y, 5);
    assert_true(isnan(means[0]));
    assert_true(means[1] == 0);
    assert_true(fabs(means[2] - 1 / 1.9) < 1e-12);
    assert_true(means[3] == means[2]);
    assert_true(fabs(means[4] - 1.9 / (1 + 0.9 + 0.9 * 0.9)) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_powers),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_smooth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
