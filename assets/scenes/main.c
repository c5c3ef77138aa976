// SPDX-License-Identifier: Apache-2.0
// scenes: draws pictures of simple objects and says what they show, as many as wanted, the same ones for the
// same seed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "options.h"
#include "output.h"

enum { CAPTION_STREAM = 1 };

static int fail(const char *what, const char *subject)
{
    fprintf(stderr, "scenes: %s '%s'\n", what, subject);
    return 2;
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        fprintf(stderr, "scenes: cannot write '%s': %s\n", path, strerror(errno));
    return file;
}

struct sinks {
    FILE *records, *raw, *cells, *coco;
};

static bool open_sinks(struct sinks *out, const struct options *options)
{
    char path[4096];
    *out = (struct sinks){NULL};
    if (options->out) {
        if (mkdir(options->out, 0777) != 0 && errno != EEXIST)
            return fail("cannot make directory", options->out), false;
        snprintf(path, sizeof path, "%s/scenes.jsonl", options->out);
        if (!(out->records = create(path)))
            return false;
    }
    if (options->raw && !(out->raw = create(options->raw)))
        return false;
    if (options->coco && !(out->coco = create(options->coco)))
        return false;
    return !options->cells || (out->cells = create(options->cells));
}

// fclose(NULL) is undefined; a full disk may show only here.
static bool close_sinks(struct sinks *sinks)
{
    bool good = true;
    FILE *files[] = {sinks->records, sinks->raw, sinks->cells, sinks->coco};
    for (int i = 0; i < 4; i++)
        if (files[i]) {
            good = !ferror(files[i]) && good;
            good = fclose(files[i]) == 0 && good;
        }
    return good;
}

// Captions draw from a stream of their own: asking for more wordings leaves the pictures as they are.
static struct voice voice_of(const struct options *options, long number)
{
    struct voice voice = {.synonyms = (float)options->synonyms / 100};
    random_init(&voice.random, (uint64_t)options->seed, 2 * (uint64_t)number + CAPTION_STREAM);
    return voice;
}

static void describe(
    FILE *records, const char *name, const struct scene *scene, const struct options *options, long number)
{
    struct caption captions[MAX_CAPTIONS];
    struct voice voice = voice_of(options, number);
    for (long i = 0; i <= options->wordings; i++)
        scene_describe(&captions[i], scene, &voice, i ? DETAIL_LOOSE : DETAIL_FULL);
    record_write(records, name, scene, captions, (int)options->wordings + 1);
}

// What is hard to learn more than once: shapes, then counts. The first ones are those of the easy lesson, whose objects have one count and
// one size.
static const unsigned prompts[] = {ABOUT_SHAPE, ABOUT_SHAPE, ABOUT_COLOUR, ABOUT_FILL, ABOUT_COUNT,
    ABOUT_SIZE, ABOUT_SHAPE, ABOUT_SHAPE, ABOUT_COUNT};
enum { PROMPTS = sizeof prompts / sizeof *prompts, EASY_PROMPTS = 4, FULL_CAPTIONS = 2 };

// Clip art has its noun in every place.
static int say_words(
    struct caption *captions, const struct scene *scene, const struct options *options, long number)
{
    struct voice voice = voice_of(options, number);
    voice.synonyms /= 3;
    const unsigned classes = scene_classes(scene);
    for (int i = 0; i < EASY_PROMPTS; i++)
        scene_word(&captions[i], scene, &voice, classes & prompts[i] ? prompts[i] : ABOUT_SHAPE);
    return EASY_PROMPTS;
}

// The same number of captions for every picture, of which those in one place are of one kind.
static int say_all(
    struct caption *captions, const struct scene *scene, const struct options *options, long number)
{
    struct voice voice = voice_of(options, number);
    int n = 0;
    for (int i = 0; i < FULL_CAPTIONS; i++)
        scene_describe(&captions[n++], scene, &voice, i ? DETAIL_FULL : DETAIL_ALL);
    for (long i = 0; i < options->wordings; i++)
        scene_describe(&captions[n++], scene, &voice, DETAIL_LOOSE);
    for (int i = 0; i < PROMPTS; i++)
        if (scene_classes(scene) & prompts[i])
            scene_prompt(&captions[n++], scene, &voice, prompts[i]);
        else
            scene_describe(&captions[n++], scene, &voice, DETAIL_LOOSE);
    return n;
}

static bool is_wanted(const struct scene *scene, enum lesson lesson)
{
    return lesson != LESSON_EASY || (scene->count == 1 && scene->object[0].size == SIZE_LARGE);
}

static bool draw(struct picture *picture, const struct sinks *sinks, const struct options *options,
    const struct material *material, long number)
{
    struct random random;
    struct scene scene;
    char name[32], path[4096];

    random_init(&random, (uint64_t)options->seed, 2 * (uint64_t)number);
    do
        scene_compose(&scene, &random, options->kinds[number % options->n_kinds], options->split, material);
    while (!is_wanted(&scene, options->lesson));
    scene_paint(picture, &scene, &random);
    snprintf(name, sizeof name, "%06ld.%s", number, options->format);

    if (sinks->records)
        describe(sinks->records, name, &scene, options, number);
    if (sinks->coco) {
        struct caption captions[FULL_CAPTIONS + MAX_CAPTIONS + PROMPTS];
        const int n = options->lesson == LESSON_ALL ? say_all(captions, &scene, options, number)
                                                    : say_words(captions, &scene, options, number);
        annotations_write(sinks->coco, number, &scene, captions, n);
    }
    if (sinks->raw) {
        fwrite(picture->pixel, 3, (size_t)picture->width * (size_t)picture->height, sinks->raw);
    } else if (options->out) {
        snprintf(path, sizeof path, "%s/%s", options->out, name);
        if (!picture_write(picture, path))
            return fail("cannot write", path), false;
    }
    if (sinks->cells) {
        unsigned char cells[256 * 256];
        scene_cells(cells, &scene, (int)options->grid);
        fwrite(cells, (size_t)options->grid, (size_t)options->grid, sinks->cells);
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return vocabulary_list(stdout), fflush(stdout) ? 1 : 0;
    if (argc == 2 && strcmp(argv[1], "--others") == 0)
        return vocabulary_list_others(stdout), fflush(stdout) ? 1 : 0;
    if (!options_parse(&options, argc, argv))
        return 2;

    struct sinks sinks;
    struct material material;
    if (!material_open(&material, options.letters, options.clipart) || !open_sinks(&sinks, &options))
        return material_release(&material), 1;
    if (sinks.coco)
        annotations_begin(sinks.coco);
    struct picture picture = picture_new(options.width, options.height);
    bool good = true;
    for (long number = 0; number < options.count && good; number++)
        good = draw(&picture, &sinks, &options, &material, number);
    picture_free(&picture);
    material_release(&material);
    if (sinks.coco)
        annotations_end(sinks.coco, options.count, options.format);
    return close_sinks(&sinks) && good ? 0 : 1;
}
