// SPDX-License-Identifier: Apache-2.0
// A scene becomes pixels.
#ifndef SCENES_PAINT_H
#define SCENES_PAINT_H

#include "scene.h"

struct picture {
    int width, height;
    unsigned char *pixel; // (height, width, 3)
};

struct picture picture_new(int width, int height);
void picture_free(struct picture *picture);

// Draws the scene into the picture's central square; the backdrop fills all of it. `random` feeds the camera
// noise.
void scene_paint(struct picture *out, const struct scene *scene, struct random *random);

// Which object covers the middle of each cell of a `grid` x `grid` raster over the central square: 1 + its
// number, else 0.
void scene_cells(unsigned char *out, const struct scene *scene, int grid);

#endif
