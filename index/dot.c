// SPDX-License-Identifier: Apache-2.0
#include "index/dot.h"

enum { LANES = 8 };

static double add_up(const double lanes[LANES])
{
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

double dot_f32(const float *a, const float *b, size_t width)
{
    double lanes[LANES] = {0};
    size_t e = 0;
    for (; e + LANES <= width; e += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += (double)a[e + l] * b[e + l];
    for (; e < width; e++)
        lanes[e % LANES] += (double)a[e] * b[e];
    return add_up(lanes);
}

double dot_f64(const double *a, const double *b, size_t width)
{
    double lanes[LANES] = {0};
    size_t e = 0;
    for (; e + LANES <= width; e += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += a[e + l] * b[e + l];
    for (; e < width; e++)
        lanes[e % LANES] += a[e] * b[e];
    return add_up(lanes);
}
