// SPDX-License-Identifier: Apache-2.0
// What a scene can be made of. These tables drive the drawing, the wording and `scenes --list` alike.
#ifndef SCENES_VOCABULARY_H
#define SCENES_VOCABULARY_H

#include <stdbool.h>

struct point {
    float x, y; // y grows downwards, as in the picture
};

struct rgb {
    float r, g, b; // 0 .. 1
};

// A shape fills roughly the unit circle around the origin. `outline` says how far `p` lies from its edge:
// negative inside.
struct shape {
    const char *name, *plural;
    float (*outline)(struct point p);
    bool roomy; // its middle is one solid piece, large enough for another object to stand inside
};

struct colour {
    const char *name;
    struct rgb rgb;
};

struct fill {
    const char *adjective; // "a striped star"
    const char *after;     // "a star with stripes", or NULL
};

struct size {
    const char *name;
    float smallest, largest; // radius as a part of the picture's shorter side
};

struct tone {
    const char *name;
    float darkest, lightest; // grey level of a backdrop
};

// Order matches the tables; code that draws needs these by name.
enum fill_kind { FILL_SOLID, FILL_OUTLINED, FILL_STRIPED, FILL_DOTTED };
enum size_kind { SIZE_SMALL, SIZE_MEDIUM, SIZE_LARGE };
enum texture_kind { TEXTURE_PLAIN, TEXTURE_SHADED, TEXTURE_CHECKED, TEXTURE_MOTTLED };
enum relation_kind { RELATION_LEFT, RELATION_ABOVE, RELATION_INSIDE };

enum { N_SHAPES = 22, N_COLOURS = 11, N_FILLS = 4, N_SIZES = 3, N_NUMBERS = 5, N_TONES = 2, N_TEXTURES = 4 };

extern const struct shape shapes[N_SHAPES];
extern const struct colour colours[N_COLOURS];
extern const struct fill fills[N_FILLS];
extern const struct size sizes[N_SIZES];
extern const struct tone tones[N_TONES];
extern const char *const textures[N_TEXTURES];
extern const char *const numbers[N_NUMBERS]; // numbers[0] is "one"

// About a tenth of the (shape, colour) pairs is held out: training pictures and captions never show them.
bool held_out(int shape, int colour);

#endif
