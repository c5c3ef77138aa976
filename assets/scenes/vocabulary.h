// SPDX-License-Identifier: Apache-2.0
// What a scene can be made of. These tables drive the drawing, the wording and `scenes --list` alike.
#ifndef SCENES_VOCABULARY_H
#define SCENES_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

struct point {
    float x, y; // y grows downwards, as in the picture
};

struct rgb {
    float r, g, b; // 0 .. 1
};

enum { MAX_OTHERS = 4 };

// A word of a table, and what people say instead. No other is said for two rows of one table.
struct word {
    const char *name, *others[MAX_OTHERS]; // others: fewer end with NULL
};

// A shape fills roughly the unit circle around the origin. `outline` says how far `p` lies from its edge:
// negative inside. Letters and clip art, which are drawn from fonts and pictures, have none.
struct shape {
    struct word one, many; // "star", "stars"
    float (*outline)(struct point p);
    bool roomy; // its middle is one solid piece, large enough for another object to stand inside
};

struct colour {
    struct word word;
    struct rgb rgb;
};

struct fill {
    struct word adjective; // "a striped star"
    struct word after;     // "a star with stripes", or no name
};

struct size {
    struct word word;
    float smallest, largest; // radius as a part of the picture's shorter side
};

struct tone {
    struct word word;
    float darkest, lightest; // grey level of a backdrop
};

// Order matches the tables; code that draws needs these by name.
enum fill_kind { FILL_SOLID, FILL_OUTLINED, FILL_STRIPED, FILL_DOTTED };
enum size_kind { SIZE_SMALL, SIZE_MEDIUM, SIZE_LARGE };
enum texture_kind { TEXTURE_PLAIN, TEXTURE_SHADED, TEXTURE_CHECKED, TEXTURE_MOTTLED };
enum relation_kind { RELATION_LEFT, RELATION_ABOVE, RELATION_INSIDE };

enum { N_SHAPES = 22, N_COLOURS = 11, N_FILLS = 4, N_SIZES = 3, N_NUMBERS = 5, N_TONES = 2, N_TEXTURES = 4 };
enum { N_LETTERS = 26 + 10 };

extern const struct shape shapes[N_SHAPES];
extern const struct shape letters[N_LETTERS]; // A to Z, 0 to 9
extern const struct colour colours[N_COLOURS];
extern const struct fill fills[N_FILLS];
extern const struct size sizes[N_SIZES];
extern const struct tone tones[N_TONES];
extern const struct word textures[N_TEXTURES];
extern const struct word numbers[N_NUMBERS]; // numbers[0].name is "one"

// About a tenth of the (shape, colour) pairs is held out: training pictures and captions never show them.
bool held_out(const struct shape *shape, int colour);

// How far `p` lies from the edge of a polygon: negative inside.
float polygon_distance(struct point p, const struct point *corner, size_t n);

#endif
