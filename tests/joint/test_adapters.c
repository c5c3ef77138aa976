// SPDX-License-Identifier: Apache-2.0
/* Adapters: the embeddings of tests/golden/lora.py, which peft and transformers gave with each of them; models with adapters
 * written anew, and in another layout; and what is refused. */
#include "joint/joint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/gemm/avx512.h"
#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

#define GOLDEN DIPTYCH_ROOT "/tests/golden/lora/"
#define MODEL GOLDEN "model"
#define MERGED DIPTYCH_SCRATCH "/merged"
#define OPEN_CLIP DIPTYCH_SCRATCH "/open_clip"
#define HF DIPTYCH_SCRATCH "/hf"
#define BAD DIPTYCH_SCRATCH "/bad"

enum {
    PICTURES = 2,
    TEXTS = 3,
    ROWS = PICTURES + TEXTS,
    EDGE = 32,
    WIDTH_MAX = 32,
    CONTEXT_MAX = 77,
    ADAPTERS = 2
};

struct embeddings {
    float rows[ROWS][WIDTH_MAX];
    size_t width;
};

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* ---- golden data --------------------------------------------------------------------------------------- */

static struct weights *golden;

static int open_golden(void **state)
{
    struct err err;
    (void)state;
    check_ok(weights_open_tensors(&golden, GOLDEN "embeddings.safetensors", &err), &err);
    return 0;
}

static int close_golden(void **state)
{
    (void)state;
    weights_free(golden);
    return 0;
}

/* All that it has, by NAME: "NAME.image" and "NAME.text". */
static bool golden_name(char name[64], size_t i)
{
    const char *key = weights_at(golden, i)->name, *end = strstr(key, ".image");
    if (end)
        snprintf(name, 64, "%.*s", (int)(end - key), key);
    return end;
}

static void golden_rows(struct embeddings *out, const char *name)
{
    static const char *const kinds[] = {"image", "text"};
    size_t row = 0;
    for (int kind = 0; kind < 2; kind++) {
        char key[96];
        snprintf(key, sizeof key, "%s.%s", name, kinds[kind]);
        const struct weight *tensor = weights_find(golden, key);
        assert_non_null(tensor);
        out->width = tensor->shape[1];
        float values[ROWS * WIDTH_MAX];
        assert_int_equal(weights_values(values, golden, tensor, NULL), 0);
        for (size_t i = 0; i < tensor->shape[0]; i++)
            memcpy(out->rows[row++], values + i * out->width, out->width * sizeof *values);
    }
    assert_int_equal(row, ROWS);
}

static void golden_ids(int32_t ids[TEXTS * CONTEXT_MAX])
{
    const struct weight *tensor = weights_find(golden, "ids");
    assert_non_null(tensor);
    memcpy(ids, tensor->data, TEXTS * CONTEXT_MAX * sizeof *ids);
}

/* ---- embedding ----------------------------------------------------------------------------------------- */

/* As picture() in lora.py. */
static void paint(uint8_t *pixels, uint32_t number)
{
    for (uint32_t i = 0; i < EDGE * EDGE * 3; i++) {
        const uint32_t y = i / (3 * EDGE), x = i / 3 % EDGE, c = i % 3;
        const uint32_t noise = i * 2654435761u >> 27;
        pixels[i] = (uint8_t)(x * (3 * number + 1) + y * (2 * number + 1) + c * 85 + noise);
    }
}

static struct embeddings embed(const struct model *model)
{
    static const size_t lengths[TEXTS] = {3, 9, CONTEXT_MAX};
    uint8_t pixels[PICTURES * EDGE * EDGE * 3];
    int32_t ids[TEXTS * CONTEXT_MAX];
    struct embeddings out = {.width = model_width(model)};
    float images[PICTURES * WIDTH_MAX], texts[TEXTS * WIDTH_MAX];
    struct encoder *encoder;
    struct err err;
    for (uint32_t i = 0; i < PICTURES; i++)
        paint(pixels + i * EDGE * EDGE * 3, i);
    golden_ids(ids);
    check_ok(encoder_open(&encoder, model, TEXTS, &err), &err);
    check_ok(encoder_pixels(encoder, images, pixels, PICTURES, &err), &err);
    check_ok(encoder_ids(encoder, texts, ids, lengths, TEXTS, NULL, &err), &err);
    encoder_free(encoder);
    for (size_t i = 0; i < ROWS; i++)
        memcpy(out.rows[i], i < PICTURES ? images + i * out.width : texts + (i - PICTURES) * out.width,
            out.width * sizeof *images);
    return out;
}

