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

// A word of a table, or another that says the same.
static const char *say(struct voice *voice, const struct word *word)
{
    uint32_t n = 0;
    while (n < MAX_OTHERS && word->others[n])
        n++;
    if (!n || voice->synonyms <= 0 || !random_chance(&voice->random, voice->synonyms))
        return word->name;
    return word->others[random_below(&voice->random, n)];
}

static void fill_in(char *out, const char *template, const char *words)
{
    const char *hole = strstr(template, "{}");
    snprintf(out, sizeof((struct caption *)0)->text, "%.*s%s%s", (int)(hole - template), template, words,
        hole + 2);
}

// "small striped red stars", or with the fill at its end, "small red stars with stripes".
static void add_name(
    char *text, const struct object *object, unsigned about, bool plural, struct voice *voice)
{
    const char *after = NULL;
    if (about & ABOUT_SIZE)
        add(text, say(voice, &sizes[object->size].word));
    if (about & ABOUT_FILL) {
        const struct fill *fill = &fills[object->fill];
        if (random_chance(&voice->random, 0.25f) && fill->after.name)
            after = say(voice, &fill->after);
        else
            add(text, say(voice, &fill->adjective));
    }
    if (about & ABOUT_COLOUR)
        add(text, say(voice, &colours[object->colour].word));
    if (about & ABOUT_SHAPE)
        add(text, say(voice, plural ? &object->shape->many : &object->shape->one));
    else
        add(text, vague_nouns[random_below(&voice->random, LENGTH(vague_nouns))][plural]);
    if (after)
        add(text, after);
}

static void add_phrase(
    char *text, const struct object *object, unsigned about, int count, struct voice *voice)
{
    char name[sizeof((struct caption *)0)->text] = "";
    if (about == ABOUT_COLOUR) {
        add(text, "something");
        add(text, say(voice, &colours[object->colour].word));
        return;
    }
    add_name(name, object, about, count > 1, voice);
    if (count > 1 || random_chance(&voice->random, about == ABOUT_COUNT ? 0.8f : 0.1f))
        add(text, say(voice, &numbers[count - 1]));
    else
        add(text, strchr("aeiou", name[0]) ? "an" : "a");
    add(text, name);
}

static void add_relation(char *text, const struct scene *scene, unsigned about, struct voice *voice)
{
    static const struct word forward[][3] = {
        [RELATION_LEFT] = {{"to the left of", {NULL}}, {"left of", {NULL}}, {"on the left of", {NULL}}},
        [RELATION_ABOVE] = {{"above", {"on top of"}}, {"over", {"higher than"}}, {"above", {NULL}}},
        [RELATION_INSIDE] = {{"inside", {"in"}}, {"inside", {"in the middle of"}}, {"within", {NULL}}},
    };
    static const struct word backward[][3] = {
        [RELATION_LEFT] = {{"to the right of", {NULL}}, {"right of", {NULL}}, {"on the right of", {NULL}}},
        [RELATION_ABOVE] = {{"below", {"lower than"}}, {"under", {"underneath"}}, {"beneath", {NULL}}},
        [RELATION_INSIDE] = {{"around", {"containing"}}, {"around", {"surrounding"}}, {"with", {NULL}}},
    };
    bool swap = random_chance(&voice->random, 0.4f);
    uint32_t wording = random_below(&voice->random, 3);
    unsigned first = about & OBJECT_BITS, second = (about >> ABOUT_SECOND) & OBJECT_BITS;
    const struct object *a = &scene->object[0], *b = &scene->object[1];

    add_phrase(text, swap ? b : a, swap ? second : first, 1, voice);
    add(text,
        about & ABOUT_RELATION ? say(voice, &(swap ? backward : forward)[scene->relation][wording]) : "and");
    add_phrase(text, swap ? a : b, swap ? first : second, 1, voice);
    if ((about & ABOUT_RELATION) && swap && scene->relation == RELATION_INSIDE && wording == 2)
        add(text, "inside"); // "a ring with a star inside"
}

static void add_backdrop(char *text, const struct backdrop *backdrop, unsigned about, struct voice *voice)
{
    if (!(about & (ABOUT_TONE | ABOUT_TEXTURE)))
        return;
    add(text, "on a");
    if (about & ABOUT_TONE)
        add(text, say(voice, &tones[backdrop->tone].word));
    if (about & ABOUT_TEXTURE)
        add(text, say(voice, &textures[backdrop->texture]));
    add(text, "background");
}

static unsigned some_of(struct voice *voice, unsigned bits, float probability)
{
    unsigned some = 0;
    for (unsigned bit = 1; bit <= bits; bit <<= 1)
        if ((bits & bit) && random_chance(&voice->random, probability))
            some |= bit;
    return some;
}

