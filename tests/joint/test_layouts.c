// SPDX-License-Identifier: Apache-2.0
/* One model in all the layouts and types that weights come in gives one set of embeddings; and a model that
 * is spoiled anywhere is refused with the name of the file, the tensor and what is wrong with it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

enum { ROWS = 3, EMBED = 32, PIXELS = 32 * 32 * 3, CONTEXT = 16 };

#define HF DIPTYCH_SCRATCH "/hf"
#define OPEN_CLIP DIPTYCH_SCRATCH "/open_clip"

static struct device *device;

static int open_device(void **state)
{
    const struct device_options options = {.precision = "f32"};
    struct err err;
    (void)state;
    if (device_open(&device, &options, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_free(device);
    return 0;
}

/* Three pictures, then three texts. */
struct embeddings {
    float rows[2 * ROWS][EMBED];
};

static struct embeddings embed(struct model *model)
{
    uint8_t pixels[ROWS * PIXELS];
    int32_t ids[ROWS * CONTEXT] = {0};
    const size_t lengths[ROWS] = {2, 7, CONTEXT};
    struct embeddings out;
    struct encoder *encoder;
    struct err err;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 97 + i / PIXELS * 40);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = 1; i < lengths[row]; i++)
            ids[row * CONTEXT + i] = (int32_t)((i * 131 + row * 17) % 900);
        ids[row * CONTEXT] = 912;
        ids[row * CONTEXT + lengths[row] - 1] = 913;
    }
    if (encoder_open(&encoder, model, ROWS, &err) ||
        encoder_pixels(encoder, out.rows[0], pixels, ROWS, &err) ||
        encoder_ids(encoder, out.rows[ROWS], ids, lengths, ROWS, NULL, &err))
        fail_msg("%s", err.msg);
    encoder_free(encoder);
    return out;
}

static struct embeddings embed_directory(const char *directory)
{
    struct model *model;
    struct err err;
    if (model_open(&model, directory, device, &err))
        fail_msg("%s", err.msg);
    const struct embeddings out = embed(model);
    model_free(model);
    return out;
}

static struct embeddings embed_made_up(void)
{
    const struct model_config config = checkpoint_config();
    struct model *model;
    struct err err;
    if (model_random(&model, &config, CHECKPOINT_SEED, device, &err))
        fail_msg("%s", err.msg);
    const struct embeddings out = embed(model);
    model_free(model);
    return out;
}

static void assert_near(
    const char *what, const struct embeddings *got, const struct embeddings *want, float limit)
{
    float worst = 0;
    for (int row = 0; row < 2 * ROWS; row++)
        for (int i = 0; i < EMBED; i++) {
            const float difference = fabsf(got->rows[row][i] - want->rows[row][i]);
            if (!(difference <= limit))
                fail_msg("%s: element %d of row %d is %.9g, not %.9g", what, i, row,
                    (double)got->rows[row][i], (double)want->rows[row][i]);
            worst = fmaxf(worst, difference);
        }
    print_message("%-12s largest difference %.1e\n", what, (double)worst);
}

