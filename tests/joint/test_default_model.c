// SPDX-License-Identifier: Apache-2.0
/*
 * The model that comes with Diptych does what its card says, on scenes it has never seen: no picture and no
 * caption of its training showed these pairs of shape and colour. render_scenes.sh has drawn them. In int8 it does so
 * nearly as well as in float32.
 */
#include "joint/joint.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 32 };

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* What is measured, in per cent; at least so much it has to be, and in int8 no more than LOST less than in float32. */
enum figure { SHAPE, COLOUR, COUNT, RECALL, FIGURES };
static const double least[FIGURES] = {95, 95, 80, 60}, LOST = 0.5;
static double in_float32[FIGURES];
static const char *precision; /* of the group of tests at hand */

static void check_figure(enum figure figure, const char *name, double value)
{
    const bool exact = !strcmp(precision, "f32");
    if (exact)
        in_float32[figure] = value;
    print_message("%s: %s %.1f %%\n", precision, name, value);
    assert_true(value >= (exact ? least[figure] : in_float32[figure] - LOST));
}

/* ---- scenes -------------------------------------------------------------------------------------------- */

/* The pictures of one folder: what is said of them, and their embeddings. */
struct scenes {
    json_t **records;
    struct strings paths;
    float *embeddings; // (count, E)
};

static struct scenes scenes_open(struct encoder *encoder, const char *kind)
{
    struct scenes scenes = {0};
    struct strings lines = {0};
    struct arena arena = {0};
    struct err err;
    char *text, *folder = path_join(&arena, DIPTYCH_SCENES, kind);
    size_t size;
    check_ok(file_read(&text, &size, path_join(&arena, folder, "scenes.jsonl"), 64 << 20, &err), &err);
    check_ok(strings_add_lines(&lines, text, size, &err), &err);
    scenes.records = mem_new(lines.count, sizeof *scenes.records);
    for (size_t i = 0; i < lines.count; i++) {
        check_ok(json_parse(&scenes.records[i], lines.items[i], strlen(lines.items[i]), kind, &err), &err);
        const char *path =
            path_join(&arena, folder, json_string_value(json_object_get(scenes.records[i], "path")));
        check_ok(strings_add(&scenes.paths, path, strlen(path), &err), &err);
    }
    free(text);
    strings_release(&lines);
    arena_release(&arena);

    const struct model *model = encoder_model(encoder);
    const size_t width = model_width(model);
    const struct loader_options options = {.batch = BATCH};
    struct picture_source *pictures =
        picture_files((const char *const *)scenes.paths.items, scenes.paths.count);
    struct loader *loader;
    assert_non_null(pictures);
    scenes.embeddings = mem_new(scenes.paths.count, width * sizeof *scenes.embeddings);
    check_ok(loader_open(&loader, model_preprocess(model), &options, &err), &err);
    loader_start(loader, pictures, scenes.paths.count);
    for (struct loaded_batch batch; loader_next(loader, &batch);) {
        assert_int_equal(batch.good, batch.count);
        check_ok(
            encoder_pixels(encoder, scenes.embeddings + batch.first * width, batch.pixels, batch.count, &err),
            &err);
    }
    loader_free(loader);
    free(pictures);
    return scenes;
}

static void scenes_release(struct scenes *scenes)
{
    for (size_t i = 0; i < scenes->paths.count; i++)
        json_decref(scenes->records[i]);
    free(scenes->records);
    free(scenes->embeddings);
    strings_release(&scenes->paths);
}

static const char *main_object(const json_t *record, const char *key)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(record, "objects"), 0), key));
}

/* The words of one line of `scenes --list`, such as "shapes: circle oval ring". */
static struct strings words_of(const char *kind)
{
    struct strings words = {0};
    char *text, *save = NULL, start[32];
    size_t size;
    struct err err;
    check_ok(file_read(&text, &size, DIPTYCH_SCENES "/words.txt", 1 << 20, &err), &err);
    snprintf(start, sizeof start, "%s: ", kind);
    char *line = strstr(text, start);
    assert_non_null(line);
    line[strcspn(line, "\n")] = '\0';
    for (char *word = strtok_r(line + strlen(start), " ", &save); word; word = strtok_r(NULL, " ", &save))
        check_ok(strings_add(&words, word, strlen(word), &err), &err);
    free(text);
    return words;
}

/* ---- classification ------------------------------------------------------------------------------------ */

/* What a person would type: the same for every class. */
static const char *const templates[] = {"a photo of %s.", "a picture of %s.", "%s"};

typedef const char *truth_of(const json_t *record, const struct strings *words);

static const char *shape_of(const json_t *record, const struct strings *words)
{
    (void)words;
    return main_object(record, "shape");
}