// One object of a relation is never left without a word: "an object" would be true of anything.
static unsigned loose_object(struct voice *voice)
{
    unsigned about =
        some_of(voice, ABOUT_SHAPE | ABOUT_COLOUR, 0.7f) | some_of(voice, ABOUT_FILL | ABOUT_SIZE, 0.15f);
    return about ? about : ABOUT_SHAPE;
}

static unsigned choose_about(const struct scene *scene, struct voice *voice, enum detail detail)
{
    const bool all = detail == DETAIL_ALL, relation = scene->kind == SCENE_RELATION;
    if (scene->object[0].clip)
        return ABOUT_SHAPE |
               some_of(voice, ABOUT_TONE,
                   all                     ? 1
                   : detail == DETAIL_FULL ? 0.6f
                                           : 0.08f) |
               some_of(voice, ABOUT_TEXTURE,
                   all                     ? 1
                   : detail == DETAIL_FULL ? 0.4f
                                           : 0);
    if (all || detail == DETAIL_FULL) {
        unsigned about = OBJECT_BITS | ABOUT_COUNT | some_of(voice, ABOUT_TONE, all ? 1 : 0.6f) |
                         some_of(voice, ABOUT_TEXTURE, all ? 1 : 0.4f);
        if (relation)
            about |= ABOUT_RELATION | (OBJECT_BITS & ~(all ? 0u : ABOUT_SIZE)) << ABOUT_SECOND;
        return about;
    }
    if (relation)
        return loose_object(voice) | loose_object(voice) << ABOUT_SECOND |
               some_of(voice, ABOUT_RELATION, 0.8f);
    unsigned about = some_of(voice, OBJECT_BITS, 0.45f) | some_of(voice, ABOUT_TONE, 0.08f);
    bool something = about == ABOUT_COLOUR && random_chance(&voice->random, 0.5f);
    return something ? about : about | ABOUT_COUNT;
}

void scene_describe(struct caption *out, const struct scene *scene, struct voice *voice, enum detail detail)
{
    char words[sizeof out->text] = "";
    out->about = choose_about(scene, voice, detail);
    bool backdrop = out->about & (ABOUT_TONE | ABOUT_TEXTURE);

    if (scene->kind == SCENE_RELATION) {
        add_relation(words, scene, out->about, voice);
    } else if (scene->count == 1 && !backdrop && (out->about & OBJECT_BITS) &&
               random_chance(&voice->random, 0.5f)) {
        add_name(words, &scene->object[0], out->about & OBJECT_BITS, false, voice);
        fill_in(out->text, name_templates[random_below(&voice->random, LENGTH(name_templates))], words);
        return;
    } else {
        add_phrase(words, &scene->object[0], out->about & (OBJECT_BITS | ABOUT_COUNT), scene->count, voice);
    }
    add_backdrop(words, &scene->backdrop, out->about, voice);
    fill_in(out->text, phrase_templates[random_below(&voice->random, LENGTH(phrase_templates))], words);
}

void scene_prompt(struct caption *out, const struct scene *scene, struct voice *voice, unsigned about)
{
    char words[sizeof out->text] = "";
    const struct object *object = &scene->object[0];
    out->about = about;
    if (about == ABOUT_COUNT) {
        add_phrase(words, object, about, scene->count, voice);
        fill_in(out->text, phrase_templates[random_below(&voice->random, LENGTH(phrase_templates))], words);
        return;
    }
    if (about == ABOUT_COLOUR && random_chance(&voice->random, 0.3f))
        add(words, say(voice, &colours[object->colour].word));
    else
        add_name(words, object, about, false, voice);
    fill_in(out->text, name_templates[random_below(&voice->random, LENGTH(name_templates))], words);
}

void scene_word(struct caption *out, const struct scene *scene, struct voice *voice, unsigned about)
{
    const struct object *object = &scene->object[0];
    const struct word *word = about == ABOUT_SHAPE    ? &object->shape->one
                              : about == ABOUT_COLOUR ? &colours[object->colour].word
                              : about == ABOUT_FILL   ? &fills[object->fill].adjective
                              : about == ABOUT_SIZE   ? &sizes[object->size].word
                                                      : &numbers[scene->count - 1];
    snprintf(out->text, sizeof out->text, "%s", say(voice, word));
    out->about = about;
}

unsigned scene_classes(const struct scene *scene)
{
    return scene->kind == SCENE_RELATION ? 0
           : scene->object[0].clip       ? ABOUT_SHAPE
                                         : OBJECT_BITS | ABOUT_COUNT;
}