/* Half of the tensors in each of two files, told apart by an index. */
static void write_shards(const struct checkpoint *checkpoint, const char *directory)
{
    static const char *const shards[] = {
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"};
    const size_t half = checkpoint->count / 2;
    struct arena arena = {0};
    FILE *index = fopen(path_join(&arena, directory, "model.safetensors.index.json"), "w");
    assert_non_null(index);
    fputs("{\"metadata\": {}, \"weight_map\": {", index);
    for (size_t i = 0; i < checkpoint->count; i++)
        fprintf(index, "%s\"%s\": \"%s\"", i ? ", " : "", checkpoint->tensors[i].name, shards[i >= half]);
    fputs("}}\n", index);
    fclose(index);
    write_safetensors(path_join(&arena, directory, shards[0]), checkpoint->tensors, half);
    write_safetensors(
        path_join(&arena, directory, shards[1]), checkpoint->tensors + half, checkpoint->count - half);
    arena_release(&arena);
}

static void layouts_agree(void **state)
{
    (void)state;
    const struct embeddings want = embed_made_up();
    struct embeddings got;
    struct checkpoint checkpoint;

    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    checkpoint_directory(HF, LAYOUT_HF);
    write_safetensors(HF "/model.safetensors", checkpoint.tensors, checkpoint.count);
    got = embed_directory(HF);
    assert_near("whole", &got, &want, 1e-6f);

    unlink(HF "/model.safetensors");
    write_shards(&checkpoint, HF);
    got = embed_directory(HF);
    assert_near("sharded", &got, &want, 1e-6f);
    unlink(HF "/model.safetensors.index.json");
    checkpoint_release(&checkpoint);

    checkpoint_init(&checkpoint, LAYOUT_OPEN_CLIP, "F32");
    checkpoint_directory(OPEN_CLIP, LAYOUT_OPEN_CLIP);
    write_safetensors(OPEN_CLIP "/open_clip_model.safetensors", checkpoint.tensors, checkpoint.count);
    got = embed_directory(OPEN_CLIP);
    assert_near("open_clip", &got, &want, 1e-6f);
    checkpoint_release(&checkpoint);
}

/* Weights that were rounded to 16 bits before they were stored: eleven bits of them, or eight, are left. */
static void types_stay_near(void **state)
{
    static const struct {
        const char *type;
        float limit;
    } types[] = {{"F16", 2e-3f}, {"BF16", 2e-2f}};
    (void)state;
    const struct embeddings want = embed_made_up();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct checkpoint checkpoint;
        checkpoint_init(&checkpoint, LAYOUT_HF, types[i].type);
        checkpoint_directory(HF, LAYOUT_HF);
        write_safetensors(HF "/model.safetensors", checkpoint.tensors, checkpoint.count);
        const struct embeddings got = embed_directory(HF);
        assert_near(types[i].type, &got, &want, types[i].limit);
        checkpoint_release(&checkpoint);
    }
}

/* ---- rows with a condition ----------------------------------------------------------------------------- */

static void leave_out(struct checkpoint *checkpoint, struct weight *tensor)
{
    *tensor = checkpoint->tensors[--checkpoint->count];
}

static float *values_of(struct checkpoint *checkpoint, const char *name)
{
    return (float *)checkpoint_find(checkpoint, name)->data;
}

/* Tokens are the positions alone, each of mean 0 and variance 1, times `scale`; ln_pre only normalises. */
static void make_tokens_normal(struct checkpoint *checkpoint, float scale)
{
    enum { WIDTH = 64, TOKENS = 17, PATCH_VALUES = WIDTH * 3 * 8 * 8 };
    float *positions = values_of(checkpoint, "visual.positional_embedding");
    memset(values_of(checkpoint, "visual.class_embedding"), 0, WIDTH * sizeof(float));
    memset(values_of(checkpoint, "visual.conv1.weight"), 0, PATCH_VALUES * sizeof(float));
    memset(values_of(checkpoint, "visual.ln_pre.bias"), 0, WIDTH * sizeof(float));
    for (size_t i = 0; i < WIDTH; i++)
        values_of(checkpoint, "visual.ln_pre.weight")[i] = 1;
    for (size_t i = 0; i < TOKENS * WIDTH; i++)
        positions[i] = ((i / WIDTH + i) & 1) ^ (i % WIDTH >= 48) ? scale : -scale;
}

static void say_no_ln_pre(const char *path)
{
    char *text, *edited;
    size_t size;
    assert_int_equal(file_read(&text, &size, path, 1 << 20, NULL), 0);
    char *at = strstr(text, "\"layers\"");
    assert_true(asprintf(&edited, "%.*s\"no_ln_pre\": true, %s", (int)(at - text), text, at) > 0);
    write_text(path, edited);
    free(edited);
    free(text);
}