static const char *colour_of(const json_t *record, const struct strings *words)
{
    (void)words;
    return main_object(record, "colour");
}

static const char *number_of(const json_t *record, const struct strings *words)
{
    return words->items[json_integer_value(json_object_get(record, "count")) - 1];
}

/* Per cent of the scenes whose best label is the true one. phrase has {} for the word. */
static double accuracy(struct encoder *encoder, const struct scenes *scenes, const char *kind,
    const char *phrase, truth_of *truth)
{
    const size_t width = model_width(encoder_model(encoder));
    struct strings words = words_of(kind), prompts = {0};
    struct classifier *classifier;
    struct err err;
    size_t right = 0;
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char prompt[96];
        snprintf(prompt, sizeof prompt, templates[i], phrase);
        check_ok(strings_add(&prompts, prompt, strlen(prompt), &err), &err);
    }
    check_ok(
        classifier_open(&classifier, encoder, &words, &prompts, LABEL_SCORES_OF_MODEL, NULL, &err), &err);
    for (size_t i = 0; i < scenes->paths.count; i++) {
        struct prediction best;
        classifier_rank(classifier, &best, 1, scenes->embeddings + i * width);
        right += !strcmp(classifier_label(classifier, best.label), truth(scenes->records[i], &words));
    }
    classifier_free(classifier);
    strings_release(&words);
    strings_release(&prompts);
    return 100.0 * (double)right / (double)scenes->paths.count;
}

static void names_shapes_and_colours(void **state)
{
    struct scenes scenes = scenes_open(*state, "single");
    const double shape = accuracy(*state, &scenes, "shapes", "a {}", shape_of);
    const double colour = accuracy(*state, &scenes, "colours", "a {} shape", colour_of);
    scenes_release(&scenes);
    check_figure(SHAPE, "shape", shape);
    check_figure(COLOUR, "colour", colour);
}

static void counts_objects(void **state)
{
    struct scenes scenes = scenes_open(*state, "count");
    const double count = accuracy(*state, &scenes, "numbers", "{} shapes", number_of);
    scenes_release(&scenes);
    check_figure(COUNT, "count", count);
}

/* ---- retrieval ----------------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The first 200 scenes whose captions differ. */
static size_t distinct_captions(
    size_t *rows, const char **captions, const struct scenes *scenes, size_t wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < scenes->paths.count && found < wanted; i++) {
        const char *caption = json_string_value(json_object_get(scenes->records[i], "caption"));
        size_t same = 0;
        while (same < found && strcmp(captions[same], caption))
            same++;
        if (same < found)
            continue;
        rows[found] = i;
        captions[found++] = caption;
    }
    return found;
}

static void finds_pictures_by_caption(void **state)
{
    enum { CAPTIONS = 200 };
    struct encoder *encoder = *state;
    struct scenes scenes = scenes_open(encoder, "mixed");
    const size_t width = model_width(encoder_model(encoder));
    size_t rows[CAPTIONS], right = 0;
    const char *captions[CAPTIONS];
    float *texts = mem_new(CAPTIONS, width * sizeof *texts);
    struct err err;
    assert_int_equal(distinct_captions(rows, captions, &scenes, CAPTIONS), CAPTIONS);
    check_ok(encoder_texts(encoder, texts, captions, CAPTIONS, NULL, NULL, &err), &err);
    for (size_t t = 0; t < CAPTIONS; t++) {
        const double own = dot(texts + t * width, scenes.embeddings + rows[t] * width, width);
        size_t better = 0;
        for (size_t p = 0; p < CAPTIONS; p++)
            better += p != t && dot(texts + t * width, scenes.embeddings + rows[p] * width, width) >= own;
        right += !better;
    }
    free(texts);
    scenes_release(&scenes);
    check_figure(RECALL, "R@1", 100.0 * (double)right / CAPTIONS);
}

/* ---- the model ----------------------------------------------------------------------------------------- */

static struct device *device;
static struct model *model;

static int open_model(void **state)
{
    const struct device_options options = {.precision = precision};
    struct encoder *encoder;
    struct err err;
    if (device_open(&device, &options, &err) ||
        model_open(&model, DIPTYCH_ROOT "/assets/model", device, &err) ||
        encoder_open(&encoder, model, BATCH, &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    *state = encoder;
    return 0;
}

static int close_model(void **state)
{
    encoder_free(*state);
    model_free(model);
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_colours),
        cmocka_unit_test(counts_objects),
        cmocka_unit_test(finds_pictures_by_caption),
    };
    precision = "f32";
    int failed = cmocka_run_group_tests_name(precision, tests, open_model, close_model);
    precision = "int8";
    failed += cmocka_run_group_tests_name(precision, tests, open_model, close_model);
    return failed;
}
