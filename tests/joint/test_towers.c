// SPDX-License-Identifier: Apache-2.0
/* Both towers against the golden embeddings of tests/golden/towers.py, siglip.py, families.py and bert.py, in every precision and with every
 * GEMM provider that the device has. */
#include "joint/train/trained_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/weights/safetensors.h"
#include "tests/support/providers.h"

enum { PICTURES = 3, TEXTS = 4 };

#define GOLDEN DIPTYCH_ROOT "/tests/golden/towers/"

static const char *const families[] = {"siglip-small", "chinese-clip-small", "altclip-small",
    "xlm-roberta-small", "roberta-small", "nllb-small", "clipa-small", "unmasked-small", "coca-small",
    "pe-core-t-16", "vit-b-32-tanh", "vit-b-32", "vit-b-16", "vit-l-14", "vit-l-14-336", "vit-h-14",
    "vit-bigg-14", "siglip-so400m-14", "siglip-b-16-open_clip", "siglip2-b-32-open_clip", "mobileclip-b"};

/* The smaller ones, which come first, are run in every way. The others have other sizes, which the tests of layers try
 * with each provider, and are run in float32 and bfloat16 by one of them. */
enum { FAMILIES = sizeof families / sizeof *families, SMALL = 11, NAMED_VOCAB = 300 };

struct golden {
    const char *name;
    struct model_config config;
    int64_t seed;
    uint8_t *pixels;                   /* (PICTURES, S, S, 3) */
    int32_t *ids, *lengths;            /* (TEXTS, context) and (TEXTS) */
    float *image_embeds, *text_embeds; /* (PICTURES, E) and (TEXTS, E), of length 1 */
};

#define OK(call) assert_ok(call, &err)

static void assert_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- golden files -------------------------------------------------------------------------------------- */

/* A copy of the tensor's bytes: in the file nothing is aligned. */
static void *copy_tensor(const struct weight *tensors, size_t count, const char *name, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(tensors[i].name, name))
            return memcpy(malloc(bytes), tensors[i].data, bytes);
    }
    fail_msg("the golden file has no '%s'", name);
    return NULL;
}

/* As picture() in towers.py. */
static void paint(uint8_t *pixels, uint32_t number, size_t size)
{
    for (uint32_t i = 0; i < size * size * 3; i++) {
        const uint32_t y = i / (3 * (uint32_t)size), x = i / 3 % (uint32_t)size, c = i % 3;
        const uint32_t noise = i * 2654435761u >> 27;
        pixels[i] = (uint8_t)(x * (3 * number + 1) + y * (2 * number + 1) + c * 85 + noise);
    }
}

static struct golden golden_open(const char *name)
{
    struct golden golden = {.name = name};
    struct err err;
    struct arena arena = {0};
    struct file_map map;
    struct weight *tensors;
    size_t count;
    const char *directory = path_join(&arena, GOLDEN, name);
    const char *path = path_join(&arena, directory, "embeddings.safetensors");
    OK(model_config_read(&golden.config, directory, &err));
    if (golden.config.text_by_name) { /* the name would say how many */
        golden.config.text.block.layers = golden.config.vision.block.layers;
        golden.config.text.vocab = NAMED_VOCAB;
    }
    golden.config.vision.block.layers = golden.config.text.block.layers; /* likewise timm's */
    OK(file_map_open(&map, path, &err));
    OK(safetensors_parse(&tensors, &count, &arena, map.data, map.size, path, &err));

    const size_t width = golden.config.text.embed_width, size = golden.config.vision.image_size;
    int64_t *seed = copy_tensor(tensors, count, "seed", sizeof *seed);
    golden.seed = *seed;
    golden.ids = copy_tensor(tensors, count, "ids", TEXTS * golden.config.text.context * sizeof(int32_t));
    golden.lengths = copy_tensor(tensors, count, "lengths", TEXTS * sizeof(int32_t));
    golden.image_embeds = copy_tensor(tensors, count, "image_embeds", PICTURES * width * sizeof(float));
    golden.text_embeds = copy_tensor(tensors, count, "text_embeds", TEXTS * width * sizeof(float));
    golden.pixels = malloc(PICTURES * size * size * 3);
    for (uint32_t number = 0; number < PICTURES; number++)
        paint(golden.pixels + number * size * size * 3, number, size);

    free(seed);
    free(tensors);
    file_map_release(&map);
    arena_release(&arena);
    return golden;
}

static void golden_release(struct golden *golden)
{
    free(golden->pixels);
    free(golden->ids);
    free(golden->lengths);
    free(golden->image_embeds);
    free(golden->text_embeds);
}

/* ---- a model of them ----------------------------------------------------------------------------------- */

struct towers {
    struct device *device;
    struct model *model;
    struct encoder *encoder;
};

static const char *only; /* NULL, or the one provider to look at, with the smaller models */