/* The norm before the first block changes nothing of tokens that are normal already, so a model of such
 * tokens embeds alike with it and without; tokens three times as large it makes normal, without it they are
 * others. */
static void the_norm_before_the_blocks_may_be_left_out(void **state)
{
    (void)state;
    struct embeddings with[2], without[2];
    for (int large = 0; large < 2; large++) {
        struct checkpoint checkpoint;
        struct model *model;
        struct err err;
        checkpoint_init(&checkpoint, LAYOUT_OPEN_CLIP, "F32");
        make_tokens_normal(&checkpoint, large ? 3 : 1);
        checkpoint_directory(OPEN_CLIP, LAYOUT_OPEN_CLIP);
        write_safetensors(OPEN_CLIP "/open_clip_model.safetensors", checkpoint.tensors, checkpoint.count);
        with[large] = embed_directory(OPEN_CLIP);

        leave_out(&checkpoint, checkpoint_find(&checkpoint, "visual.ln_pre.weight"));
        leave_out(&checkpoint, checkpoint_find(&checkpoint, "visual.ln_pre.bias"));
        write_safetensors(OPEN_CLIP "/open_clip_model.safetensors", checkpoint.tensors, checkpoint.count);
        assert_int_equal(model_open(&model, OPEN_CLIP, device, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "tensor 'visual.ln_pre.weight' is missing"));
        say_no_ln_pre(OPEN_CLIP "/open_clip_config.json");
        without[large] = embed_directory(OPEN_CLIP);
        checkpoint_release(&checkpoint);
    }
    assert_near("no ln_pre", &without[0], &with[0], 1e-4f);
    assert_near("large tokens", &with[1], &with[0], 1e-4f);
    float most = 0;
    for (int i = 0; i < EMBED; i++)
        most = fmaxf(most, fabsf(without[1].rows[0][i] - with[1].rows[0][i]));
    assert_true(most > 1e-3f);

    struct vit_config config = checkpoint_config().vision;
    const size_t params = vit_params(&config);
    config.pre_norm = false;
    assert_int_equal(vit_params(&config), params - 2 * config.block.width);
}

/* ---- SigLIP -------------------------------------------------------------------------------------------- */

static void embed_siglip(struct embeddings *out, const struct weights *weights)
{
    enum { SEQUENCE = 8, GOLDEN_SIZE = 32 };
    const struct transformer_config block = {.layers = 2,
        .width = EMBED,
        .heads = 2,
        .mlp_width = 48,
        .activation = ACTIVATION_GELU,
        .eps = 1e-6f};
    const struct vit_config vision = {.block = block,
        .image_size = GOLDEN_SIZE,
        .patch_size = 8,
        .embed_width = EMBED,
        .patch_bias = true,
        .pooling = VISION_POOL_ATTENTION,
        .projection = PROJECTION_NONE};
    const struct text_config text = {.block = block,
        .vocab = 40,
        .context = SEQUENCE,
        .embed_width = EMBED,
        .eot_rule = EOT_LAST,
        .projection = PROJECTION_LAYER};
    const struct preprocess preprocess = preprocess_siglip(GOLDEN_SIZE);
    uint8_t bytes[ROWS * PIXELS];
    int32_t numbers[ROWS * SEQUENCE], last[ROWS] = {SEQUENCE - 1, SEQUENCE - 1, SEQUENCE - 1};
    struct stream *stream = NULL;
    struct vit *vit = NULL;
    struct text_tower *tower = NULL;
    struct tensor pixels, ids, pick, images, texts;
    struct err err;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i / 97 + i / PIXELS * 40);
    for (int i = 0; i < ROWS * SEQUENCE; i++)
        numbers[i] = i * 7 % 40;
    if (stream_open(&stream, device, 16 << 20, &err) ||
        vit_load(&vit, &vision, &preprocess, weights, device, &err) ||
        text_tower_load(&tower, &text, weights, device, &err) ||
        tensor_new(&pixels, stream, DTYPE_U8, SHAPE(ROWS, GOLDEN_SIZE, GOLDEN_SIZE, 3), &err) ||
        tensor_new(&ids, stream, DTYPE_I32, SHAPE(ROWS, SEQUENCE), &err) ||
        tensor_new(&pick, stream, DTYPE_I32, SHAPE(ROWS), &err) ||
        tensor_new(&images, stream, DTYPE_F32, SHAPE(ROWS, EMBED), &err) ||
        tensor_new(&texts, stream, DTYPE_F32, SHAPE(ROWS, EMBED), &err) ||
        tensor_write(stream, pixels, bytes, sizeof bytes, &err) ||
        tensor_write(stream, ids, numbers, ROWS * SEQUENCE, &err) ||
        tensor_write(stream, pick, last, ROWS, &err) || vit_forward(vit, stream, images, pixels, &err) ||
        text_tower_forward(tower, stream, texts, ids, pick, &err) ||
        tensor_read(stream, out->rows[0], images, ROWS * EMBED, &err) ||
        tensor_read(stream, out->rows[ROWS], texts, ROWS * EMBED, &err))
        fail_msg("%s", err.msg);
    vit_free(vit);
    text_tower_free(tower);
    stream_free(stream);
}

