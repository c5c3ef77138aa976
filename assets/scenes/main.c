// SPDX-License-Identifier: Apache-2.0
// scenes: draws pictures of simple objects and says what they show, as many as wanted, the same ones for the
// same seed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"

enum lesson { LESSON_ALL, LESSON_WORDS, LESSON_EASY };

enum { MAX_CAPTIONS = 16, MAX_KINDS = 8, CAPTION_STREAM = 1 };

struct options {
    long count, seed, wordings, grid;
    int width, height;
    enum scene_kind kinds[MAX_KINDS]; // in turn
    int n_kinds;
    enum scene_split split;
    enum lesson lesson;
    const char *out, *format, *raw, *cells, *coco;
};

static const char usage[] =
    "usage: scenes --count N [options]     draw N pictures\n"
    "       scenes --list                  print the words that scenes are made of\n"
    "\n"
    "  --out DIR            write the pictures and scenes.jsonl here\n"
    "  --format FORMAT      png (default), jpg or ppm\n"
    "  --raw FILE           write one file of bytes (N, height, width, 3) instead of pictures\n"
    "  --coco FILE          write COCO's annotations: of each picture all that there is to say, the full "
    "caption, K\n"
    "                       loose ones and one for each kind of class prompts, with the facts that they "
    "state\n"
    "  --lesson LESSON      captions for --coco: all (default); words, which are single words, and none of "
    "relations;\n"
    "                       easy, the same where every scene is one large object\n"
    "  --cells FILE         write bytes (N, grid, grid): which object covers each cell, 0 for none\n"
    "  --grid G             cells across and down (default 8)\n"
    "  --size PIXELS|WxH    size of the pictures (default 96)\n"
    "  --seed S             default 0\n"
    "  --kind KIND,...      single, count, relation or mixed (default); of several each in turn\n"
    "  --split SPLIT        train (default): no held-out pair of shape and colour; heldout: the first object "
    "is one\n"
    "  --wordings K         loose captions for each picture beside the full one (default 2)\n";

static int fail(const char *what, const char *subject)
{
    fprintf(stderr, "scenes: %s '%s'\n", what, subject);
    return 2;
}

static bool parse_number(long *out, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return end != text && !*end && !errno && *out >= least && *out <= most;
}

static bool parse_size(struct options *options, const char *text)
{
    char rest;
    int n = sscanf(text, "%dx%d%c", &options->width, &options->height, &rest);
    if (n == 1 && !strchr(text, 'x'))
        options->height = options->width;
    else if (n != 2)
        return false;
    return options->width >= 8 && options->width <= 8192 && options->height >= 8 && options->height <= 8192;
}

static bool parse_word(int *out, const char *text, const char *const *words, int n)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(text, words[*out]) == 0)
            return true;
    return false;
}

static bool parse_kinds(struct options *options, const char *text)
{
    static const char *const names[] = {"single", "count", "relation", "mixed"};
    char list[256];
    int kind;
    options->n_kinds = 0;
    if (snprintf(list, sizeof list, "%s", text) >= (int)sizeof list)
        return false;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        if (options->n_kinds == MAX_KINDS || !parse_word(&kind, word, names, 4))
            return false;
        options->kinds[options->n_kinds++] = (enum scene_kind)kind;
    }
    return options->n_kinds > 0;
}