/* False where the device cannot do what is asked, or need not. */
static bool towers_open(
    struct towers *towers, const struct golden *golden, const char *gemm, const char *precision)
{
    const struct device_options options = {.gemm = gemm, .precision = precision};
    struct err err;
    if (only && strcmp(only, gemm))
        return false;
    if (device_open(&towers->device, &options, &err)) {
        if (cpu_has(gemm, precision))
            fail_msg("%s %s: %s", gemm, precision, err.msg);
        print_message("%s %s: not here: %s\n", gemm, precision, err.msg);
        return false;
    }
    OK(model_random(&towers->model, &golden->config, (uint64_t)golden->seed, towers->device, &err));
    OK(encoder_open(&towers->encoder, towers->model, TEXTS, &err));
    return true;
}

static void towers_release(struct towers *towers)
{
    encoder_free(towers->encoder);
    model_free(towers->model);
    device_free(towers->device);
}

/* Embeds all pictures and texts of the golden file, `batch` at a time. */
static void embed(
    struct towers *towers, const struct golden *golden, float *image_embeds, float *text_embeds, size_t batch)
{
    const struct model_config *config = &golden->config;
    const size_t width = config->text.embed_width, size = config->vision.image_size;
    size_t lengths[TEXTS];
    struct err err;
    for (size_t i = 0; i < TEXTS; i++)
        lengths[i] = (size_t)golden->lengths[i];

    for (size_t i = 0; i < PICTURES; i += batch) {
        const size_t count = PICTURES - i < batch ? PICTURES - i : batch;
        OK(encoder_pixels(
            towers->encoder, image_embeds + i * width, golden->pixels + i * size * size * 3, count, &err));
    }
    for (size_t i = 0; i < TEXTS; i += batch)
        OK(encoder_ids(towers->encoder, text_embeds + i * width, golden->ids + i * config->text.context,
            lengths + i, TEXTS - i < batch ? TEXTS - i : batch, NULL, &err));
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* The largest difference; one above the limit fails the test. A NaN is above every limit. */
static double assert_near(const char *what, const float *got, const float *want, size_t count, double limit)
{
    double worst = -1;
    size_t where = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);
        if (!(difference <= worst)) {
            worst = difference;
            where = i;
        }
    }
    if (!(worst <= limit))
        fail_msg("%s: element %zu of %zu is %.9g, not %.9g; the largest difference is %.3g, allowed %.3g",
            what, where, count, (double)got[where], (double)want[where], worst, limit);
    return worst;
}

/* The smallest cosine of rows with their golden twins; one below the limit fails the test. */
static double assert_aligned(
    const char *what, const float *got, const float *want, size_t rows, size_t width, double limit)
{
    double worst = 1;
    for (size_t row = 0; row < rows; row++) {
        double cosine = 0;
        for (size_t i = row * width; i < (row + 1) * width; i++)
            cosine += (double)got[i] * (double)want[i];
        if (!(cosine >= limit))
            fail_msg("%s: row %zu has cosine %.6f, at least %.6f is asked", what, row, cosine, limit);
        worst = fmin(worst, cosine);
    }
    return worst;
}

/* A few times what is measured, and well inside what is promised: 1e-5, and a cosine of 0.999; in int8 0.998. */
#define NEAR 2e-6
#define ALIGNED_BF16 0.9998
#define ALIGNED_F16 0.99999
#define ALIGNED_INT8 0.9985

/* All at once, and one at a time. */
static void check_float32(const struct golden *golden, const char *gemm)
{
    const size_t width = golden->config.text.embed_width, count = (PICTURES + TEXTS) * width;
    float *all = malloc(count * sizeof *all), *one = malloc(count * sizeof *one);
    float *texts = all + PICTURES * width;
    struct towers towers = {0};
    if (towers_open(&towers, golden, gemm, "f32")) {
        embed(&towers, golden, all, texts, TEXTS);
        embed(&towers, golden, one, one + PICTURES * width, 1);
        const double image = assert_near(golden->name, all, golden->image_embeds, PICTURES * width, NEAR);
        const double text = assert_near(golden->name, texts, golden->text_embeds, TEXTS * width, NEAR);
        const double alone = assert_near(golden->name, one, all, count, 1e-6);
        print_message("%-13s %-7s f32: largest difference %.1e (pictures), %.1e (texts), alone %.1e\n",
            golden->name, device_gemm(towers.device), image, text, alone);
    }
    towers_release(&towers);
    free(all);
    free(one);
}

