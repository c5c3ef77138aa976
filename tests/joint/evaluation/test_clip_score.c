// SPDX-License-Identifier: Apache-2.0
/* CLIPScore against the authors' program on made-up embeddings, and against PyTorch on real pictures. */
#include "joint/evaluation/internal.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VECTORS DIPTYCH_FIXTURES "/captions/clipscore_vectors.json.gz"
#define GOLDEN DIPTYCH_ROOT "/tests/golden/clip_score.json"

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static json_t *must_read(const char *path)
{
    struct err err;
    json_t *root;
    check_ok(json_read(&root, path, 16 << 20, &err), &err);
    return root;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* ---- arithmetic ---------------------------------------------------------------------------------------- */

enum { WIDTH = 16, REFERENCES_MAX = 8 };

static void get_vector(float *out, const json_t *list)
{
    assert_int_equal(json_array_size(list), WIDTH);
    for (size_t e = 0; e < WIDTH; e++)
        out[e] = (float)json_number_value(json_array_get(list, e));
}

/* The program computes in float32; its results are 2.6e-7 (score), 1.3e-7 (cosine) and 9.6e-7 (RefCLIPScore,
 * relative: one sum a + b nearly cancels) from exact ones. */
static void close_to(double ours, const json_t *list, size_t i, double limit)
{
    const double theirs = json_number_value(json_array_get(list, i));
    if (!(fabs(ours - theirs) <= limit * fmax(1, fabs(theirs))))
        fail_msg("case %zu: %.9g, not %.9g", i, ours, theirs);
}

static void is_the_programs_arithmetic(void **state)
{
    (void)state;
    if (!file_exists(VECTORS)) {
        print_message("no %s: skipped\n", VECTORS);
        skip();
    }
    json_t *root = must_read(VECTORS), *images = json_object_get(root, "image");
    const size_t count = json_array_size(images);
    double sum = 0;
    assert_int_equal(number(root, "dim"), WIDTH);
    assert_int_equal(count, 60);
    for (size_t i = 0; i < count; i++) {
        const json_t *list = json_array_get(json_object_get(root, "references"), i);
        const size_t references = json_array_size(list);
        float image[WIDTH], candidate[WIDTH], others[REFERENCES_MAX * WIDTH];
        assert_in_range(references, 1, REFERENCES_MAX);
        get_vector(image, json_array_get(images, i));
        get_vector(candidate, json_array_get(json_object_get(root, "candidate"), i));
        for (size_t r = 0; r < references; r++)
            get_vector(others + r * WIDTH, json_array_get(list, r));

        const double a = clip_score(cosine_of(image, candidate, WIDTH));
        const double b = best_cosine_of(candidate, others, references, WIDTH);
        close_to(a, json_object_get(root, "clipscore"), i, 5e-7);
        close_to(b, json_object_get(root, "text_sim"), i, 5e-7);
        close_to(clip_score_with_references(a, b), json_object_get(root, "refclipscore"), i, 1e-6);
        sum += a;
    }
    assert_true(fabs(sum / (double)count - number(root, "mean_clipscore")) < 5e-8);
    json_decref(root);
}

static void has_the_programs_corners(void **state)
{
    (void)state;
    assert_true(clip_score(-0.5) == 0);
    assert_true(clip_score(1) == 2.5);
    assert_true(isnan(clip_score(NAN)));
    assert_true(isnan(clip_score_with_references(0, 0)));
    assert_true(clip_score_with_references(0, 0.5) == 0);
    assert_true(clip_score_with_references(1, -0.5) == -2); /* b is not clipped */
    assert_true(clip_score_with_references(0.5, 0.5) == 0.5);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

enum { IMAGES_MAX = 16, BATCH = 4 };

static struct device *device;
static struct model *model;
static struct loader *loader;

/* What is to be scored: by default the golden images. */
struct work {
    json_t *root;
    size_t count;
    char paths[IMAGES_MAX][512];
    struct picture_source pictures[IMAGES_MAX];
    const char *references[IMAGES_MAX][REFERENCES_MAX];
    struct caption_pair pairs[IMAGES_MAX];
};

static struct work *work_new(void)
{
    struct work *work = mem_new(1, sizeof *work);
    assert_non_null(work);
    work->root = must_read(GOLDEN);
    const json_t *images = json_object_get(work->root, "images");
    work->count = json_array_size(images);
    assert_in_range(work->count, BATCH + 1, IMAGES_MAX);
    for (size_t i = 0; i < work->count; i++) {
        const json_t *image = json_array_get(images, i), *list = json_object_get(image, "references");
        snprintf(work->paths[i], sizeof work->paths[i], DIPTYCH_ROOT "/assets/%s",
            json_string_value(json_object_get(image, "path")));
        work->pictures[i] = picture_file(work->paths[i]);
        for (size_t r = 0; r < json_array_size(list); r++)
            work->references[i][r] = json_string_value(json_array_get(list, r));
        work->pairs[i] = (struct caption_pair){
            .candidate = json_string_value(json_object_get(image, "candidate")),
            .references = work->references[i],
            .reference_count = json_array_size(list),
        };
    }
    return work;
}

static void work_free(struct work *work)
{
    json_decref(work->root);
    free(work);
}

static int compute(struct clip_scores *out, struct encoder *encoder, const struct work *work, struct err *err)
{
    return clip_score_compute(out, encoder, loader, work->pictures, work->pairs, work->count, NULL, err);
}

static void check_score(double ours, double theirs, double *largest)
{
    const double difference = fabs(ours - theirs);
    if (!(difference < 1e-6))
        fail_msg("%.9g, not %.9g", ours, theirs);
    *largest = fmax(*largest, difference);
}

static void is_pytorchs_on_pictures(void **state)
{
    struct work *work = work_new();
    struct clip_scores scores;
    struct err err;
    double largest = 0;
    check_ok(compute(&scores, *state, work, &err), &err);
    assert_int_equal(scores.clip.count, work->count);
    assert_int_equal(scores.with_references.count, work->count);
    for (size_t i = 0; i < work->count; i++) {
        const json_t *golden = json_array_get(json_object_get(work->root, "images"), i);
        check_score(scores.clip.images[i], number(golden, "CLIPScore"), &largest);
        check_score(scores.with_references.images[i], number(golden, "RefCLIPScore"), &largest);
    }
    check_score(scores.clip.corpus, number(work->root, "CLIPScore"), &largest);
    check_score(scores.with_references.corpus, number(work->root, "RefCLIPScore"), &largest);
    print_message("largest difference from PyTorch in float64: %.1e\n", largest);
    assert_int_equal(scores.truncated, 1);
    clip_scores_release(&scores);
    work_free(work);
}

static void needs_no_references(void **state)
{
    struct work *work = work_new();
    struct clip_scores scores;
    struct err err;
    double largest = 0;
    for (size_t i = 0; i < work->count; i++)
        work->pairs[i].reference_count = 0;
    check_ok(compute(&scores, *state, work, &err), &err);
    check_score(scores.clip.corpus, number(work->root, "CLIPScore"), &largest);
    assert_null(scores.with_references.images);
    assert_int_equal(scores.with_references.count, 0);
    clip_scores_release(&scores);
    work_free(work);
}

static void takes_pictures_as_bytes(void **state)
{
    struct work *work = work_new();
    struct clip_scores files, uploads;
    struct err err;
    size_t size;
    check_ok(compute(&files, *state, work, &err), &err);
    for (size_t i = 0; i < work->count; i++) {
        char *bytes;
        check_ok(file_read(&bytes, &size, work->paths[i], 1 << 20, &err), &err);
        work->pictures[i] = picture_bytes("upload", (uint8_t *)bytes, size);
    }
    check_ok(compute(&uploads, *state, work, &err), &err);
    assert_memory_equal(uploads.clip.images, files.clip.images, work->count * sizeof(double));
    assert_memory_equal(
        uploads.with_references.images, files.with_references.images, work->count * sizeof(double));
    for (size_t i = 0; i < work->count; i++)
        free((uint8_t *)work->pictures[i].bytes);
    clip_scores_release(&files);
    clip_scores_release(&uploads);
    work_free(work);
}

struct watch {
    size_t last, end_at;
};

static int watch_step(void *context, const char *unit, size_t done, size_t total)
{
    struct watch *watch = context;
    assert_string_equal(unit, total ? "pictures" : "encoding texts");
    if (!total)
        return 0;
    assert_true(done >= watch->last && done <= total);
    watch->last = done;
    return done >= watch->end_at;
}

static void can_be_watched_and_ended(void **state)
{
    struct work *work = work_new();
    struct watch watch = {.end_at = BATCH};
    const struct job job = {.step = watch_step, .context = &watch};
    struct clip_scores scores;
    struct err err;
    assert_int_equal(
        clip_score_compute(&scores, *state, loader, work->pictures, work->pairs, work->count, &job, &err),
        ERR_CANCELLED);
    assert_int_equal(watch.last, BATCH);
    assert_null(scores.clip.images);
    watch = (struct watch){.end_at = work->count + 1};
    check_ok(
        clip_score_compute(&scores, *state, loader, work->pictures, work->pairs, work->count, &job, &err),
        &err);
    assert_int_equal(watch.last, work->count);
    clip_scores_release(&scores);
    work_free(work);
}

/* ---- what cannot be scored ----------------------------------------------------------------------------- */

static void check_refused(
    struct encoder *encoder, const struct work *work, enum err_code code, const char *message)
{
    struct clip_scores scores;
    struct err err;
    assert_int_equal(compute(&scores, encoder, work, &err), code);
    if (!strstr(err.msg, message))
        fail_msg("'%s' does not say '%s'", err.msg, message);
    assert_null(scores.clip.images);
    assert_null(scores.with_references.images);
}

static void names_what_it_refuses(void **state)
{
    struct work *work = work_new();
    work->pictures[5] = picture_file("missing.png");
    check_refused(*state, work, ERR_IO, "unable to open 'missing.png': No such file or directory");
    work->pictures[5] = picture_file(work->paths[5]);

    const char *candidate = work->pairs[4].candidate;
    work->pairs[4].candidate = "a caf\xe9";
    check_refused(*state, work, ERR_FORMAT, "candidate of image 4: text is not UTF-8 at byte 21");
    work->pairs[4].candidate = candidate;

    work->references[3][2] = "\xff";
    check_refused(*state, work, ERR_FORMAT, "reference 2 of image 3: text is not UTF-8");

    work->pairs[6].reference_count = 0;
    check_refused(*state, work, ERR_ARGUMENT, "image 6 has no reference");
    work->count = 0;
    check_refused(*state, work, ERR_ARGUMENT, "no images");
    work_free(work);
}

static int open_model(void **state)
{
    const struct device_options options = {.precision = "f32"};
    const struct loader_options loading = {.batch = BATCH, .threads = 2};
    struct encoder *encoder;
    struct err err;
    if (device_open(&device, &options, &err) ||
        model_open(&model, DIPTYCH_ROOT "/tests/model", device, &err) ||
        encoder_open(&encoder, model, BATCH, &err) ||
        loader_open(&loader, model_preprocess(model), &loading, &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    *state = encoder;
    return 0;
}

static int close_model(void **state)
{
    loader_free(loader);
    encoder_free(*state);
    model_free(model);
    device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_programs_arithmetic),
        cmocka_unit_test(has_the_programs_corners),
        cmocka_unit_test(is_pytorchs_on_pictures),
        cmocka_unit_test(needs_no_references),
        cmocka_unit_test(takes_pictures_as_bytes),
        cmocka_unit_test(can_be_watched_and_ended),
        cmocka_unit_test(names_what_it_refuses),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