/* "plain:0.5 second:-0.75" as the adapters of the golden folder. */
struct named {
    struct adapters adapters;
    const char *names[ADAPTERS];
    char paths[ADAPTERS][256];
};

static void name_adapters(struct named *out, const char *list)
{
    out->adapters = (struct adapters){out->names, 0};
    while (*list && strcmp(list, "none") != 0) {
        const size_t length = strcspn(list, " "), i = out->adapters.count++;
        assert_true(i < ADAPTERS);
        snprintf(out->paths[i], sizeof out->paths[i], GOLDEN "%.*s", (int)length, list);
        out->names[i] = out->paths[i];
        list += length + (list[length] == ' ');
    }
}

static struct embeddings embed_with(
    const char *directory, const struct adapters *adapters, const struct device_options *options)
{
    struct device *device;
    struct model *model;
    struct err err;
    check_ok(device_open(&device, options, &err), &err);
    check_ok(model_open_adapted(&model, directory, adapters, device, &err), &err);
    const struct embeddings out = embed(model);
    model_free(model);
    device_free(device);
    return out;
}

static float largest_difference(const struct embeddings *a, const struct embeddings *b)
{
    float largest = 0;
    assert_int_equal(a->width, b->width);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < a->width; i++)
            largest = fmaxf(largest, fabsf(a->rows[row][i] - b->rows[row][i]));
    return largest;
}

static float least_cosine(const struct embeddings *a, const struct embeddings *b)
{
    float least = 1;
    for (size_t row = 0; row < ROWS; row++)
        least = fminf(least, dot_product(a->rows[row], b->rows[row], a->width));
    return least;
}

/* ---- as peft has it ------------------------------------------------------------------------------------ */

static void adapters_give_peft_s_embeddings(void **state)
{
    size_t looked_at = 0;
    float worst = 0;
    struct embeddings plain;
    (void)state;
    golden_rows(&plain, "none");
    for (size_t i = 0; i < weights_count(golden); i++) {
        char name[64];
        struct named named;
        struct embeddings expected;
        if (!golden_name(name, i))
            continue;
        golden_rows(&expected, name);
        name_adapters(&named, name);
        if (named.adapters.count && least_cosine(&plain, &expected) > 0.999f)
            fail_msg("%s: it would not be seen if it did nothing", name);
        for (int in_file = 0; in_file < 2; in_file++) {
            const struct device_options options = {.precision = "f32", .weights_in_file = in_file};
            const struct embeddings found = embed_with(MODEL, &named.adapters, &options);
            const float difference = largest_difference(&found, &expected);
            if (!(difference <= 1e-5f))
                fail_msg("%s: an element differs by %g", name, (double)difference);
            worst = fmaxf(worst, difference);
        }
        looked_at++;
    }
    print_message("%zu adapters, largest difference %.2g\n", looked_at, (double)worst);
    assert_true(looked_at >= 28);
}

/* What is packed for products of less is packed of the merged weights. */
static void adapters_are_in_packed_weights(void **state)
{
    static const struct {
        const char *precision;
        float cosine;
    } precisions[] = {{"bf16", 0.999f}, {"int8", 0.99f}};
    static const char *const names[] = {"all-linear", "dora", "biases"};
    (void)state;
    for (size_t p = 0; p < sizeof precisions / sizeof *precisions; p++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const struct device_options options = {.precision = precisions[p].precision};
            struct named named;
            struct embeddings expected;
            if (!strcmp(options.precision, "int8") && !avx512_serves(PRECISION_INT8))
                continue;
            golden_rows(&expected, names[i]);
            name_adapters(&named, names[i]);
            const struct embeddings found = embed_with(MODEL, &named.adapters, &options);
            const float cosine = least_cosine(&found, &expected);
            if (!(cosine >= precisions[p].cosine))
                fail_msg("%s in %s: cosine %g", names[i], options.precision, (double)cosine);
        }
}