/* tests/golden/siglip.py: the values are weights_random's, in the names and shapes of open_clip's modules and timm's. */
static void siglip_of_open_clip_is_read_as_transformers_has_it(void **state)
{
    enum { GOLDEN_SEED = 31 };
    struct weights *made_up = NULL, *stored = NULL;
    struct embeddings want, got;
    struct err err;
    (void)state;
    if (weights_random(&made_up, GOLDEN_SEED, &err) ||
        weights_open(&stored, DIPTYCH_ROOT "/tests/golden/siglip_open_clip.safetensors", &err))
        fail_msg("%s", err.msg);
    assert_int_equal(weights_layout(stored), LAYOUT_OPEN_CLIP);
    embed_siglip(&want, made_up);
    embed_siglip(&got, stored);
    assert_near("SigLIP", &got, &want, 1e-5f);
    weights_free(made_up);
    weights_free(stored);
}

/* ---- text towers by transformers ----------------------------------------------------------------------- */

#define TINY(norm)                                                                                           \
    {                                                                                                        \
        .layers = 1, .width = 32, .heads = 2, .mlp_width = 48, .activation = ACTIVATION_GELU, .eps = 1e-5f,  \
        .norm_place = norm                                                                                   \
    }

/* In tests/golden/text_layouts, by bert.py: the values are weights_random's, in the names that libraries write. */
static const struct text_layout {
    const char *file;
    enum layout layout;
    struct text_config config;
} text_layouts[] = {
    {"chinese_clip", LAYOUT_HF,
        {.block = TINY(NORM_AFTER),
            .embedding = {.positions = 12, .types = 2, .norm = true},
            .no_final_norm = true}},
    {"altclip", LAYOUT_HF,
        {.block = TINY(NORM_AFTER),
            .embedding = {.positions = 14, .first = 2, .types = 1, .norm = true},
            .neck = 24,
            .neck_bias = true}},
    {"open_clip_mlp", LAYOUT_OPEN_CLIP,
        {.block = TINY(NORM_AFTER),
            .embedding = {.positions = 14, .first = 2, .types = 1, .norm = true},
            .no_final_norm = true,
            .neck = 32,
            .neck_activation = ACTIVATION_GELU}},
    {"open_clip_linear", LAYOUT_OPEN_CLIP,
        {.block = TINY(NORM_AFTER),
            .embedding = {.positions = 14, .first = 2, .types = 1, .norm = true},
            .no_final_norm = true}},
    {"open_clip_m2m100", LAYOUT_OPEN_CLIP,
        {.block = TINY(NORM_BEFORE),
            .embedding = {.positions = 14, .first = 2, .waves = true, .scaled = true}}},
};

