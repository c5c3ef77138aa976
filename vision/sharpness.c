// SPDX-License-Identifier: Apache-2.0
#include "vision/rgb.h"

/* The variance of the Laplacian, whose kernel is [0 1 0; 1 -4 1; 0 1 0], over the pixels with four neighbours. */
static double laplacian_variance(const struct picture *picture)
{
    const int width = picture->width, height = picture->height;
    const size_t row = 3 * (size_t)width;
    double sum = 0, squares = 0;
    if (width < 3 || height < 3)
        return 0;
    for (int y = 1; y + 1 < height; y++)
        for (int x = 1; x + 1 < width; x++) {
            const uint8_t *at = picture->pixels + (size_t)y * row + 3 * (size_t)x;
            const int value = pixel_luma(at - 3) + pixel_luma(at + 3) + pixel_luma(at - row) +
                              pixel_luma(at + row) - 4 * pixel_luma(at);
            sum += value;
            squares += (double)value * value;
        }
    const double count = (double)(width - 2) * (height - 2), mean = sum / count;
    return squares / count - mean * mean;
}

int picture_sharpness(
    double *out, struct picture_source source, const struct picture_options *options, struct err *err)
{
    struct picture_options small = options ? *options : (struct picture_options){0};
    struct picture picture;
    small.min_edge = SHARPNESS_EDGE;
    const int rc = thumbnail_picture(&picture, source, SHARPNESS_EDGE, &small, err);
    if (rc)
        return rc;
    *out = laplacian_variance(&picture);
    picture_release(&picture);
    return 0;
}