static bool parse_option(struct options *options, const char *name, const char *value)
{
    static const char *const splits[] = {"train", "heldout"};
    static const char *const formats[] = {"png", "jpg", "ppm"};
    static const char *const lessons[] = {"all", "words", "easy"};
    int word = 0;
    bool valid = true;

    if (strcmp(name, "--count") == 0)
        valid = parse_number(&options->count, value, 1, 100000000);
    else if (strcmp(name, "--seed") == 0)
        valid = parse_number(&options->seed, value, 0, 2147483647);
    else if (strcmp(name, "--wordings") == 0)
        valid = parse_number(&options->wordings, value, 0, MAX_CAPTIONS - 1);
    else if (strcmp(name, "--grid") == 0)
        valid = parse_number(&options->grid, value, 1, 256);
    else if (strcmp(name, "--size") == 0)
        valid = parse_size(options, value);
    else if (strcmp(name, "--kind") == 0)
        valid = parse_kinds(options, value);
    else if (strcmp(name, "--split") == 0 && (valid = parse_word(&word, value, splits, 2)))
        options->split = (enum scene_split)word;
    else if (strcmp(name, "--lesson") == 0 && (valid = parse_word(&word, value, lessons, 3)))
        options->lesson = (enum lesson)word;
    else if (strcmp(name, "--format") == 0 && (valid = parse_word(&word, value, formats, 3)))
        options->format = formats[word];
    else if (strcmp(name, "--out") == 0)
        options->out = value;
    else if (strcmp(name, "--raw") == 0)
        options->raw = value;
    else if (strcmp(name, "--coco") == 0)
        options->coco = value;
    else if (strcmp(name, "--cells") == 0)
        options->cells = value;
    else
        return false;
    return valid;
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
static void describe(
    FILE *records, const char *name, const struct scene *scene, const struct options *options, long number)
{
    struct caption captions[MAX_CAPTIONS];
    struct random random;
    random_init(&random, (uint64_t)options->seed, 2 * (uint64_t)number + CAPTION_STREAM);
    for (long i = 0; i <= options->wordings; i++)
        scene_describe(&captions[i], scene, &random, i ? DETAIL_LOOSE : DETAIL_FULL);
    record_write(records, name, scene, captions, (int)options->wordings + 1);
}

// Shapes, the hardest to learn, twice. A scene of one large object has one count and one size.
static const unsigned prompts[] = {
    ABOUT_SHAPE, ABOUT_SHAPE, ABOUT_COLOUR, ABOUT_FILL, ABOUT_COUNT, ABOUT_SIZE};
enum { PROMPTS = sizeof prompts / sizeof *prompts, EASY_PROMPTS = 4, FULL_CAPTIONS = 4 };

static int say_words(struct caption *captions, const struct scene *scene, enum lesson lesson)
{
    const int n = scene->kind == SCENE_RELATION ? 0 : lesson == LESSON_EASY ? EASY_PROMPTS : PROMPTS;
    for (int i = 0; i < n; i++)
        scene_word(&captions[i], scene, prompts[i]);
    return n;
}

// The same number of captions for every picture, of which those in one place are of one kind.
static int say_all(
    struct caption *captions, const struct scene *scene, const struct options *options, long number)
{
    struct random random;
    int n = 0;
    random_init(&random, (uint64_t)options->seed, 2 * (uint64_t)number + CAPTION_STREAM);
    for (int i = 0; i < FULL_CAPTIONS; i++)
        scene_describe(&captions[n++], scene, &random, i ? DETAIL_FULL : DETAIL_ALL);
    for (long i = 0; i < options->wordings; i++)
        scene_describe(&captions[n++], scene, &random, DETAIL_LOOSE);
    for (int i = 0; i < PROMPTS; i++)
        if (scene->kind == SCENE_RELATION)
            scene_describe(&captions[n++], scene, &random, DETAIL_LOOSE);
        else
            scene_prompt(&captions[n++], scene, &random, prompts[i]);
    return n;
}

static bool is_wanted(const struct scene *scene, enum lesson lesson)
{
    return lesson != LESSON_EASY || (scene->count == 1 && scene->object[0].size == SIZE_LARGE);
}

static bool draw(
    struct picture *picture, const struct sinks *sinks, const struct options *options, long number)
{
    struct random random;
    struct scene scene;
    char name[32], path[4096];

    random_init(&random, (uint64_t)options->seed, 2 * (uint64_t)number);
    do
        scene_compose(&scene, &random, options->kinds[number % options->n_kinds], options->split);
    while (!is_wanted(&scene, options->lesson));
    scene_paint(picture, &scene, &random);
    snprintf(name, sizeof name, "%06ld.%s", number, options->format);

    if (sinks->records)
        describe(sinks->records, name, &scene, options, number);
    if (sinks->coco) {
        struct caption captions[FULL_CAPTIONS + MAX_CAPTIONS + PROMPTS];
        const int n = options->lesson == LESSON_ALL ? say_all(captions, &scene, options, number)
                                                    : say_words(captions, &scene, options->lesson);
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
    struct options options = {.wordings = 2,
        .grid = 8,
        .width = 96,
        .height = 96,
        .kinds = {SCENE_MIXED},
        .n_kinds = 1,
        .format = "png"};
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return vocabulary_list(stdout), fflush(stdout) ? 1 : 0;
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !parse_option(&options, argv[i], argv[i + 1]))
            return fputs(usage, stderr), fail("cannot use option", argv[i]);
    if (!options.count || !(options.out || options.raw))
        return fputs(usage, stderr), fail("missing", options.count ? "--out or --raw" : "--count");

    struct sinks sinks;
    if (!open_sinks(&sinks, &options))
        return 1;
    if (sinks.coco)
        annotations_begin(sinks.coco);
    struct picture picture = picture_new(options.width, options.height);
    bool good = true;
    for (long number = 0; number < options.count && good; number++)
        good = draw(&picture, &sinks, &options, number);
    picture_free(&picture);
    if (sinks.coco)
        annotations_end(sinks.coco, options.count, options.format);
    return close_sinks(&sinks) && good ? 0 : 1;
}
