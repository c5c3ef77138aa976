// SPDX-License-Identifier: Apache-2.0
/* Pictures as patches, of any aspect ratio: SigLIP 2's NaFlex. */
#include "vision/patches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t preprocess_bytes(const struct preprocess *preprocess)
{
    const size_t edge = (size_t)preprocess->crop, patch = (size_t)preprocess->patch;
    if (preprocess->resize_mode != RESIZE_PATCHES)
        return edge * edge * 3;
    const size_t bytes = sizeof(struct patches) + (size_t)preprocess->max_patches * patch * patch * 3;
    return (bytes + 3) / 4 * 4;
}

/* Patches along an edge of so many pixels. */
static double patches_along(double scale, int edge, int patch)
{
    return fmax(ceil(edge * scale / patch), 1);
}

void preprocess_patch_grid(
    const struct preprocess *preprocess, int width, int height, size_t *rows, size_t *columns)
{
    const double eps = 1e-5;
    double low = eps / 10, high = 100;
    while (high - low >= eps) {
        const double scale = (low + high) / 2;
        if (patches_along(scale, height, preprocess->patch) *
                patches_along(scale, width, preprocess->patch) <=
            preprocess->max_patches)
            low = scale;
        else
            high = scale;
    }
    *rows = (size_t)patches_along(low, height, preprocess->patch);
    *columns = (size_t)patches_along(low, width, preprocess->patch);
}

void preprocess_blank(uint8_t *pixels, const struct preprocess *preprocess)
{
    struct patches *patches = (void *)pixels;
    size_t rows, columns;
    if (preprocess->resize_mode != RESIZE_PATCHES)
        return;
    preprocess_patch_grid(preprocess, 1, 1, &rows, &columns);
    patches->rows = (uint32_t)rows;
    patches->columns = (uint32_t)columns;
}

int patches_make(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    struct patches *patches = (void *)pixels;
    const size_t edge = (size_t)preprocess->patch, row = edge * 3;
    struct picture resized = {0};
    size_t rows, columns;
    preprocess_patch_grid(preprocess, picture->width, picture->height, &rows, &columns);
    if (rows * columns > (size_t)preprocess->max_patches) /* narrower than the smallest scale can make it */
        return err_set(err, ERR_LIMIT, "%d x %d pixels are more than %d patches at any scale", picture->width,
            picture->height, preprocess->max_patches);
    const int rc = picture_resize(
        &resized, picture, (int)(columns * edge), (int)(rows * edge), preprocess->resample, err);
    patches->rows = (uint32_t)rows;
    patches->columns = (uint32_t)columns;
    for (size_t y = 0; y < rows * edge && !rc; y++)
        for (size_t x = 0; x < columns; x++)
            memcpy(patches->pixels + ((y / edge * columns + x) * edge + y % edge) * row,
                resized.pixels + (y * columns + x) * row, row);
    picture_release(&resized);
    return rc;
}
