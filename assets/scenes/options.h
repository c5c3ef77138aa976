// SPDX-License-Identifier: Apache-2.0
// What is asked of the program.
#ifndef SCENES_OPTIONS_H
#define SCENES_OPTIONS_H

#include "scene.h"

enum lesson { LESSON_ALL, LESSON_EASY };

enum { MAX_CAPTIONS = 16, MAX_KINDS = 8 };

struct options {
    long count, seed, wordings, grid, synonyms;
    int width, height;
    enum scene_kind kinds[MAX_KINDS]; // in turn
    int n_kinds;
    enum scene_split split;
    enum lesson lesson;
    const char *out, *format, *raw, *cells, *coco, *letters, *clipart;
};

// False, with a line to stderr, where they cannot be used.
bool options_parse(struct options *out, int argc, char **argv);

#endif
