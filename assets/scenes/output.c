// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <string.h>

#include "stb.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { JPEG_QUALITY = 90 };

static const char *const kind_names[] = {"single", "count", "relation"};
static const char *const relation_names[] = {"left", "above", "inside"};

static bool write_ppm(const struct picture *picture, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    size_t n_bytes = (size_t)picture->width * (size_t)picture->height * 3;
    fprintf(file, "P6\n%d %d\n255\n", picture->width, picture->height);
    bool written = fwrite(picture->pixel, 1, n_bytes, file) == n_bytes;
    return fclose(file) == 0 && written;
}

bool picture_write(const struct picture *picture, const char *path)
{
    const char *ending = strrchr(path, '.');
    if (strcmp(ending, ".ppm") == 0)
        return write_ppm(picture, path);
    if (strcmp(ending, ".jpg") == 0)
        return stbi_write_jpg(path, picture->width, picture->height, 3, picture->pixel, JPEG_QUALITY);
    return stbi_write_png(path, picture->width, picture->height, 3, picture->pixel, 3 * picture->width);
}

static const char *const fact_names[] = {
    "shape",
    "colour",
    "fill",
    "size",
    "count",
    "relation",
    "tone",
    "texture",
    "second shape",
    "second colour",
    "second fill",
    "second size",
};

// What a clip art shows is a kind of fact of its own where it is none of the shapes: no picture shows a dog in red, yet
// `train --open shape,colour` shall hold it against a red star that it is no dog.
static const char *fact_name(const struct scene *scene, unsigned fact)
{
    const struct object *object = &scene->object[0];
    return 1u << fact == ABOUT_SHAPE && object->clip && !object->shape->outline ? "subject"
                                                                                : fact_names[fact];
}

static void write_about(FILE *file, const struct scene *scene, unsigned about)
{
    const char *comma = "";
    fputc('[', file);
    for (unsigned i = 0; i < LENGTH(fact_names); i++)
        if (about & (1u << i)) {
            fprintf(file, "%s\"%s\"", comma, fact_name(scene, i));
            comma = ", ";
        }
    fputc(']', file);
}

static void write_object(FILE *file, const struct object *object)
{
    if (object->clip)
        fprintf(file, "{\"clip art\": \"%s\", ", object->shape->one.name);
    else
        fprintf(file, "{\"shape\": \"%s\", \"colour\": \"%s\", \"fill\": \"%s\", \"size\": \"%s\", ",
            object->shape->one.name, colours[object->colour].word.name, fills[object->fill].adjective.name,
            sizes[object->size].word.name);
    fprintf(file, "\"x\": %.3f, \"y\": %.3f, \"radius\": %.3f}", (double)object->x, (double)object->y,
        (double)object->radius);
}

// No word of the tables needs escaping, and `path` is made by main.
void record_write(
    FILE *file, const char *path, const struct scene *scene, const struct caption *captions, int n_captions)
{
    fprintf(file, "{\"path\": \"%s\", \"caption\": \"%s\", \"about\": ", path, captions[0].text);
    write_about(file, scene, captions[0].about);
    fputs(", \"wordings\": [", file);
    for (int i = 1; i < n_captions; i++) {
        fprintf(file, "%s{\"text\": \"%s\", \"about\": ", i > 1 ? ", " : "", captions[i].text);
        write_about(file, scene, captions[i].about);
        fputc('}', file);
    }
    fprintf(file, "], \"kind\": \"%s\", \"count\": %d, ", kind_names[scene->kind], scene->count);
    if (scene->kind == SCENE_RELATION)
        fprintf(file, "\"relation\": \"%s\", ", relation_names[scene->relation]);
    fprintf(file, "\"tone\": \"%s\", \"texture\": \"%s\", \"objects\": [",
        tones[scene->backdrop.tone].word.name, textures[scene->backdrop.texture].name);
    for (int i = 0; i < scene->count; i++) {
        if (i)
            fputs(", ", file);
        write_object(file, &scene->object[i]);
    }
    fputs("]}\n", file);
}

