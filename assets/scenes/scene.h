// SPDX-License-Identifier: Apache-2.0
// What is in a picture, before it is drawn or described.
#ifndef SCENES_SCENE_H
#define SCENES_SCENE_H

#include <stdint.h>

#include "material.h"
#include "random.h"
#include "vocabulary.h"

enum scene_kind { SCENE_SINGLE, SCENE_COUNT, SCENE_RELATION, SCENE_MIXED };
enum scene_split { SPLIT_TRAIN, SPLIT_HELDOUT };

// Positions and radii are parts of the picture's shorter side, with the origin in the picture's middle.
struct object {
    const struct shape *shape;
    const struct glyph *glyph; // of a letter, else NULL
    const struct clip *clip;   // of clip art, else NULL: then colour, fill and size say nothing
    int colour, fill, size;
    float x, y, radius;
    float turn_cos, turn_sin;
    bool mirrored;
    struct rgb rgb;
};

struct backdrop {
    int tone, texture;
    struct rgb first, second; // a texture runs from one to the other
    float cell;               // width of a check or a blotch, as a part of the shorter side
    struct point slope;       // direction of the shading
    uint32_t seed;
};

// How the picture was "taken".
struct lens {
    float blur;       // pixels
    float noise;      // standard deviation, of 0 .. 1
    int jpeg_quality; // 0: no JPEG artefacts
};

// SCENE_SINGLE and SCENE_COUNT hold `count` objects alike; SCENE_RELATION holds two that differ, the first
// one standing left of, above or inside the second.
struct scene {
    enum scene_kind kind;
    enum relation_kind relation;
    int count;
    struct object object[N_NUMBERS];
    struct backdrop backdrop;
    struct lens lens;
};

// SCENE_MIXED draws a kind first. In the held-out split the first object is of a held-out pair, in training
// none is. Where there is clip art, a quarter of all scenes are a SCENE_SINGLE of it, whatever the kind and the split.
void scene_compose(struct scene *out, struct random *random, enum scene_kind kind, enum scene_split split,
    const struct material *material);

#endif
