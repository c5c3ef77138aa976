// SPDX-License-Identifier: Apache-2.0
// A scene becomes words.
#ifndef SCENES_CAPTION_H
#define SCENES_CAPTION_H

#include "scene.h"

// What a caption states. Another picture fits the caption exactly where it agrees in all of these.
enum about {
    ABOUT_SHAPE = 1 << 0,
    ABOUT_COLOUR = 1 << 1,
    ABOUT_FILL = 1 << 2,
    ABOUT_SIZE = 1 << 3,
    ABOUT_COUNT = 1 << 4,
    ABOUT_RELATION = 1 << 5,
    ABOUT_TONE = 1 << 6,
    ABOUT_TEXTURE = 1 << 7,
    ABOUT_SECOND = 8, // the second object's four bits are the first one's shifted by this
};

struct caption {
    char text[200];
    unsigned about;
};

// Who says it: what it draws, and how often another word of a table, 0 to 1.
struct voice {
    struct random random;
    float synonyms;
};

enum detail {
    DETAIL_FULL,  // everything that tells the scene's objects from others
    DETAIL_LOOSE, // some of it: "something red", "three objects", "a star above a ring"
    DETAIL_ALL,   // all that there are words for
};

void scene_describe(struct caption *out, const struct scene *scene, struct voice *voice, enum detail detail);

// One fact alone, one of scene_classes. scene_prompt is what a class of zero-shot classification is asked for by: "a
// photo of a star.", "two shapes"; scene_word is the word alone.
void scene_prompt(struct caption *out, const struct scene *scene, struct voice *voice, unsigned about);
void scene_word(struct caption *out, const struct scene *scene, struct voice *voice, unsigned about);

// What classes there are to ask the scene for: the object's bits and ABOUT_COUNT, of clip art ABOUT_SHAPE alone, of
// relations none.
unsigned scene_classes(const struct scene *scene);

#endif