// What the scene's fact of that number is.
static const char *fact_of(const struct scene *scene, unsigned fact)
{
    const struct object *object = &scene->object[fact >= ABOUT_SECOND];
    switch (1u << (fact >= ABOUT_SECOND ? fact - ABOUT_SECOND : fact)) {
    case ABOUT_SHAPE:
        return object->shape->one.name;
    case ABOUT_COLOUR:
        return colours[object->colour].word.name;
    case ABOUT_FILL:
        return fills[object->fill].adjective.name;
    case ABOUT_SIZE:
        return sizes[object->size].word.name;
    case ABOUT_COUNT:
        return numbers[scene->count - 1].name;
    case ABOUT_RELATION:
        return relation_names[scene->relation];
    case ABOUT_TONE:
        return tones[scene->backdrop.tone].word.name;
    default:
        return textures[scene->backdrop.texture].name;
    }
}

// "two objects" is true of relations, too; anything else that is said of one is not said of the other kind.
static void write_facts(FILE *file, const struct scene *scene, unsigned about)
{
    const char *comma = "";
    for (unsigned i = 0; i < LENGTH(fact_names); i++)
        if (about & (1u << i)) {
            fprintf(file, "%s\"%s\": \"%s\"", comma, fact_name(scene, i), fact_of(scene, i));
            comma = ", ";
        }
    if (about != ABOUT_COUNT)
        fprintf(file, "%s\"pair\": \"%s\"", comma, scene->kind == SCENE_RELATION ? "yes" : "no");
}

void annotations_begin(FILE *file)
{
    fputs("{\"annotations\": [", file);
}

void annotations_write(
    FILE *file, long number, const struct scene *scene, const struct caption *captions, int n_captions)
{
    for (int i = 0; i < n_captions; i++) {
        fprintf(file, "%s\n{\"image_id\": %ld, \"caption\": \"%s\", \"facts\": {", number || i ? "," : "",
            number, captions[i].text);
        write_facts(file, scene, captions[i].about);
        fputs("}}", file);
    }
}

void annotations_end(FILE *file, long count, const char *format)
{
    fputs("],\n\"images\": [", file);
    for (long i = 0; i < count; i++)
        fprintf(file, "%s\n{\"id\": %ld, \"file_name\": \"%06ld.%s\"}", i ? "," : "", i, i, format);
    fputs("]}\n", file);
}

static void write_others(FILE *file, const char *kind, const struct word *word)
{
    fprintf(file, "%s\t%s", kind, word->name);
    for (int i = 0; i < MAX_OTHERS && word->others[i]; i++)
        fprintf(file, "\t%s", word->others[i]);
    fputc('\n', file);
}

void vocabulary_list(FILE *file)
{
#define LIST(title, array, field)                                                                            \
    fputs(title ":", file);                                                                                  \
    for (size_t i = 0; i < LENGTH(array); i++)                                                               \
        fprintf(file, " %s", (array)[i] field);                                                              \
    fputc('\n', file);

    LIST("shapes", shapes, .one.name)
    LIST("colours", colours, .word.name)
    LIST("fills", fills, .adjective.name)
    LIST("sizes", sizes, .word.name)
    LIST("numbers", numbers, .name)
    LIST("kinds", kind_names, )
    LIST("relations", relation_names, )
    LIST("tones", tones, .word.name)
    LIST("textures", textures, .name)
#undef LIST
    fputs("held out:", file);
    const char *comma = "";
    for (int shape = 0; shape < N_SHAPES; shape++)
        for (int colour = 0; colour < N_COLOURS; colour++)
            if (held_out(&shapes[shape], colour)) {
                fprintf(file, "%s %s %s", comma, colours[colour].word.name, shapes[shape].one.name);
                comma = ",";
            }
    fputc('\n', file);
}

void vocabulary_list_others(FILE *file)
{
#define LIST(kind, array, field)                                                                             \
    for (size_t i = 0; i < LENGTH(array); i++)                                                               \
        write_others(file, kind, &(array)[i] field);

    LIST("shape", shapes, .one)
    LIST("letter", letters, .one)
    LIST("colour", colours, .word)
    LIST("fill", fills, .adjective)
    LIST("size", sizes, .word)
    LIST("number", numbers, )
    LIST("tone", tones, .word)
    LIST("texture", textures, )
#undef LIST
}