static void remove_model(const char *directory)
{
    static const char *const files[] = {"model.safetensors", "config.json", "preprocessor_config.json",
        "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"};
    char path[256];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

/* Of float16, as merge_and_unload leaves a model of float16, and of float32. */
static void converted_models_have_their_adapters(void **state)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16};
    static const float limits[] = {1e-5f, 5e-3f};
    static const char *const names[] = {"plain:0.5 second:-0.75", "dora", "tables", "all-linear"};
    (void)state;
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const struct device_options options = {.precision = "f32"};
            struct model_conversion conversion;
            struct embeddings expected;
            struct named named;
            struct err err;
            remove_model(MERGED);
            golden_rows(&expected, names[i]);
            name_adapters(&named, names[i]);
            check_ok(
                model_convert(&conversion, MERGED, MODEL, &named.adapters, &dtypes[d], NULL, &err), &err);
            const struct embeddings found = embed_with(MERGED, NULL, &options);
            assert_true(largest_difference(&found, &expected) <= limits[d]);
        }
}

/* ---- other layouts ------------------------------------------------------------------------------------- */

static void values_of(float *values, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(random_at(seed, i) >> 40) / (float)(1 << 24) - 0.5f;
}

/* An adapter for modules of a checkpoint, of each kind that layouts store in ways of their own. */
static void write_adapter(const char *folder)
{
    static const struct {
        const char *module;
        size_t n, k;
    } modules[] = {{"vision_model.encoder.layers.0.self_attn.q_proj", 64, 64},
        {"vision_model.encoder.layers.1.self_attn.v_proj", 64, 64},
        {"vision_model.encoder.layers.1.mlp.fc1", 128, 64},
        {"vision_model.encoder.layers.1.mlp.fc2", 64, 128},
        {"text_model.encoder.layers.0.self_attn.k_proj", 64, 64},
        {"text_model.encoder.layers.1.self_attn.out_proj", 64, 64}, {"visual_projection", 32, 64},
        {"text_projection", 32, 64}};
    enum { R = 2, MODULES = sizeof modules / sizeof *modules, PARTS = 3 };
    static char names[MODULES * PARTS + 1][128];
    static float values[MODULES * PARTS + 1][128 * R];
    struct weight tensors[MODULES * PARTS + 1] = {0};
    char path[256];
    size_t count = 0;
    for (size_t i = 0; i < MODULES; i++)
        for (int part = 0; part < PARTS; part++, count++) {
            static const char *const kinds[PARTS] = {
                "lora_A.weight", "lora_B.weight", "lora_magnitude_vector"};
            const size_t n = modules[i].n, k = modules[i].k;
            struct weight *tensor = &tensors[count];
            snprintf(names[count], sizeof *names, "base_model.model.%s.%s", modules[i].module, kinds[part]);
            values_of(values[count], (n > k ? n : k) * R, count);
            for (size_t at = 0; part == 2 && at < n; at++)
                values[count][at] += 1.2f;
            *tensor = (struct weight){.name = names[count],
                .type = "F32",
                .rank = part == 2 ? 1 : 2,
                .shape = {part == 0 ? R : n, part == 0 ? k : R},
                .data = (const uint8_t *)values[count]};
        }
    values_of(values[count], 64, count);
    tensors[count] =
        (struct weight){.name = "base_model.model.text_model.encoder.layers.1.self_attn.v_proj.bias",
            .type = "F32",
            .rank = 1,
            .shape = {64},
            .data = (const uint8_t *)values[count]};
    mkdir(folder, 0755);
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", folder);
    write_safetensors(path, tensors, count + 1);
    snprintf(path, sizeof path, "%s/adapter_config.json", folder);
    write_text(path, "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 3, \"use_dora\": true}");
}