enum { TINY_EMBED = 32, TINY_ROWS = 9 };

/* Two texts side by side. */
static void embed_tiny(float *out, struct text_config config, const struct weights *weights)
{
    const int32_t numbers[TINY_ROWS] = {5, 19, 7, 0, 12, 3, 4, 4, 18}, begins[] = {0, 6, TINY_ROWS};
    int32_t rows[TINY_ROWS], at[TINY_ROWS];
    struct sequences sequences = {.count = 2, .longest = 6, .host_starts = begins};
    struct stream *stream = NULL;
    struct text_tower *tower = NULL;
    struct tensor ids, places, texts;
    struct err err;
    config.vocab = 20;
    config.context = 12;
    config.embed_width = TINY_EMBED;
    config.packed = true;
    config.eot_rule = TEXT_START;
    for (size_t i = 0; i < 2; i++) {
        const size_t first = (size_t)begins[i], count = (size_t)begins[i + 1] - first;
        assert_int_equal(text_pack(rows + first, at + first, &config, numbers + first, count), count);
    }
    if (stream_open(&stream, device, 16 << 20, &err) ||
        text_tower_load(&tower, &config, weights, device, &err) ||
        tensor_new(&ids, stream, DTYPE_I32, SHAPE(TINY_ROWS), &err) ||
        tensor_new(&places, stream, DTYPE_I32, SHAPE(TINY_ROWS), &err) ||
        tensor_new(&sequences.starts, stream, DTYPE_I32, SHAPE(3), &err) ||
        tensor_new(&texts, stream, DTYPE_F32, SHAPE(2, TINY_EMBED), &err) ||
        tensor_write(stream, ids, rows, TINY_ROWS, &err) ||
        tensor_write(stream, places, at, TINY_ROWS, &err) ||
        tensor_write(stream, sequences.starts, begins, 3, &err) ||
        text_tower_forward_packed(
            tower, stream, texts, ids, places, &sequences, tensor_view(sequences.starts, SHAPE(2)), &err) ||
        tensor_read(stream, out, texts, 2 * TINY_EMBED, &err))
        fail_msg("%s", err.msg);
    text_tower_free(tower);
    stream_free(stream);
}

static void text_towers_are_read_as_their_libraries_name_them(void **state)
{
    enum { GOLDEN_SEED = 31 };
    (void)state;
    for (size_t i = 0; i < sizeof text_layouts / sizeof *text_layouts; i++) {
        const struct text_layout *layout = &text_layouts[i];
        float want[2 * TINY_EMBED], got[2 * TINY_EMBED];
        struct weights *made_up = NULL, *stored = NULL;
        char path[256];
        struct err err;
        snprintf(path, sizeof path, DIPTYCH_ROOT "/tests/golden/text_layouts/%s.safetensors", layout->file);
        if (weights_random(&made_up, GOLDEN_SEED, &err) || weights_open(&stored, path, &err))
            fail_msg("%s", err.msg);
        assert_int_equal(weights_layout(stored), layout->layout);
        assert_int_equal(text_layers(stored), 1);
        assert_int_equal(text_vocab(stored), 20);
        assert_int_equal(vit_layers(stored), layout->layout == LAYOUT_HF); /* of which there is a part */
        embed_tiny(want, layout->config, made_up);
        embed_tiny(got, layout->config, stored);
        for (size_t k = 0; k < 2 * TINY_EMBED; k++)
            if (!(fabsf(got[k] - want[k]) <= 1e-5f))
                fail_msg(
                    "%s: element %zu is %.9g, not %.9g", layout->file, k, (double)got[k], (double)want[k]);
        weights_free(made_up);
        weights_free(stored);
    }
}

