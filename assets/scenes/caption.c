// SPDX-License-Identifier: Apache-2.0
#include "caption.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { OBJECT_BITS = ABOUT_SHAPE | ABOUT_COLOUR | ABOUT_FILL | ABOUT_SIZE };

// {} is a phrase with its article or number: "a red star", "three blue rings".
static const char *const phrase_templates[] = {
    "{}",
    "{}.",
    "a photo of {}",
    "a photo of {}.",
    "a picture of {}",
    "a picture of {}.",
    "an image of {}",
    "an image of {}.",
    "a drawing of {}",
    "a drawing of {}.",
    "an illustration of {}",
    "this is a photo of {}.",
    "this is a picture of {}.",
    "a picture showing {}",
    "a picture with {}",
    "a close-up photo of {}.",
    "a blurry photo of {}.",
    "a simple drawing of {}",
    "{} in a picture",
    "here is {}",
    "i see {}",
    "the picture shows {}.",
};

// {} is the bare name of one object: "red star". Wordings that zero-shot prompts are usually made of.
static const char *const name_templates[] = {
    "{}",
    "a {}",
    "the {}",
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of one {}.",
    "a bad photo of a {}.",
    "a good photo of the {}.",
    "a drawing of a {}.",
    "a rendering of a {}.",
    "a blurry photo of the {}.",
    "a cropped photo of a {}.",
    "a low resolution photo of the {}.",
    "a jpeg corrupted photo of a {}.",
    "a pixelated photo of the {}.",
    "itap of a {}.",
    "art of the {}.",
    "a {} in a video game.",
    "a cartoon {}.",
    "a sketch of a {}.",
    "an origami {}.",
    "a picture of a {}",
    "a painting of the {}.",
    "a close-up photo of the {}.",
    "this is a photo of a {}.",
    "this is a photo of {}.",
};

static const char *const vague_nouns[][2] = {
    {"shape", "shapes"},
    {"object", "objects"},
    {"thing", "things"},
    {"figure", "figures"},
};

// Appends to a caption; the longest one the tables allow is far below its capacity.
static void add(char *text, const char *words)
{
    size_t n = strlen(text);
    snprintf(text + n, sizeof((struct caption *)0)->text - n, "%s%s",
        n && *words && text[n - 1] != ' ' ? " " : "", words);
}

static void fill_in(char *out, const char *template, const char *words)
{
    const char *hole = strstr(template, "{}");
    snprintf(out, sizeof((struct caption *)0)->text, "%.*s%s%s", (int)(hole - template), template, words,
        hole + 2);
}

// "small striped red stars", or with the fill at its end, "small red stars with stripes".
static void add_name(
    char *text, const struct object *object, unsigned about, bool plural, struct random *random)
{
    const char *after = NULL;
    if (about & ABOUT_SIZE)
        add(text, sizes[object->size].name);
    if (about & ABOUT_FILL) {
        if (random_chance(random, 0.25f))
            after = fills[object->fill].after;
        if (!after)
            add(text, fills[object->fill].adjective);
    }
    if (about & ABOUT_COLOUR)
        add(text, colours[object->colour].name);
    const struct shape *shape = &shapes[object->shape];
    if (about & ABOUT_SHAPE)
        add(text, plural ? shape->plural : shape->name);
    else
        add(text, vague_nouns[random_below(random, LENGTH(vague_nouns))][plural]);
    if (after)
        add(text, after);
}

static void add_phrase(
    char *text, const struct object *object, unsigned about, int count, struct random *random)
{
    char name[sizeof((struct caption *)0)->text] = "";
    if (about == ABOUT_COLOUR) {
        add(text, "something");
        add(text, colours[object->colour].name);
        return;
    }
    add_name(name, object, about, count > 1, random);
    if (count > 1 || random_chance(random, about == ABOUT_COUNT ? 0.8f : 0.1f))
        add(text, numbers[count - 1]);
    else
        add(text, strchr("aeiou", name[0]) ? "an" : "a");
    add(text, name);
}

static void add_relation(char *text, const struct scene *scene, unsigned about, struct random *random)
{
    static const char *const forward[][3] = {
        [RELATION_LEFT] = {"to the left of", "left of", "on the left of"},
        [RELATION_ABOVE] = {"above", "over", "above"},
        [RELATION_INSIDE] = {"inside", "inside", "within"},
    };
    static const char *const backward[][3] = {
        [RELATION_LEFT] = {"to the right of", "right of", "on the right of"},
        [RELATION_ABOVE] = {"below", "under", "beneath"},
        [RELATION_INSIDE] = {"around", "around", "with"},
    };
    bool swap = random_chance(random, 0.4f);
    uint32_t wording = random_below(random, 3);
    unsigned first = about & OBJECT_BITS, second = (about >> ABOUT_SECOND) & OBJECT_BITS;
    const struct object *a = &scene->object[0], *b = &scene->object[1];

    add_phrase(text, swap ? b : a, swap ? second : first, 1, random);
    add(text, !(about & ABOUT_RELATION) ? "and" : (swap ? backward : forward)[scene->relation][wording]);
    add_phrase(text, swap ? a : b, swap ? first : second, 1, random);
    if ((about & ABOUT_RELATION) && swap && scene->relation == RELATION_INSIDE && wording == 2)
        add(text, "inside"); // "a ring with a star inside"
}

