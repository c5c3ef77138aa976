// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate.h"
#include "cli/html.h"

/* The plot: a square of accuracy by confidence, and below it a strip of how many pictures there are. */
enum { LEFT = 46, TOP = 8, SIDE = 300, STRIP = 46, GAP = 8, WIDTH = LEFT + SIDE + 8 };
enum { STRIP_BOTTOM = TOP + SIDE + GAP + STRIP, HEIGHT = STRIP_BOTTOM + 40 };

static double bin_left(size_t bin)
{
    return LEFT + (double)SIDE * (double)bin / CALIBRATION_BINS;
}

/* A bar of a bin between two heights over a floor. */
static void put_bar(FILE *file, const char *class, size_t bin, double floor, double from, double to)
{
    fprintf(file, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>", class,
        bin_left(bin) + 0.75, floor - (from > to ? from : to), (double)SIDE / CALIBRATION_BINS - 1.5,
        from > to ? from - to : to - from);
}

static void put_bin(FILE *file, const struct calibration *calibration, size_t i, size_t most)
{
    const struct calibration_bin *bin = &calibration->bins[i];
    if (!bin->pictures)
        return;
    fprintf(file, "<g><title>confidence %.0f to %.0f %%: %zu pictures, %.1f %% right, said %.1f %%</title>\n",
        100.0 * (double)i / CALIBRATION_BINS, 100.0 * (double)(i + 1) / CALIBRATION_BINS, bin->pictures,
        100 * bin->accuracy, 100 * bin->confidence);
    put_bar(file, "right", i, TOP + SIDE, 0, SIDE * bin->accuracy);
    put_bar(file, "off", i, TOP + SIDE, SIDE * bin->accuracy, SIDE * bin->confidence);
    put_bar(file, "many", i, STRIP_BOTTOM, 0, STRIP * (double)bin->pictures / (double)most);
    fputs("</g>\n", file);
}

static void put_axes(FILE *file)
{
    for (int percent = 0; percent <= 100; percent += 25) {
        const int at = SIDE * percent / 100;
        fprintf(file, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT, LEFT + SIDE,
            TOP + SIDE - at, TOP + SIDE - at);
        fprintf(
            file, "<text class=\"end\" x=\"%d\" y=\"%d\">%d</text>", LEFT - 6, TOP + SIDE - at + 4, percent);
        fprintf(file, "<text class=\"%s\" x=\"%d\" y=\"%d\">%d%s</text>\n", percent < 100 ? "middle" : "end",
            percent < 100 ? LEFT + at : WIDTH, STRIP_BOTTOM + 15, percent, percent < 100 ? "" : " %");
    }
    fprintf(file, "<line class=\"equal\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT, TOP + SIDE,
        LEFT + SIDE, TOP);
    fprintf(file, "<text class=\"middle\" x=\"%d\" y=\"%d\">confidence</text>", LEFT + SIDE / 2,
        STRIP_BOTTOM + 34);
    fprintf(file, "<text class=\"middle\" transform=\"translate(12 %d) rotate(-90)\">right, %%</text>\n",
        TOP + SIDE / 2);
}

static void put_plot(FILE *file, const struct class_report *report, size_t model)
{
    const struct class_evaluation *result = &report->results[model];
    const struct calibration calibration = calibration_of(result->outcomes, result->count);
    size_t most = 0;
    for (size_t i = 0; i < CALIBRATION_BINS; i++)
        if (calibration.bins[i].pictures > most)
            most = calibration.bins[i].pictures;
    fputs("<div>", file);
    if (report->rates->models > 1) {
        fputs("<h3>", file);
        html_path_text(file, report->rates->names[model]);
        fputs("</h3>", file);
    }
    fprintf(file,
        "<p>Expected calibration error %.1f %%</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-label=\"Share of pictures that are right, by confidence\">\n",
        100 * calibration.error, WIDTH, HEIGHT);
    for (size_t i = 0; i < CALIBRATION_BINS; i++)
        put_bin(file, &calibration, i, most);
    put_axes(file);
    fputs("</svg></div>\n", file);
}

void class_reliability_html(FILE *file, const struct class_report *report)
{
    fputs("<h2>As sure as right?</h2>\n<p>Pictures by the probability of the label they got. The bars are "
          "how many of them are right; what is hatched lies between that and what was said, the dashed line. "
          "Below is how many pictures there are.</p>\n<svg class=\"unseen\" "
          "aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"5\" height=\"5\" "
          "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"2\" "
          "height=\"5\"/></pattern></defs></svg>\n<div class=\"plots\">\n",
        file);
    for (size_t m = 0; m < report->rates->models; m++)
        put_plot(file, report, m);
    fputs("</div>\n", file);
}
