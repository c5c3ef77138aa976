// SPDX-License-Identifier: Apache-2.0
// Where scenes go: picture files or one raw file, and a line of JSON each.
#ifndef SCENES_OUTPUT_H
#define SCENES_OUTPUT_H

#include <stdio.h>

#include "caption.h"
#include "paint.h"

// Writes `path` as its ending says: .png, .jpg or .ppm. False if the file could not be written.
bool picture_write(const struct picture *picture, const char *path);

// One line: {"path", "caption", "about", "wordings", "kind", "count", "relation", "tone", "texture",
// "objects"}. captions[0] is the full caption, the others are the wordings.
void record_write(
    FILE *file, const char *path, const struct scene *scene, const struct caption *captions, int n_captions);

// COCO's annotations: an image and its captions, each with the facts that it states; the list of images comes last.
void annotations_begin(FILE *file);
void annotations_write(
    FILE *file, long number, const struct scene *scene, const struct caption *captions, int n_captions);
void annotations_end(FILE *file, long count, const char *format);

// Everything a scene can be made of, one "kind: word word ..." line each, and the held-out pairs.
void vocabulary_list(FILE *file);

// A line for each word, of letters, too, and what else is said for it, with tabs between: "shape ring donut hoop".
void vocabulary_list_others(FILE *file);

#endif
