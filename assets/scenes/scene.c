// SPDX-License-Identifier: Apache-2.0
#include "scene.h"

#include <math.h>

static const float LARGEST_OF_TWO = 0.22f; // two of this radius just fit side by side
static const float LETTERS_SHARE = 0.2f;   // of objects
static const float CLIPS_SHARE = 0.25f;    // of scenes

static float clamp01(float x)
{
    return fminf(fmaxf(x, 0), 1);
}

static struct rgb jitter(struct random *random, struct rgb rgb, float amount)
{
    return (struct rgb){
        clamp01(rgb.r + random_between(random, -amount, amount)),
        clamp01(rgb.g + random_between(random, -amount, amount)),
        clamp01(rgb.b + random_between(random, -amount, amount)),
    };
}

// A turn of at most about 14 degrees either way: a square never becomes a diamond. Picking the tangent of the
// half angle gives sine and cosine without the C library's, which differ between machines.
static void turn_slightly(struct object *object, struct random *random)
{
    float t = random_between(random, -0.12f, 0.12f);
    object->turn_cos = (1 - t * t) / (1 + t * t);
    object->turn_sin = 2 * t / (1 + t * t);
}

static float random_radius(struct random *random, int size)
{
    return random_between(random, sizes[size].smallest, sizes[size].largest);
}

// Draws nothing that is not there, so that scenes without letters stay as they are.
static bool falls_to(struct random *random, float share, size_t n)
{
    return n && random_chance(random, share);
}

static const struct shape *random_shape(struct random *random, const struct material *material)
{
    if (falls_to(random, LETTERS_SHARE, material->n_fonts))
        return &letters[random_below(random, N_LETTERS)];
    return &shapes[random_below(random, N_SHAPES)];
}

// The strokes of letters are too thin for a pattern, and another letter or none is seen in a mirror.
static void write_letter(struct object *object, struct random *random, const struct material *material)
{
    const struct font *font = &material->fonts[random_below(random, (uint32_t)material->n_fonts)];
    object->glyph = &font->glyph[object->shape - letters];
    object->fill = FILL_SOLID;
    object->mirrored = false;
}

static struct object random_object(struct random *random, bool want_held_out, const struct material *material)
{
    struct object object = {0};
    do {
        object.shape = random_shape(random, material);
        object.colour = (int)random_below(random, N_COLOURS);
    } while (held_out(object.shape, object.colour) != want_held_out);
    object.fill = (int)random_below(random, N_FILLS);
    object.size = (int)random_below(random, N_SIZES);
    object.radius = random_radius(random, object.size);
    object.mirrored = random_chance(random, 0.5f);
    object.rgb = jitter(random, colours[object.colour].rgb, 0.04f);
    turn_slightly(&object, random);
    if (!object.shape->outline)
        write_letter(&object, random, material);
    return object;
}

// A place where a circle of 1.1 radii, which bounds every shape, stays inside the picture.
static void place(struct object *object, struct random *random)
{
    float reach = fmaxf(0.49f - 1.1f * object->radius, 0);
    object->x = random_between(random, -reach, reach);
    object->y = random_between(random, -reach, reach);
}

static bool apart(const struct object *a, const struct object *b)
{
    float dx = a->x - b->x, dy = a->y - b->y, reach = 1.12f * (a->radius + b->radius);
    return dx * dx + dy * dy > reach * reach;
}

static bool apart_from_all(const struct scene *scene, int n)
{
    for (int i = 0; i < n; i++)
        if (!apart(&scene->object[i], &scene->object[n]))
            return false;
    return true;
}

// Objects alike in everything the caption can say, each with a place and a turn of its own.
static void compose_count(struct scene *scene, struct random *random)
{
    struct object *first = &scene->object[0];
    if (scene->count > 1)
        first->size = scene->count > 2 ? SIZE_SMALL : (int)random_below(random, 2);
    first->radius = fminf(random_radius(random, first->size), scene->count > 1 ? LARGEST_OF_TWO : 1);
    place(first, random);

    for (int n = 1, tries = 0; n < scene->count; tries++) {
        scene->object[n] = *first;
        scene->object[n].radius *= random_between(random, 0.9f, 1);
        turn_slightly(&scene->object[n], random);
        place(&scene->object[n], random);
        if (apart_from_all(scene, n)) {
            n++;
        } else if (tries % 100 == 99) { // cornered: start over, a little smaller
            n = 1;
            first->radius *= 0.97f;
            place(first, random);
        }
    }
}

static void compose_relation(struct scene *scene, struct random *random, const struct material *material)
{
    struct object *a = &scene->object[0], *b = &scene->object[1];
    scene->relation = (enum relation_kind)random_below(random, 3);
    do
        *b = random_object(random, false, material);
    while (b->shape == a->shape || b->colour == a->colour ||
           (scene->relation == RELATION_INSIDE && !b->shape->roomy));

    if (scene->relation == RELATION_INSIDE) {
        a->size = SIZE_SMALL;
        b->size = SIZE_LARGE;
        a->radius = random_radius(random, a->size);
        b->radius = sizes[SIZE_LARGE].largest;
        if (b->fill != FILL_SOLID)
            b->fill = FILL_OUTLINED; // stripes or dots would swallow the inner object
        place(b, random);
        a->x = b->x;
        a->y = b->y;
        return;
    }
    a->size = (int)random_below(random, 2);
    b->size = (int)random_below(random, 2);
    a->radius = fminf(random_radius(random, a->size), LARGEST_OF_TWO);
    b->radius = fminf(random_radius(random, b->size), LARGEST_OF_TWO);
    float half_gap = fmaxf(0.24f, 0.56f * (a->radius + b->radius)),
          drift = random_between(random, -0.12f, 0.12f);
    float across = random_between(random, -0.1f, 0.1f);
    a->x = -half_gap, a->y = across + drift;
    b->x = half_gap, b->y = across - drift;
    if (scene->relation == RELATION_ABOVE) {
        for (int i = 0; i < 2; i++) {
            struct object *o = &scene->object[i];
            float x = o->x;
            o->x = o->y;
            o->y = x;
        }
    }
}

