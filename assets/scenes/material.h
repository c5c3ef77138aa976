// SPDX-License-Identifier: Apache-2.0
// What scenes hold beside the shapes where it is asked for: letters of fonts, and clip art.
#ifndef SCENES_MATERIAL_H
#define SCENES_MATERIAL_H

#include "vocabulary.h"

// The outline of a letter as closed polygons, scaled and placed so that it fills the unit circle as a shape does.
struct glyph {
    struct point *corner;
    size_t *end; // (n_polygons): where each one's corners end
    size_t n_polygons;
};

struct font {
    struct glyph glyph[N_LETTERS];
};

// What a picture shows without its transparent margins, around the origin: its longer side runs from -1 to 1.
struct clip {
    int width, height;
    float half_width, half_height;
    unsigned char *pixel; // (height, width, 4)
    struct rgb mean;      // of what is not transparent
};

// Clip art of one thing.
struct noun {
    const struct shape *shape; // the row of `shapes` that it names, else its own, without an outline
    struct shape own;
    struct clip *clips;
    size_t n_clips;
};

struct material {
    struct font *fonts;
    size_t n_fonts;
    struct noun *nouns;
    size_t n_nouns;
    char *list; // their names
};

// `fonts` are the paths of TrueType files with commas between; `list` is a file with a line "PNG<tab>noun" for each clip
// art, whose path counts from the list's folder. Either may be NULL. False, with a line to stderr, where a file cannot be
// used. The fonts' files are trusted: stb_truetype checks no offsets.
bool material_open(struct material *out, const char *fonts, const char *list);
void material_release(struct material *material);

bool font_open(struct font *out, const char *path);
void font_release(struct font *font);
// How far `p` lies from the letter's edge: negative inside.
float glyph_distance(const struct glyph *glyph, struct point p);

bool clip_open(struct clip *out, const char *path);
void clip_release(struct clip *clip);
// The colour at `p`, and how opaque it is, 0 .. 1.
float clip_look_up(struct rgb *out, const struct clip *clip, struct point p);

// All of a file's bytes and a zero behind them, or NULL.
void *file_load(const char *path);

#endif