static void check_aligned(const struct golden *golden, const char *gemm, const char *precision, double limit)
{
    const size_t width = golden->config.text.embed_width;
    float *images = malloc(PICTURES * width * sizeof *images), *texts = malloc(TEXTS * width * sizeof *texts);
    struct towers towers = {0};
    if (towers_open(&towers, golden, gemm, precision)) {
        embed(&towers, golden, images, texts, TEXTS);
        const double image =
            assert_aligned(golden->name, images, golden->image_embeds, PICTURES, width, limit);
        const double text = assert_aligned(golden->name, texts, golden->text_embeds, TEXTS, width, limit);
        print_message("%-13s %-7s %s: smallest cosine %.6f (pictures), %.6f (texts)\n", golden->name,
            device_gemm(towers.device), precision, image, text);
    }
    towers_release(&towers);
    free(images);
    free(texts);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void embeddings_are_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAMILIES; i++) {
        struct golden golden = golden_open(families[i]);
        check_float32(&golden, "avx512");
        check_float32(&golden, "onednn");
        if (i < SMALL) {
            check_float32(&golden, "avx2");
            check_float32(&golden, "clblast");
        }
        golden_release(&golden);
    }
}

static void embeddings_in_fewer_bits_stay_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < (only ? SMALL : FAMILIES); i++) {
        struct golden golden = golden_open(families[i]);
        check_aligned(&golden, "amx", "bf16", ALIGNED_BF16);
        check_aligned(&golden, "avx512", "bf16", ALIGNED_BF16);
        check_aligned(&golden, "onednn", "bf16", ALIGNED_BF16);
        if (i < SMALL) {
            check_aligned(&golden, "auto", "f16", ALIGNED_F16);
            check_aligned(&golden, "avx512", "int8", ALIGNED_INT8);
            check_aligned(&golden, "onednn", "int8", ALIGNED_INT8);
        }
        golden_release(&golden);
    }
}

/* ---- training ------------------------------------------------------------------------------------------ */

/* Those of the smaller ones that differ from CLIP and SigLIP in a way that training does not know. */
static const char *const untrained[] = {"chinese-clip-small", "altclip-small", "xlm-roberta-small",
    "roberta-small", "nllb-small", "coca-small", "pe-core-t-16"};

static bool is_untrained(const char *name)
{
    bool found = false;
    for (size_t i = 0; i < sizeof untrained / sizeof *untrained; i++)
        found |= !strcmp(untrained[i], name);
    return found;
}

static int open_trained(
    struct trained_model **out, const struct golden *golden, struct device *device, struct err *err)
{
    const struct model_config *config = &golden->config;
    const struct preprocess preprocess = config->family->preprocess((int)config->vision.image_size);
    const struct trained_model_options options = {
        .batch = TEXTS, .chunk = TEXTS, .tokens = config->text.context};
    struct weights *weights;
    assert_ok(weights_random(&weights, (uint64_t)golden->seed, err), err);
    const int rc = trained_model_open(out, config, &preprocess, weights, device, &options, err);
    weights_free(weights);
    return rc;
}

static void check_trained(const struct golden *golden, struct device *device)
{
    const size_t width = golden->config.text.embed_width, tokens = golden->config.text.context;
    float *images = malloc(PICTURES * width * sizeof *images), *texts = malloc(TEXTS * width * sizeof *texts);
    int32_t eot[TEXTS];
    struct trained_model *model;
    struct err err;
    for (size_t i = 0; i < TEXTS; i++)
        eot[i] =
            (int32_t)text_eot(&golden->config.text, golden->ids + i * tokens, (size_t)golden->lengths[i]);
    OK(open_trained(&model, golden, device, &err));
    OK(trained_model_images(model, images, golden->pixels, PICTURES, &err));
    OK(trained_model_texts(model, texts, golden->ids, eot, TEXTS, tokens, &err));
    const double image = assert_near(golden->name, images, golden->image_embeds, PICTURES * width, NEAR);
    const double text = assert_near(golden->name, texts, golden->text_embeds, TEXTS * width, NEAR);
    print_message(
        "%-13s in training: largest difference %.1e (pictures), %.1e (texts)\n", golden->name, image, text);
    trained_model_free(model);
    free(images);
    free(texts);
}

/* What is trained is the model as the reference has it, or it is refused. */
static void families_are_trained_or_refused(void **state)
{
    const struct device_options on = {.gemm = "onednn", .precision = "f32"};
    struct trained_model *model;
    struct device *device;
    struct err err;
    (void)state;
    OK(device_open(&device, &on, &err));
    for (size_t i = 0; i < SMALL; i++) {
        struct golden golden = golden_open(families[i]);
        if (is_untrained(families[i]))
            assert_int_equal(open_trained(&model, &golden, device, &err), ERR_UNSUPPORTED);
        else
            check_trained(&golden, device);
        golden_release(&golden);
    }
    device_free(device);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings_are_the_references),
        cmocka_unit_test(embeddings_in_fewer_bits_stay_near),
        cmocka_unit_test(families_are_trained_or_refused),
    };
    const struct CMUnitTest in_fewer_bits[] = {cmocka_unit_test(embeddings_in_fewer_bits_stay_near)};
    if (argc > 1) {
        only = argv[1];
        return cmocka_run_group_tests(in_fewer_bits, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
