// SPDX-License-Identifier: Apache-2.0
#include "paint.h"

#include <math.h>
#include <stdlib.h>

#include "lens.h"

struct picture picture_new(int width, int height)
{
    struct picture picture = {width, height, malloc((size_t)width * (size_t)height * 3)};
    if (!picture.pixel)
        abort();
    return picture;
}

void picture_free(struct picture *picture)
{
    free(picture->pixel);
    picture->pixel = NULL;
}

static struct rgb blend(struct rgb a, struct rgb b, float part_of_b)
{
    return (struct rgb){
        a.r + (b.r - a.r) * part_of_b, a.g + (b.g - a.g) * part_of_b, a.b + (b.b - a.b) * part_of_b};
}

static float clamp01(float x)
{
    return fminf(fmaxf(x, 0), 1);
}

// Value noise: random heights on a lattice, joined smoothly. Returns 0 .. 1.
static float lattice(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ ((uint32_t)x * 0x9e3779b1u) ^ ((uint32_t)y * 0x85ebca77u);
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return (float)((h ^ (h >> 15)) >> 8) / 16777216.0f;
}

static float value_noise(uint32_t seed, float x, float y)
{
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float fx = x - (float)ix, fy = y - (float)iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    float top = lattice(seed, ix, iy) + (lattice(seed, ix + 1, iy) - lattice(seed, ix, iy)) * fx;
    float bottom =
        lattice(seed, ix, iy + 1) + (lattice(seed, ix + 1, iy + 1) - lattice(seed, ix, iy + 1)) * fx;
    return top + (bottom - top) * fy;
}

static struct rgb backdrop_at(const struct backdrop *backdrop, float x, float y)
{
    float part = 0;
    switch ((enum texture_kind)backdrop->texture) {
    case TEXTURE_PLAIN:
        break;
    case TEXTURE_SHADED:
        part = clamp01(0.5f + backdrop->slope.x * x + backdrop->slope.y * y);
        break;
    case TEXTURE_CHECKED:
        part = (float)(((int)floorf(x / backdrop->cell) + (int)floorf(y / backdrop->cell)) & 1);
        break;
    case TEXTURE_MOTTLED:
        part = value_noise(backdrop->seed, x / backdrop->cell * 1.5f, y / backdrop->cell * 1.5f);
        break;
    }
    return blend(backdrop->first, backdrop->second, part);
}

// The picture's point (x, y) in the object's own frame, where the shape has radius 1 and stands upright.
static struct point to_object(const struct object *object, float x, float y)
{
    float dx = (x - object->x) / object->radius, dy = (y - object->y) / object->radius;
    struct point p = {
        dx * object->turn_cos + dy * object->turn_sin, dy * object->turn_cos - dx * object->turn_sin};
    if (object->mirrored)
        p.x = -p.x;
    return p;
}

// Distance to the nearest of a set of parallel bars, and of a grid of round dots; both cover about half of
// the plane.
static float stripes(struct point p, float period)
{
    float along = (p.x + p.y) * 0.70710678f / period;
    return (fabsf(along - floorf(along) - 0.5f) - 0.27f) * period;
}

static float dots(struct point p, float period)
{
    float x = p.x / period, y = p.y / period;
    x -= floorf(x) + 0.5f;
    y -= floorf(y) + 0.5f;
    return (sqrtf(x * x + y * y) - 0.34f) * period;
}

// Distance to the edge of the shape or the letter.
static float edge_distance(const struct object *object, struct point p)
{
    return object->glyph ? glyph_distance(object->glyph, p) : object->shape->outline(p);
}

static bool covers(const struct object *object, struct point p)
{
    struct rgb colour;
    return object->clip ? clip_look_up(&colour, object->clip, p) > 0.5f : edge_distance(object, p) < 0;
}