static void add_backdrop(char *text, const struct backdrop *backdrop, unsigned about)
{
    if (!(about & (ABOUT_TONE | ABOUT_TEXTURE)))
        return;
    add(text, "on a");
    if (about & ABOUT_TONE)
        add(text, tones[backdrop->tone].name);
    if (about & ABOUT_TEXTURE)
        add(text, textures[backdrop->texture]);
    add(text, "background");
}

static unsigned some_of(struct random *random, unsigned bits, float probability)
{
    unsigned some = 0;
    for (unsigned bit = 1; bit <= bits; bit <<= 1)
        if ((bits & bit) && random_chance(random, probability))
            some |= bit;
    return some;
}

// One object of a relation is never left without a word: "an object" would be true of anything.
static unsigned loose_object(struct random *random)
{
    unsigned about =
        some_of(random, ABOUT_SHAPE | ABOUT_COLOUR, 0.7f) | some_of(random, ABOUT_FILL | ABOUT_SIZE, 0.15f);
    return about ? about : ABOUT_SHAPE;
}

static unsigned choose_about(const struct scene *scene, struct random *random, enum detail detail)
{
    const bool all = detail == DETAIL_ALL, relation = scene->kind == SCENE_RELATION;
    if (all || detail == DETAIL_FULL) {
        unsigned about = OBJECT_BITS | ABOUT_COUNT | some_of(random, ABOUT_TONE, all ? 1 : 0.6f) |
                         some_of(random, ABOUT_TEXTURE, all ? 1 : 0.4f);
        if (relation)
            about |= ABOUT_RELATION | (OBJECT_BITS & ~(all ? 0u : ABOUT_SIZE)) << ABOUT_SECOND;
        return about;
    }
    if (relation)
        return loose_object(random) | loose_object(random) << ABOUT_SECOND |
               some_of(random, ABOUT_RELATION, 0.8f);
    unsigned about = some_of(random, OBJECT_BITS, 0.45f) | some_of(random, ABOUT_TONE, 0.08f);
    bool something = about == ABOUT_COLOUR && random_chance(random, 0.5f);
    return something ? about : about | ABOUT_COUNT;
}

void scene_describe(struct caption *out, const struct scene *scene, struct random *random, enum detail detail)
{
    char words[sizeof out->text] = "";
    out->about = choose_about(scene, random, detail);
    bool backdrop = out->about & (ABOUT_TONE | ABOUT_TEXTURE);

    if (scene->kind == SCENE_RELATION) {
        add_relation(words, scene, out->about, random);
    } else if (scene->count == 1 && !backdrop && (out->about & OBJECT_BITS) && random_chance(random, 0.5f)) {
        add_name(words, &scene->object[0], out->about & OBJECT_BITS, false, random);
        fill_in(out->text, name_templates[random_below(random, LENGTH(name_templates))], words);
        return;
    } else {
        add_phrase(words, &scene->object[0], out->about & (OBJECT_BITS | ABOUT_COUNT), scene->count, random);
    }
    add_backdrop(words, &scene->backdrop, out->about);
    fill_in(out->text, phrase_templates[random_below(random, LENGTH(phrase_templates))], words);
}

void scene_prompt(struct caption *out, const struct scene *scene, struct random *random, unsigned about)
{
    char words[sizeof out->text] = "";
    const struct object *object = &scene->object[0];
    out->about = about;
    if (about == ABOUT_COUNT) {
        add_phrase(words, object, about, scene->count, random);
        fill_in(out->text, phrase_templates[random_below(random, LENGTH(phrase_templates))], words);
        return;
    }
    if (about == ABOUT_COLOUR && random_chance(random, 0.3f))
        add(words, colours[object->colour].name);
    else
        add_name(words, object, about, false, random);
    fill_in(out->text, name_templates[random_below(random, LENGTH(name_templates))], words);
}

void scene_word(struct caption *out, const struct scene *scene, unsigned about)
{
    const struct object *object = &scene->object[0];
    const char *word = about == ABOUT_SHAPE    ? shapes[object->shape].name
                       : about == ABOUT_COLOUR ? colours[object->colour].name
                       : about == ABOUT_FILL   ? fills[object->fill].adjective
                       : about == ABOUT_SIZE   ? sizes[object->size].name
                                               : numbers[scene->count - 1];
    snprintf(out->text, sizeof out->text, "%s", word);
    out->about = about;
}