/* ---- spoiled models ------------------------------------------------------------------------------------ */

static void turn(struct checkpoint *checkpoint, struct weight *tensor)
{
    (void)checkpoint;
    const size_t rows = tensor->shape[0];
    tensor->shape[0] = tensor->shape[1];
    tensor->shape[1] = rows;
}

static void retype(struct checkpoint *checkpoint, struct weight *tensor)
{
    (void)checkpoint;
    tensor->type = "I64";
    tensor->data = arena_alloc(&checkpoint->arena, tensor->shape[0] * sizeof(int64_t));
}

static void put_nan(struct checkpoint *checkpoint, struct weight *tensor)
{
    (void)checkpoint;
    const float nan = NAN;
    memcpy((uint8_t *)tensor->data + 4 * 9, &nan, sizeof nan);
}

static const struct spoiling {
    const char *tensor;
    void (*spoil)(struct checkpoint *checkpoint, struct weight *tensor);
    const char *want; /* after the name of the tensor */
} spoilings[] = {
    {"logit_scale", leave_out, " is missing"},
    {"text_model.encoder.layers.1.self_attn.k_proj.weight", leave_out, " is missing"},
    {"visual_projection.weight", turn, " has shape (64, 32), expected (32, 64)"},
    {"text_model.embeddings.token_embedding.weight", turn, " has shape (64, 914), expected (914, 64)"},
    {"vision_model.encoder.layers.0.mlp.fc1.bias", retype, " is of type I64, which is no float"},
    {"vision_model.embeddings.class_embedding", put_nan, " is nan"},
    {"text_model.encoder.layers.0.self_attn.v_proj.bias", put_nan, " is nan"},
};

static void a_spoiled_tensor_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spoilings / sizeof *spoilings; i++) {
        const struct spoiling *spoiling = &spoilings[i];
        struct checkpoint checkpoint;
        struct model *model = NULL;
        struct err err = {0};
        char want[128];
        checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
        spoiling->spoil(&checkpoint, checkpoint_find(&checkpoint, spoiling->tensor));
        checkpoint_directory(HF, LAYOUT_HF);
        write_safetensors(HF "/model.safetensors", checkpoint.tensors, checkpoint.count);
        assert_int_equal(model_open(&model, HF, device, &err), ERR_FORMAT);
        assert_null(model);
        snprintf(want, sizeof want, "tensor '%s'%s", spoiling->tensor, spoiling->want);
        if (!strstr(err.msg, want) || !strstr(err.msg, "'" HF "/model.safetensors'"))
            fail_msg("no '%s' in: %s", want, err.msg);
        checkpoint_release(&checkpoint);
    }
}

static void a_missing_or_truncated_file_is_named(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    struct model *model = NULL;
    struct err err = {0};
    checkpoint_init(&checkpoint, LAYOUT_HF, "F32");
    checkpoint_directory(HF, LAYOUT_HF);
    write_safetensors(HF "/model.safetensors", checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
    assert_int_equal(truncate(HF "/model.safetensors", 200000), 0);
    assert_int_equal(model_open(&model, HF, device, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "'" HF "/model.safetensors': tensor '"));

    static const char *const files[] = {"model.safetensors", "vocab.json", "config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, HF "/%s", files[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(model_open(&model, HF, device, &err), ERR_IO);
        assert_non_null(strstr(err.msg, files[i]));
        assert_null(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_agree),
        cmocka_unit_test(types_stay_near),
        cmocka_unit_test(the_norm_before_the_blocks_may_be_left_out),
        cmocka_unit_test(siglip_of_open_clip_is_read_as_transformers_has_it),
        cmocka_unit_test(text_towers_are_read_as_their_libraries_name_them),
        cmocka_unit_test(a_spoiled_tensor_is_named),
        cmocka_unit_test(a_missing_or_truncated_file_is_named),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