// Distance to the painted part of the object. Gaps in a pattern show the backdrop, so that a striped red star
// holds no colour but red; a thin edge keeps its shape readable.
static float paint_distance(const struct object *object, struct point p, float pixel)
{
    float edge = edge_distance(object, p);
    float width = fmaxf(object->fill == FILL_OUTLINED ? 0.2f : 0.12f, 1.5f * pixel);
    float period = fmaxf(0.42f, 4.5f * pixel);
    float line = fmaxf(edge, -edge - width);
    switch ((enum fill_kind)object->fill) {
    case FILL_SOLID:
        return edge;
    case FILL_OUTLINED:
        return line;
    case FILL_STRIPED:
        return fminf(line, fmaxf(edge, stripes(p, period)));
    case FILL_DOTTED:
        return fminf(line, fmaxf(edge, dots(p, period)));
    }
    return edge;
}

// What the object shows at the picture's point (x, y), where a pixel is `pixel` wide in the object's own frame, and how much
// of the pixel it covers.
static float look_at(struct rgb *out, const struct object *object, float x, float y, float pixel)
{
    enum { SAMPLES = 3 }; // of clip art, across and down: it has more pixels than the scene
    if (!object->clip) {
        *out = object->rgb;
        return clamp01(0.5f - paint_distance(object, to_object(object, x, y), pixel) / pixel);
    }
    const float step = pixel * object->radius / SAMPLES;
    struct rgb sum = {0}, colour;
    float covered = 0;
    for (int i = 0; i < SAMPLES * SAMPLES; i++) {
        const float dx = (float)(i % SAMPLES - SAMPLES / 2) * step,
                    dy = (float)(i / SAMPLES - SAMPLES / 2) * step;
        const float part = clip_look_up(&colour, object->clip, to_object(object, x + dx, y + dy));
        sum.r += part * colour.r;
        sum.g += part * colour.g;
        sum.b += part * colour.b;
        covered += part;
    }
    if (covered > 0)
        *out = (struct rgb){sum.r / covered, sum.g / covered, sum.b / covered};
    return covered / (SAMPLES * SAMPLES);
}

static void paint_object(struct rgb *canvas, int width, int height, const struct object *object)
{
    float side = (float)(width < height ? width : height);
    float centre_x = 0.5f * (float)width, centre_y = 0.5f * (float)height,
          pixel = 1 / (side * object->radius);
    float reach = (object->clip ? 1.42f : 1.25f) * object->radius * side + 1; // of clip art the corners count
    int left = (int)fmaxf(centre_x + object->x * side - reach, 0),
        top = (int)fmaxf(centre_y + object->y * side - reach, 0);
    int right = (int)fminf(centre_x + object->x * side + reach, (float)width);
    int bottom = (int)fminf(centre_y + object->y * side + reach, (float)height);

    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            struct rgb colour = {0}, *under = &canvas[y * width + x];
            float coverage = look_at(&colour, object, ((float)x + 0.5f - centre_x) / side,
                ((float)y + 0.5f - centre_y) / side, pixel);
            *under = blend(*under, colour, coverage);
        }
}

void scene_paint(struct picture *out, const struct scene *scene, struct random *random)
{
    int width = out->width, height = out->height;
    float side = (float)(width < height ? width : height);
    struct rgb *canvas = malloc((size_t)width * (size_t)height * sizeof *canvas);
    if (!canvas)
        abort();

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            canvas[y * width + x] =
                backdrop_at(&scene->backdrop, ((float)x + 0.5f - 0.5f * (float)width) / side,
                    ((float)y + 0.5f - 0.5f * (float)height) / side);
    for (int i = scene->count - 1; i >= 0;
         i--) // the first object lies on top: it may stand inside the second
        paint_object(canvas, width, height, &scene->object[i]);
    lens_develop(out, canvas, &scene->lens, random);
    free(canvas);
}

void scene_cells(unsigned char *out, const struct scene *scene, int grid)
{
    for (int row = 0; row < grid; row++)
        for (int column = 0; column < grid; column++) {
            float x = ((float)column + 0.5f) / (float)grid - 0.5f,
                  y = ((float)row + 0.5f) / (float)grid - 0.5f;
            unsigned char covered = 0;
            for (int i = scene->count - 1; i >= 0; i--) {
                const struct object *object = &scene->object[i];
                if (covers(object, to_object(object, x, y)))
                    covered = (unsigned char)(i + 1);
            }
            out[row * grid + column] = covered;
        }
}