static void write_checkpoint(const char *directory, enum layout layout)
{
    struct checkpoint checkpoint;
    char path[256];
    checkpoint_directory(directory, layout);
    checkpoint_init(&checkpoint, layout, "F32");
    snprintf(path, sizeof path, "%s/%s", directory,
        layout == LAYOUT_HF ? "model.safetensors" : "open_clip_model.safetensors");
    write_safetensors(path, checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
}

/* The same model in the layout of open_clip, with its in_proj of three and its transposed projections. */
static void layouts_have_the_same_embeddings(void **state)
{
    static const char *const adapter = DIPTYCH_SCRATCH "/both";
    const struct adapters adapters = {&adapter, 1};
    const struct device_options options = {.precision = "f32"};
    enum { END = 913 };
    static const size_t lengths[TEXTS] = {3, 9, 16};
    float rows[2][ROWS][WIDTH_MAX];
    (void)state;
    write_adapter(adapter);
    for (int layout = 0; layout < 2; layout++) {
        const char *directory = layout == LAYOUT_HF ? HF : OPEN_CLIP;
        uint8_t pixels[PICTURES * EDGE * EDGE * 3];
        int32_t ids[TEXTS * 16];
        struct device *device;
        struct model *model;
        struct encoder *encoder;
        struct err err;
        write_checkpoint(directory, (enum layout)layout);
        for (uint32_t i = 0; i < PICTURES; i++)
            paint(pixels + i * EDGE * EDGE * 3, i);
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
            ids[i] = i % 16 + 1 == lengths[i / 16] ? END : (int32_t)(i * 131 % 900);
        check_ok(device_open(&device, &options, &err), &err);
        check_ok(model_open_adapted(&model, directory, &adapters, device, &err), &err);
        check_ok(encoder_open(&encoder, model, TEXTS, &err), &err);
        check_ok(encoder_pixels(encoder, rows[layout][0], pixels, PICTURES, &err), &err);
        check_ok(encoder_ids(encoder, rows[layout][PICTURES], ids, lengths, TEXTS, NULL, &err), &err);
        encoder_free(encoder);
        model_free(model);
        device_free(device);
    }
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < WIDTH_MAX; i++)
            assert_true(fabsf(rows[0][row][i] - rows[1][row][i]) <= 1e-5f);
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

static void counts_are_of_what_is_applied(void **state)
{
    static const struct {
        const char *name;
        struct adapter_counts counts;
    } cases[] = {
        {"plain", {.pairs = 8, .rank_min = 4, .rank_max = 4}},
        {"patterns", {.pairs = 9, .rank_min = 1, .rank_max = 5}},
        {"biases", {.pairs = 8, .replaced = 8 + 3, .rank_min = 2, .rank_max = 2}},
        {"dora", {.pairs = 20, .magnitudes = 20, .rank_min = 2, .rank_max = 2}},
        {"kohya.safetensors", {.pairs = 6, .others = 1, .rank_min = 2, .rank_max = 2}},
    };
    struct weights *weights;
    struct err err;
    (void)state;
    check_ok(weights_open(&weights, MODEL, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct adapter *adapter;
        struct named named;
        name_adapters(&named, cases[i].name);
        check_ok(adapter_open(&adapter, named.names[0], weights, &err), &err);
        const struct adapter_counts counts = adapter_counts(adapter), *expected = &cases[i].counts;
        assert_int_equal(counts.pairs, expected->pairs);
        assert_int_equal(counts.magnitudes, expected->magnitudes);
        assert_int_equal(counts.replaced, expected->replaced);
        assert_int_equal(counts.others, expected->others);
        assert_int_equal(counts.rank_min, expected->rank_min);
        assert_int_equal(counts.rank_max, expected->rank_max);
        adapter_free(adapter);
    }
    weights_free(weights);
}

/* Every model with adapters is one of its own, and of the same adapters the same. */
static void fingerprints_tell_adapters(void **state)
{
    static const char *const lists[] = {
        "none", "plain", "plain:0.5", "second", "plain second", "second plain", "dora"};
    enum { LISTS = sizeof lists / sizeof *lists };
    char prints[LISTS][FINGERPRINT_SIZE], again[FINGERPRINT_SIZE];
    struct err err;
    (void)state;
    for (size_t i = 0; i < LISTS; i++) {
        struct named named;
        name_adapters(&named, lists[i]);
        check_ok(model_adapted_fingerprint(prints[i], MODEL, &named.adapters, &err), &err);
        check_ok(model_adapted_fingerprint(again, MODEL, &named.adapters, &err), &err);
        assert_string_equal(prints[i], again);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(prints[i], prints[k]);
    }
    check_ok(model_directory_fingerprint(again, MODEL, &err), &err);
    assert_string_equal(prints[0], again);
}

static void opened_models_know_their_fingerprint(void **state)
{
    const struct device_options options = {.precision = "f32"};
    char expected[FINGERPRINT_SIZE], found[FINGERPRINT_SIZE];
    struct named *named = malloc(sizeof *named);
    struct device *device;
    struct model *model;
    struct err err;
    (void)state;
    name_adapters(named, "plain:0.5");
    check_ok(model_adapted_fingerprint(expected, MODEL, &named->adapters, &err), &err);
    check_ok(device_open(&device, &options, &err), &err);
    check_ok(model_open_adapted(&model, MODEL, &named->adapters, device, &err), &err);
    free(named); /* the model has what it needs */
    check_ok(model_fingerprint(found, model, &err), &err);
    assert_string_equal(found, expected);
    model_free(model);
    device_free(device);
}

static void references_name_adapters(void **state)
{
    const char *const names[] = {GOLDEN "plain:0.5", GOLDEN "dora"};
    const struct adapters adapters = {names, 2};
    const char *reference, *model;
    struct adapters split;
    struct arena arena = {0};
    (void)state;
    assert_int_equal(model_reference_with(&reference, "a/b", NULL, &arena, NULL), 0);
    assert_string_equal(reference, "a/b");
    assert_int_equal(model_reference_with(&reference, "a/b", &adapters, &arena, NULL), 0);
    assert_int_equal(model_reference_split(&model, &split, reference, &arena, NULL), 0);
    assert_string_equal(model, "a/b");
    assert_int_equal(split.count, 2);
    assert_string_equal(split.names[0], names[0]);
    assert_string_equal(split.names[1], names[1]);
    assert_int_equal(model_reference_split(&model, &split, "/a model", &arena, NULL), 0);
    assert_string_equal(model, "/a model");
    assert_int_equal(split.count, 0);
    arena_release(&arena);
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void assert_refused(const char *name, enum err_code code, const char *text)
{
    struct weights *weights;
    const struct adapters adapters = {&name, 1};
    struct err err = {0};
    assert_int_equal(weights_open_adapted(&weights, MODEL, &adapters, &err), code);
    if (!strstr(err.msg, text))
        fail_msg("no '%s' in: %s", text, err.msg);
    if (strchr(err.msg, '\n'))
        fail_msg("more than a line: %s", err.msg);
}

static void write_config(const char *config)
{
    mkdir(BAD, 0755);
    unlink(BAD "/adapter_model.safetensors");
    unlink(BAD "/adapter_model.bin");
    write_text(BAD "/adapter_config.json", config);
}

#define CONFIG(more) "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4" more "}"

/* Each of these over a good file of tensors. */
static void bad_configs_are_refused(void **state)
{
    static const struct {
        const char *config;
        enum err_code code;
        const char *text;
    } cases[] = {
        {"{", ERR_FORMAT, "adapter_config.json"},
        {"[]", ERR_FORMAT, "no JSON object"},
        {"{}", ERR_UNSUPPORTED, "'peft_type' is ''"},
        {"{\"peft_type\": \"LOHA\", \"r\": 2}", ERR_UNSUPPORTED, "'peft_type' is 'LOHA'"},
        {"{\"peft_type\": \"LORA\", \"r\": 0, \"lora_alpha\": 4}", ERR_FORMAT, "the rank of 'r'"},
        {"{\"peft_type\": \"LORA\", \"r\": -1, \"lora_alpha\": 4}", ERR_FORMAT, "the rank of 'r'"},
        {"{\"peft_type\": \"LORA\", \"r\": \"2\", \"lora_alpha\": 4}", ERR_FORMAT, "the rank of 'r'"},
        {"{\"peft_type\": \"LORA\", \"r\": 2}", ERR_FORMAT, "the alpha of 'lora_alpha'"},
        {"{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": \"4\"}", ERR_FORMAT,
            "the alpha of 'lora_alpha'"},
        {CONFIG(", \"use_rslora\": 1"), ERR_FORMAT, "'use_rslora'"},
        {CONFIG(", \"use_dora\": true"), ERR_FORMAT, "has no magnitude"},
        {CONFIG(", \"use_qalora\": true"), ERR_UNSUPPORTED, "'use_qalora' is set"},
        {CONFIG(", \"target_parameters\": [\"logit_scale\"]"), ERR_UNSUPPORTED, "'target_parameters' is set"},
        {CONFIG(", \"of_a_later_release\": {\"a\": 1}"), ERR_UNSUPPORTED, "'of_a_later_release' is set"},
        {CONFIG(", \"init_lora_weights\": \"pissa_niter_4\""), ERR_UNSUPPORTED,
            "'init_lora_weights' is 'pissa_niter_4'"},
        {CONFIG(", \"alpha_pattern\": {\"(?<=a)b\": 2}"), ERR_UNSUPPORTED,
            "the pattern '(?<=a)b' is not understood"},
        {CONFIG(", \"alpha_pattern\": {\"(\": 2}"), ERR_UNSUPPORTED, "the pattern '(' is not understood"},
        {CONFIG(", \"alpha_pattern\": {\"q_proj\": null}"), ERR_FORMAT, "self_attn.q_proj' is no number"},
        {CONFIG(", \"rank_pattern\": {\"q_proj\": 0}"), ERR_FORMAT, "self_attn.q_proj' is no number from 1"},
        {CONFIG(", \"rank_pattern\": {\"q_proj\": 3}"), ERR_FORMAT, "has shape (2, 32), expected (3, 32)"},
        {"{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 4}", ERR_FORMAT,
            "has shape (2, 32), expected (3, 32)"},
    };
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_config(cases[i].config);
        check_ok(file_copy(BAD "/adapter_model.bin", GOLDEN "bin/adapter_model.bin", &err), &err);
        assert_refused(BAD, cases[i].code, cases[i].text);
    }
    write_config(CONFIG(", \"of_a_later_release\": {}, \"another\": null, \"and\": false"));
    check_ok(file_copy(BAD "/adapter_model.bin", GOLDEN "bin/adapter_model.bin", &err), &err);
    const char *name = BAD;
    struct weights *weights;
    check_ok(weights_open_adapted(&weights, MODEL, &(struct adapters){&name, 1}, &err), &err);
    weights_free(weights);
    assert_refused(GOLDEN "pissa", ERR_UNSUPPORTED, "path_initial_model_for_weight_conversion");
}

#define MODULE "base_model.model.text_model.encoder.layers.0.self_attn.q_proj"

static void bad_tensors_are_refused(void **state)
{
    static float ones[64 * 64];
    static const float nan_inside[64] = {[7] = NAN};
    const struct weight good = {.name = MODULE ".lora_A.weight",
        .type = "F32",
        .rank = 2,
        .shape = {2, 32},
        .data = (const uint8_t *)ones};
    const struct {
        struct weight tensors[2];
        size_t count;
        const char *text;
    } cases[] = {
        {{good}, 1, "'" MODULE ".lora_A.weight' has no other half"},
        {{good, {.name = MODULE ".lora_B.weight",
                    .type = "F32",
                    .rank = 2,
                    .shape = {48, 2},
                    .data = good.data}},
            2, "'" MODULE ".lora_B.weight' has shape (48, 2), expected (32, 2)"},
        {{good, {.name = MODULE ".lora_B.weight",
                    .type = "F32",
                    .rank = 2,
                    .shape = {32, 2},
                    .data = (const uint8_t *)nan_inside}},
            2, "element 7 of tensor '" MODULE ".lora_B.weight' is nan"},
        {{good, {.name = MODULE ".lora_B.weight",
                    .type = "I32",
                    .rank = 2,
                    .shape = {32, 2},
                    .data = good.data}},
            2, "is of type I32, which is no float"},
        {{good, {.name = "base_model.model.text_model.nothing.lora_B.weight",
                    .type = "F32",
                    .rank = 2,
                    .shape = {32, 2},
                    .data = good.data}},
            2, "'base_model.model.text_model.nothing.lora_B.weight' is for nothing that this model has"},
        {{good, {.name = MODULE ".lora_C.weight",
                    .type = "F32",
                    .rank = 2,
                    .shape = {32, 2},
                    .data = good.data}},
            2, "'" MODULE ".lora_C.weight' is for nothing that this model has"},
        {{good, {.name = MODULE ".lora_A.default.weight",
                    .type = "F32",
                    .rank = 2,
                    .shape = {2, 32},
                    .data = good.data}},
            2, "it has several adapters in it"},
        {{good, {.name = MODULE ".lora_embedding_B",
                    .type = "F32",
                    .rank = 2,
                    .shape = {32, 2},
                    .data = good.data}},
            2, "has no other half"},
        {{{.name = "base_model.model.text_model.final_layer_norm.weight",
             .type = "F32",
             .rank = 1,
             .shape = {31},
             .data = good.data}},
            1, "has shape (31), expected (32)"},
        {{{.name = "base_model.model.classifier.weight",
             .type = "F32",
             .rank = 2,
             .shape = {3, 16},
             .data = good.data}},
            1, "'base_model.model.classifier.weight' is for nothing that this model has"},
        {{{.name = "base_model.model.text_model.{q,k",
             .type = "F32",
             .rank = 1,
             .shape = {3},
             .data = good.data}},
            1, "'base_model.model.text_model.{q,k' is for nothing that this model has"},
    };
    (void)state;
    for (size_t i = 0; i < 64 * 64; i++)
        ones[i] = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_config(CONFIG(""));
        write_safetensors(BAD "/adapter_model.safetensors", cases[i].tensors, cases[i].count);
        struct weights *weights;
        const char *name = BAD;
        struct err err;
        const int rc = weights_open_adapted(&weights, MODEL, &(struct adapters){&name, 1}, &err);
        if (!rc || !strstr(err.msg, cases[i].text))
            fail_msg("no '%s' in: %s", cases[i].text, rc ? err.msg : "success");
    }
    write_config(CONFIG(""));
    write_safetensors(BAD "/adapter_model.safetensors", &good, 0);
    assert_refused(BAD, ERR_FORMAT, "no tensor in it is of an adapter");
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    assert_refused(DIPTYCH_SCRATCH "/nowhere", ERR_IO, "unable to open '" DIPTYCH_SCRATCH "/nowhere'");
    assert_refused(DIPTYCH_SCRATCH "/nowhere:0.5", ERR_IO, "unable to open '" DIPTYCH_SCRATCH "/nowhere'");
    assert_refused(GOLDEN "plain:half", ERR_IO, "unable to open '" GOLDEN "plain:half'");
    assert_refused(GOLDEN "plain:inf", ERR_ARGUMENT, "the weight of adapter");
    assert_refused(MODEL, ERR_IO, "it has no 'adapter_model.safetensors'");
    assert_refused(MODEL "/model.safetensors", ERR_UNSUPPORTED, "is of no adapter that Diptych knows");
    write_config(CONFIG(""));
    assert_refused(BAD, ERR_IO, "it has no 'adapter_model.safetensors'");
    write_text(BAD "/adapter_model.safetensors", "no tensors at all");
    assert_refused(BAD, ERR_FORMAT, "adapter_model.safetensors");
    unlink(BAD "/adapter_config.json");
    assert_refused(BAD, ERR_IO, "it has no 'adapter_config.json'");
}

/* One byte is another one. Whatever comes of it, it is an adapter or a line that says why not. */
static void damaged_files_are_read_or_refused(void **state)
{
    static const struct {
        const char *adapter, *damaged, *other;
    } cases[] = {{"patterns", "adapter_config.json", "adapter_model.safetensors"},
        {"patterns", "adapter_model.safetensors", "adapter_config.json"},
        {"bin", "adapter_model.bin", "adapter_config.json"},
        {"dora", "adapter_model.safetensors", "adapter_config.json"}};
    enum { TIMES = 400 };
    const char *name = BAD;
    size_t refused = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[256], to[256], *bytes;
        size_t size;
        struct err err;
        write_config("");
        snprintf(from, sizeof from, GOLDEN "%s/%s", cases[i].adapter, cases[i].other);
        snprintf(to, sizeof to, BAD "/%s", cases[i].other);
        check_ok(file_copy(to, from, &err), &err);
        snprintf(from, sizeof from, GOLDEN "%s/%s", cases[i].adapter, cases[i].damaged);
        snprintf(to, sizeof to, BAD "/%s", cases[i].damaged);
        check_ok(file_read(&bytes, &size, from, 1 << 20, &err), &err);
        for (uint64_t time = 0; time < TIMES; time++) {
            const size_t at = random_at(i, 2 * time) % (size < 4096 ? size : 4096);
            const char was = bytes[at];
            struct weights *weights;
            bytes[at] = (char)random_at(i, 2 * time + 1);
            write_bytes(to, bytes, size);
            bytes[at] = was;
            err = (struct err){0};
            if (!weights_open_adapted(&weights, MODEL, &(struct adapters){&name, 1}, &err)) {
                weights_free(weights);
                continue;
            }
            refused++;
            assert_true(err.code != ERR_NONE && err.msg[0]);
        }
        free(bytes);
    }
    assert_true(refused > TIMES);
}