static float distance(struct rgb a, struct rgb b)
{
    float dr = a.r - b.r, dg = a.g - b.g, db = a.b - b.b;
    return sqrtf(dr * dr + dg * dg + db * db);
}

static bool stands_out(const struct scene *scene)
{
    const float least = 0.38f;
    for (int i = 0; i < scene->count; i++) {
        const struct object *object = &scene->object[i];
        bool on_object = scene->kind == SCENE_RELATION && scene->relation == RELATION_INSIDE && i == 0;
        if (on_object && scene->object[1].fill == FILL_SOLID) {
            if (distance(object->rgb, scene->object[1].rgb) < least)
                return false;
        } else if (distance(object->rgb, scene->backdrop.first) < least ||
                   distance(object->rgb, scene->backdrop.second) < least) {
            return false;
        }
    }
    return true;
}

static void random_backdrop(struct backdrop *out, struct random *random)
{
    out->tone = (int)random_below(random, N_TONES);
    out->texture = (int)random_below(random, N_TEXTURES);
    const struct tone *tone = &tones[out->tone];
    float level = random_between(random, tone->darkest, tone->lightest);
    out->first = jitter(random, (struct rgb){level, level, level}, 0.06f);
    float step = random_between(random, 0.05f, 0.12f);
    float other = level + (level > 0.5f * (tone->darkest + tone->lightest) ? -step : step);
    out->second =
        out->texture == TEXTURE_PLAIN ? out->first : jitter(random, (struct rgb){other, other, other}, 0.05f);
    out->cell = random_between(random, 0.09f, 0.2f);
    out->slope = (struct point){random_between(random, -1, 1), random_between(random, -1, 1)};
    out->seed = random_below(random, UINT32_MAX);
}

static struct lens random_lens(struct random *random)
{
    return (struct lens){
        .blur = random_chance(random, 0.3f) ? random_between(random, 0.3f, 0.9f) : 0,
        .noise = random_chance(random, 0.4f) ? random_between(random, 0.005f, 0.04f) : 0,
        .jpeg_quality = random_chance(random, 0.25f) ? 45 + (int)random_below(random, 46) : 0,
    };
}

static bool random_surroundings(struct scene *out, struct random *random)
{
    for (int tries = 0; tries < 30; tries++) {
        random_backdrop(&out->backdrop, random);
        if (stands_out(out))
            return true;
    }
    return false;
}

// One picture as large as a newcomer's: from half of the scene to nearly all of it.
static void compose_clip(struct scene *out, struct random *random, const struct material *material)
{
    struct object *object = &out->object[0];
    *out = (struct scene){.kind = SCENE_SINGLE, .count = 1};
    do {
        const struct noun *noun = &material->nouns[random_below(random, (uint32_t)material->n_nouns)];
        const struct clip *clip = &noun->clips[random_below(random, (uint32_t)noun->n_clips)];
        *object = (struct object){.shape = noun->shape, .clip = clip, .rgb = clip->mean, .turn_cos = 1};
        object->radius = random_between(random, 0.24f, 0.49f);
        object->size = object->radius < sizes[SIZE_LARGE].smallest ? SIZE_MEDIUM : SIZE_LARGE;
        object->mirrored = random_chance(random, 0.5f);
        if (random_chance(random, 0.5f))
            turn_slightly(object, random);
        float reach_x = 0.5f - object->radius * clip->half_width;
        float reach_y = 0.5f - object->radius * clip->half_height;
        object->x = random_between(random, -reach_x, reach_x);
        object->y = random_between(random, -reach_y, reach_y);
    } while (!random_surroundings(out, random));
    out->lens = random_lens(random);
}

void scene_compose(struct scene *out, struct random *random, enum scene_kind kind, enum scene_split split,
    const struct material *material)
{
    if (falls_to(random, CLIPS_SHARE, material->n_nouns)) {
        compose_clip(out, random, material);
        return;
    }
    *out = (struct scene){.kind = kind, .count = 1};
    if (kind == SCENE_MIXED) {
        uint32_t roll = random_below(random, 10);
        out->kind = roll < 4 ? SCENE_SINGLE : roll < 7 ? SCENE_COUNT : SCENE_RELATION;
    }
    do { // a few pairs of colours stand out from no backdrop: draw again
        out->object[0] = random_object(random, split == SPLIT_HELDOUT, material);
        if (out->kind == SCENE_RELATION) {
            out->count = 2;
            compose_relation(out, random, material);
        } else {
            out->count = out->kind == SCENE_COUNT ? 1 + (int)random_below(random, N_NUMBERS) : 1;
            compose_count(out, random);
        }
    } while (!random_surroundings(out, random));
    out->lens = random_lens(random);
}
