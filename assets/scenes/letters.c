// SPDX-License-Identifier: Apache-2.0
// Letters and digits of fonts as polygons. Only + - * / and sqrtf, as in shapes.c.
#include <math.h>
#include <stdlib.h>

#include "material.h"
#include "stb.h"

// clang-format off
#define LETTER(a) {{"letter " a, {"capital " a, "capital letter " a}}, \
                   {"letters " a, {"capitals " a, "capital letters " a}}, NULL, false}
#define DIGIT(n)  {{"digit " n, {"number " n}}, {"digits " n, {"numbers " n}}, NULL, false}

// Small letters in words, as captions are.
const struct shape letters[N_LETTERS] = {
    LETTER("a"), LETTER("b"), LETTER("c"), LETTER("d"), LETTER("e"), LETTER("f"), LETTER("g"), LETTER("h"), LETTER("i"),
    LETTER("j"), LETTER("k"), LETTER("l"), LETTER("m"), LETTER("n"), LETTER("o"), LETTER("p"), LETTER("q"), LETTER("r"),
    LETTER("s"), LETTER("t"), LETTER("u"), LETTER("v"), LETTER("w"), LETTER("x"), LETTER("y"), LETTER("z"),
    DIGIT("0"), DIGIT("1"), DIGIT("2"), DIGIT("3"), DIGIT("4"), DIGIT("5"), DIGIT("6"), DIGIT("7"), DIGIT("8"), DIGIT("9"),
};
// clang-format on

static const char written[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

enum { STEPS = 5 }; // straight lines of each curve

// The point at `t` of a quadratic Bezier curve.
static struct point on_curve(struct point a, struct point control, struct point b, float t)
{
    const float u = 1 - t;
    return (struct point){
        u * u * a.x + 2 * u * t * control.x + t * t * b.x, u * u * a.y + 2 * u * t * control.y + t * t * b.y};
}

// Fonts have y upwards. False where it holds what TrueType does not: cubic curves.
static bool trace(struct glyph *out, const stbtt_vertex *vertex, int n)
{
    size_t corners = 0;
    struct point at = {0};
    for (int i = 0; i < n; i++) {
        const struct point to = {vertex[i].x, -(float)vertex[i].y},
                           control = {vertex[i].cx, -(float)vertex[i].cy};
        if (vertex[i].type == STBTT_vcubic)
            return false;
        if (vertex[i].type == STBTT_vmove)
            out->n_polygons++;
        const int steps = vertex[i].type == STBTT_vcurve ? STEPS : 1;
        for (int k = 1; k <= steps; k++)
            out->corner[corners++] = k == steps ? to : on_curve(at, control, to, (float)k / (float)steps);
        if (out->n_polygons)
            out->end[out->n_polygons - 1] = corners;
        at = to;
    }
    return out->n_polygons > 0;
}

// The middle of the bounding box to the origin, its corners to a distance of 1.1.
static void fit(struct glyph *glyph)
{
    const size_t n = glyph->end[glyph->n_polygons - 1];
    struct point low = glyph->corner[0], high = low;
    for (size_t i = 1; i < n; i++) {
        low = (struct point){fminf(low.x, glyph->corner[i].x), fminf(low.y, glyph->corner[i].y)};
        high = (struct point){fmaxf(high.x, glyph->corner[i].x), fmaxf(high.y, glyph->corner[i].y)};
    }
    const float x = 0.5f * (high.x - low.x), y = 0.5f * (high.y - low.y), scale = 1.1f / sqrtf(x * x + y * y);
    for (size_t i = 0; i < n; i++) {
        struct point *p = &glyph->corner[i];
        *p = (struct point){scale * (p->x - low.x - x), scale * (p->y - low.y - y)};
    }
}

static bool glyph_open(struct glyph *out, const stbtt_fontinfo *info, char letter)
{
    stbtt_vertex *vertex = NULL;
    const int n = stbtt_GetCodepointShape(info, letter, &vertex);
    if (n > 0) {
        out->corner = malloc((size_t)n * STEPS * sizeof *out->corner);
        out->end = malloc((size_t)n * sizeof *out->end);
        if (!out->corner || !out->end)
            abort();
    }
    const bool good = n > 0 && trace(out, vertex, n);
    if (good)
        fit(out);
    stbtt_FreeShape(info, vertex);
    return good;
}

bool font_open(struct font *out, const char *path)
{
    unsigned char *data = file_load(path);
    stbtt_fontinfo info;
    *out = (struct font){0};
    bool good = data && stbtt_GetFontOffsetForIndex(data, 0) == 0 && stbtt_InitFont(&info, data, 0);
    for (int i = 0; i < N_LETTERS && good; i++)
        good = glyph_open(&out->glyph[i], &info, written[i]);
    free(data);
    return good;
}

void font_release(struct font *font)
{
    for (int i = 0; i < N_LETTERS; i++) {
        free(font->glyph[i].corner);
        free(font->glyph[i].end);
    }
}

// A point inside of an even number of its polygons is in none, or in a hole.
float glyph_distance(const struct glyph *glyph, struct point p)
{
    float nearest = INFINITY, sign = 1;
    for (size_t i = 0, begin = 0; i < glyph->n_polygons; begin = glyph->end[i++]) {
        const float distance = polygon_distance(p, glyph->corner + begin, glyph->end[i] - begin);
        nearest = fminf(nearest, fabsf(distance));
        sign = distance < 0 ? -sign : sign;
    }
    return sign * nearest;
}