/* A change that is too large for float32 is known before it is computed with. */
static void overflow_is_refused(void **state)
{
    static float big[64];
    const struct weight tensors[] = {{.name = MODULE ".lora_A.weight",
                                         .type = "F32",
                                         .rank = 2,
                                         .shape = {2, 32},
                                         .data = (const uint8_t *)big},
        {.name = MODULE ".lora_B.weight",
            .type = "F32",
            .rank = 2,
            .shape = {32, 2},
            .data = (const uint8_t *)big}};
    const struct device_options options = {.precision = "f32"};
    const char *name = BAD;
    struct device *device;
    struct model *model;
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < 64; i++)
        big[i] = 1e25f;
    write_config(CONFIG(""));
    write_safetensors(BAD "/adapter_model.safetensors", tensors, 2);
    check_ok(device_open(&device, &options, &err), &err);
    assert_int_equal(
        model_open_adapted(&model, MODEL, &(struct adapters){&name, 1}, device, &err), ERR_FORMAT);
    if (!strstr(err.msg, "text_model.encoder.layers.0.self_attn.q_proj.weight' becomes inf by an adapter"))
        fail_msg("%s", err.msg);
    device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_give_peft_s_embeddings),
        cmocka_unit_test(adapters_are_in_packed_weights),
        cmocka_unit_test(converted_models_have_their_adapters),
        cmocka_unit_test(layouts_have_the_same_embeddings),
        cmocka_unit_test(counts_are_of_what_is_applied),
        cmocka_unit_test(fingerprints_tell_adapters),
        cmocka_unit_test(opened_models_know_their_fingerprint),
        cmocka_unit_test(references_name_adapters),
        cmocka_unit_test(bad_configs_are_refused),
        cmocka_unit_test(bad_tensors_are_refused),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(damaged_files_are_read_or_refused),
        cmocka_unit_test(overflow_is_refused),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
