// SPDX-License-Identifier: Apache-2.0
/* Models written anew: the same weights whatever they came in, whole or not at all. */
#include "compute/weights/internal.h"
#include "joint/internal.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/checkpoint.h"
#include "tests/support/safetensors_writer.h"

#define IN DIPTYCH_SCRATCH "/in"
#define OUT DIPTYCH_SCRATCH "/out"

/* A model in IN, with nothing at OUT. */
static void make(enum layout layout, const char *type, void (*change)(struct checkpoint *))
{
    struct checkpoint checkpoint;
    assert_int_equal(system("rm -rf " IN " " OUT), 0);
    checkpoint_directory(IN, layout);
    checkpoint_init(&checkpoint, layout, type);
    if (change)
        change(&checkpoint);
    write_safetensors(layout == LAYOUT_HF ? IN "/model.safetensors" : IN "/open_clip_model.safetensors",
        checkpoint.tensors, checkpoint.count);
    checkpoint_release(&checkpoint);
}

static struct model_conversion must_convert(const enum dtype *dtype)
{
    struct model_conversion out;
    struct err err = {0};
    if (model_convert(&out, OUT, IN, NULL, dtype, NULL, &err))
        fail_msg("%s", err.msg);
    return out;
}

static char *must_read(size_t *size, const char *path)
{
    char *bytes;
    struct err err = {0};
    if (file_read(&bytes, size, path, SIZE_MAX, &err))
        fail_msg("%s", err.msg);
    return bytes;
}

static void assert_same_files(const char *a, const char *b)
{
    size_t sizes[2];
    char *bytes[2] = {must_read(&sizes[0], a), must_read(&sizes[1], b)};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void assert_same_blocks(const struct transformer_config *a, const struct transformer_config *b)
{
    assert_int_equal(a->layers, b->layers);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->mlp_width, b->mlp_width);
    assert_int_equal(a->activation, b->activation);
    assert_true(a->eps == b->eps && a->causal == b->causal);
}

static void assert_same_configs(const struct model_config *a, const struct model_config *b)
{
    assert_same_blocks(&a->vision.block, &b->vision.block);
    assert_same_blocks(&a->text.block, &b->text.block);
    assert_int_equal(a->vision.image_size, b->vision.image_size);
    assert_int_equal(a->vision.patch_size, b->vision.patch_size);
    assert_int_equal(a->vision.embed_width, b->vision.embed_width);
    assert_int_equal(a->vision.pre_norm, b->vision.pre_norm);
    assert_int_equal(a->text.vocab, b->text.vocab);
    assert_int_equal(a->text.context, b->text.context);
    assert_int_equal(a->text.embed_width, b->text.embed_width);
    assert_int_equal(a->text.eot_rule, b->text.eot_rule);
    assert_int_equal(a->text.eot_id, b->text.eot_id);
}

/* Both layouts of one model give one file, which has the values that the model was made up with. */
static void both_layouts_give_the_same(void **state)
{
    struct model_config config, wanted = checkpoint_config();
    struct weights *weights = NULL;
    struct err err = {0};
    (void)state;
    make(LAYOUT_HF, "F32", NULL);
    assert_int_equal(must_convert(NULL).layout, LAYOUT_HF);
    assert_int_equal(rename(OUT "/model.safetensors", DIPTYCH_SCRATCH "/hf.safetensors"), 0);
    make(LAYOUT_OPEN_CLIP, "F32", NULL);
    const struct model_conversion conversion = must_convert(NULL);
    assert_int_equal(conversion.layout, LAYOUT_HF);
    assert_int_equal(conversion.dtype, DTYPE_F32);
    assert_same_files(OUT "/model.safetensors", DIPTYCH_SCRATCH "/hf.safetensors");

    assert_int_equal(model_config_read(&config, OUT, &err), 0);
    wanted.text.eot_rule = EOT_ARGMAX; /* open_clip's default */
    wanted.text.eot_id = 2;
    assert_same_configs(&config, &wanted);

    assert_int_equal(weights_open(&weights, OUT, &err), 0);
    for (size_t i = 0; i < weights_count(weights); i++) {
        const struct weight *weight = weights_at(weights, i);
        float *values = malloc(weight->count * sizeof *values);
        assert_true(weights_random_fill(values, weight->name, CHECKPOINT_SEED, weight->rank, weight->shape));
        assert_memory_equal(weight->data, values, weight->count * sizeof *values);
        free(values);
    }
    weights_free(weights);
}

static void files_are_carried_over(void **state)
{
    struct preprocess in, out;
    (void)state;
    make(LAYOUT_OPEN_CLIP, "F32", NULL);
    write_text(IN "/open_clip_config.json",
        "{\"model_cfg\": {\"embed_dim\": 32, \"vision_cfg\": {\"width\": 64, \"mlp_ratio\": 2, \"layers\": 2,"
        " \"head_width\": 16, \"image_size\": 32, \"patch_size\": 8}, \"text_cfg\": {\"width\": 64, "
        "\"mlp_ratio\": 2,"
        " \"layers\": 2, \"heads\": 4, \"vocab_size\": 914, \"context_length\": 16}},"
        " \"preprocess_cfg\": {\"mean\": [0.5, 0.25, 0.125], \"std\": [0.3, 0.2, 0.1],"
        " \"interpolation\": \"bilinear\", \"resize_mode\": \"squash\", \"size\": 32}}");
    must_convert(NULL);
    assert_same_files(OUT "/vocab.json", IN "/vocab.json");
    assert_same_files(OUT "/merges.txt", IN "/merges.txt");
    assert_false(file_exists(OUT "/open_clip_config.json"));
    const struct preprocess otherwise = preprocess_default(32);
    assert_int_equal(preprocess_load(&in, IN, &otherwise, NULL), 0);
    assert_int_equal(preprocess_load(&out, OUT, &otherwise, NULL), 0);
    assert_int_equal(out.resize_mode, RESIZE_SQUASH);
    assert_int_equal(out.resample, RESAMPLE_BILINEAR);
    assert_int_equal(out.resize, in.resize);
    assert_int_equal(out.crop, in.crop);
    assert_true(out.scale == in.scale);
    assert_memory_equal(out.mean, in.mean, sizeof in.mean);
    assert_memory_equal(out.std, in.std, sizeof in.std);
}

static void a_config_of_hugging_face_stays(void **state)
{
    json_t *config;
    const enum dtype dtype = DTYPE_BF16;
    (void)state;
    make(LAYOUT_HF, "F32", NULL);
    assert_int_equal(json_read(&config, IN "/config.json", SIZE_MAX, NULL), 0);
    json_object_set_new(config, "torch_dtype", json_string("float32"));
    json_object_set_new(config, "what_nobody_reads", json_integer(7));
    assert_int_equal(json_dump_file(config, IN "/config.json", 0), 0);
    json_decref(config);
    must_convert(&dtype);
    assert_int_equal(json_read(&config, OUT "/config.json", SIZE_MAX, NULL), 0);
    assert_int_equal(json_integer_value(json_object_get(config, "what_nobody_reads")), 7);
    assert_string_equal(json_string_value(json_object_get(config, "dtype")), "bfloat16");
    assert_null(json_object_get(config, "torch_dtype"));
    json_decref(config);
}

/* What all tensors are stays; another type is said to be, or is float32. */
static void types(void **state)
{
    static const struct {
        const char *in;
        enum dtype out;
    } cases[] = {{"F16", DTYPE_F16}, {"BF16", DTYPE_BF16}, {"F32", DTYPE_F32}};
    const enum dtype f16 = DTYPE_F16;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        make(LAYOUT_OPEN_CLIP, cases[i].in, NULL);
        assert_int_equal(must_convert(NULL).dtype, cases[i].out);
        if (i == 0)
            assert_int_equal(rename(OUT "/model.safetensors", DIPTYCH_SCRATCH "/f16.safetensors"), 0);
    }
    make(LAYOUT_HF, "F32", NULL);
    must_convert(&f16);
    assert_same_files(OUT "/model.safetensors", DIPTYCH_SCRATCH "/f16.safetensors");
}

static void drop_pre_norm(struct checkpoint *checkpoint)
{
    checkpoint_find(checkpoint, "visual.ln_pre.weight")->name = "visual.unused.weight";
    checkpoint_find(checkpoint, "visual.ln_pre.bias")->name = "visual.unused.bias";
}

static void what_transformers_has_not_stays_open_clip(void **state)
{
    struct model_config config;
    json_t *root;
    (void)state;
    make(LAYOUT_OPEN_CLIP, "F16", drop_pre_norm);
    assert_int_equal(json_read(&root, IN "/open_clip_config.json", SIZE_MAX, NULL), 0);
    json_object_set_new(
        json_object_get(json_object_get(root, "model_cfg"), "vision_cfg"), "no_ln_pre", json_true());
    assert_int_equal(json_dump_file(root, IN "/open_clip_config.json", 0), 0);
    json_decref(root);
    assert_int_equal(must_convert(NULL).layout, LAYOUT_OPEN_CLIP);
    assert_same_files(OUT "/open_clip_config.json", IN "/open_clip_config.json");
    assert_same_files(OUT "/open_clip_model.safetensors", IN "/open_clip_model.safetensors");
    assert_int_equal(model_config_read(&config, OUT, NULL), 0);
    assert_false(config.vision.pre_norm);
}

/* ---- other families ------------------------------------------------------------------------------------ */

enum { INPUTS = 2, EMBED_MAX = 64 };

/* In tests/golden/published, by published.py, and a tokenizer for each in tests/golden. */
static const struct published_layout {
    const char *kind, *tokenizer;
    enum layout layout;
} published[] = {
    {"siglip", "subword/siglip", LAYOUT_HF},
    {"siglip2", "subword/gemma", LAYOUT_HF},
    {"metaclip_2", "subword/xlm_r", LAYOUT_HF},
    {"chinese_clip", "subword/bert", LAYOUT_HF},
    {"altclip", "subword/xlm_r", LAYOUT_HF},
    {"coca", "tokenizer_small", LAYOUT_OPEN_CLIP},
};

static void copy_folder(const char *to, const char *from)
{
    char command[512];
    snprintf(command, sizeof command, "cp %s/* %s", from, to);
    assert_int_equal(system(command), 0);
}

/* Values as weights have: gammas near 1, all others small and both ways. */
static float *made_up(struct arena *arena, const struct weight *tensor, uint32_t seed)
{
    float *values = arena_alloc(arena, tensor->count * sizeof *values);
    const float middle = tensor->rank == 1 && strstr(tensor->name, "weight") ? 1 : 0;
    for (size_t i = 0; i < tensor->count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = middle + 0.3f * ((float)(seed >> 8) / (1 << 24) - 0.5f);
    }
    return values;
}

/* A line of tensors.tsv: a name, a tab, and the sizes with blanks between, of which a scalar has none. */
static struct weight published_tensor(struct arena *arena, const char *line, uint32_t seed)
{
    const char *tab = strchr(line, '\t');
    assert_non_null(tab);
    struct weight tensor = {.name = arena_copy(arena, line, (size_t)(tab - line)), .type = "F32", .count = 1};
    char *at = (char *)tab + 1;
    for (char *end; *at; at = end) {
        tensor.shape[tensor.rank] = strtoul(at, &end, 10);
        tensor.count *= tensor.shape[tensor.rank++];
    }
    tensor.data = (const uint8_t *)made_up(arena, &tensor, seed);
    return tensor;
}

/* A model of that kind in IN, with nothing at OUT. */
static void make_published(const struct published_layout *model)
{
    struct weight tensors[CHECKPOINT_TENSORS_MAX];
    struct strings lines = {0};
    struct arena arena = {0};
    char folder[256], tokenizer[256];
    snprintf(folder, sizeof folder, DIPTYCH_ROOT "/tests/golden/published/%s", model->kind);
    snprintf(tokenizer, sizeof tokenizer, DIPTYCH_ROOT "/tests/golden/%s", model->tokenizer);
    assert_int_equal(system("rm -rf " IN " " OUT " && mkdir " IN), 0);
    copy_folder(IN, tokenizer);
    copy_folder(IN, folder);
    assert_int_equal(lines_read(&lines, IN "/tensors.tsv", SIZE_MAX, NULL), 0);
    assert_true(lines.count > 40 && lines.count <= CHECKPOINT_TENSORS_MAX);
    for (size_t i = 0; i < lines.count; i++)
        tensors[i] = published_tensor(&arena, lines.items[i], (uint32_t)i);
    write_safetensors(
        model->layout == LAYOUT_HF ? IN "/model.safetensors" : IN "/open_clip_model.safetensors", tensors,
        lines.count);
    strings_release(&lines);
    arena_release(&arena);
}

/* Of pictures, then of texts; the type of all of them is float32. */
static void embed_directory(float out[2 * INPUTS][EMBED_MAX], const char *directory, struct device *device)
{
    static const char *const texts[INPUTS] = {"a photo of a cat", "Two RED hearts and more"};
    float rows[INPUTS * EMBED_MAX];
    struct model *model;
    struct encoder *encoder = NULL;
    struct err err;
    if (model_open(&model, directory, device, &err) || encoder_open(&encoder, model, INPUTS, &err))
        fail_msg("%s", err.msg);
    const size_t bytes = preprocess_bytes(model_preprocess(model)), width = model_width(model);
    assert_true(width <= EMBED_MAX);
    uint8_t *pixels = malloc(INPUTS * bytes);
    for (size_t i = 0; i < INPUTS * bytes; i++)
        pixels[i] = (uint8_t)(i * i / 97 + i / bytes * 40);
    for (size_t i = 0; i < INPUTS; i++)
        preprocess_blank(pixels + i * bytes, model_preprocess(model));
    for (size_t half = 0; half < 2; half++) {
        if (half ? encoder_texts(encoder, rows, texts, INPUTS, NULL, NULL, &err)
                 : encoder_pixels(encoder, rows, pixels, INPUTS, &err))
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < INPUTS; i++)
            memcpy(out[half * INPUTS + i], rows + i * width, width * sizeof *rows);
    }
    free(pixels);
    encoder_free(encoder);
    model_free(model);
}

/* They keep their layout and their files, and give the same embeddings, bit for bit. */
static void other_families_stay_what_they_are(void **state)
{
    const struct device_options options = {.precision = "f32"};
    struct device *device;
    struct err err;
    (void)state;
    if (device_open(&device, &options, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        float before[2 * INPUTS][EMBED_MAX] = {0}, after[2 * INPUTS][EMBED_MAX] = {0};
        struct model_config configs[2];
        make_published(&published[i]);
        assert_int_equal(must_convert(NULL).layout, published[i].layout);
        assert_int_equal(model_config_read(&configs[0], IN, NULL), 0);
        assert_int_equal(model_config_read(&configs[1], OUT, NULL), 0);
        assert_ptr_equal(configs[0].family, configs[1].family);
        assert_same_configs(&configs[0], &configs[1]);
        embed_directory(before, IN, device);
        embed_directory(after, OUT, device);
        assert_memory_equal(before, after, sizeof before);
        assert_memory_not_equal(before[0], before[1], sizeof before[0]);
        assert_memory_not_equal(before[INPUTS], before[INPUTS + 1], sizeof before[0]);
    }
    device_free(device);
}

/* ---- OpenAI's vocabulary ------------------------------------------------------------------------------- */

enum { MERGES = 48894 };
#define VOCABULARY DIPTYCH_SCRATCH "/bpe.txt"

/* As many pairs as OpenAI's has, of which line `spoiled` is another. */
static void write_vocabulary(size_t pairs, size_t spoiled, const char *with)
{
    FILE *file = fopen(VOCABULARY, "w");
    assert_non_null(file);
    fputs("\"bpe_simple_vocab_16e6.txt#version: 0.2\n", file);
    for (size_t i = 1; i <= pairs; i++)
        if (i == spoiled)
            fprintf(file, "%s\n", with);
        else
            fprintf(file, "m%zu x</w>\n", i);
    assert_int_equal(fclose(file), 0);
}

static json_int_t id_of(const json_t *vocab, const char *token)
{
    const json_t *id = json_object_get(vocab, token);
    return id ? json_integer_value(id) : -1;
}

static void openai_vocabulary(void **state)
{
    json_t *vocab;
    struct strings lines = {0};
    struct err err = {0};
    (void)state;
    write_vocabulary(MERGES + 100, 0, NULL); /* OpenAI's has more than are used */
    if (convert_vocabulary(DIPTYCH_SCRATCH, VOCABULARY, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(json_read(&vocab, DIPTYCH_SCRATCH "/vocab.json", SIZE_MAX, NULL), 0);
    assert_int_equal(json_object_size(vocab), 49408);
    assert_int_equal(id_of(vocab, "!"), 0);
    assert_int_equal(id_of(vocab, "\xc3\xbf"), 187); /* y with diaeresis, byte 255 */
    assert_int_equal(id_of(vocab, "\xc4\x80"), 188); /* U+0100, byte 0 */
    assert_int_equal(id_of(vocab, "!</w>"), 256);
    assert_int_equal(id_of(vocab, "m1x</w>"), 512);
    assert_int_equal(id_of(vocab, "m48894x</w>"), 49405);
    assert_int_equal(id_of(vocab, "<|startoftext|>"), 49406);
    assert_int_equal(id_of(vocab, "<|endoftext|>"), 49407);
    json_decref(vocab);
    assert_int_equal(lines_read(&lines, DIPTYCH_SCRATCH "/merges.txt", SIZE_MAX, NULL), 0);
    assert_int_equal(lines.count, MERGES + 1);
    assert_string_equal(lines.items[0], "#version: 0.2");
    assert_string_equal(lines.items[1], "m1 x</w>");
    assert_string_equal(lines.items[MERGES], "m48894 x</w>");
    strings_release(&lines);
}

static void other_vocabularies(void **state)
{
    static const struct {
        size_t pairs, spoiled;
        const char *with, *message;
    } cases[] = {
        {MERGES - 1, 0, NULL, "it has 48894 lines"},
        {MERGES, 7, "alone", "'alone' is no pair of tokens"},
        {MERGES, 7, "m8 x</w>", "it has a token twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        write_vocabulary(cases[i].pairs, cases[i].spoiled, cases[i].with);
        assert_int_equal(convert_vocabulary(DIPTYCH_SCRATCH, VOCABULARY, &err), ERR_FORMAT);
        assert_non_null(strstr(err.msg, "unable to use '" VOCABULARY "'"));
        assert_non_null(strstr(err.msg, cases[i].message));
    }
}

/* ---- what is not done ---------------------------------------------------------------------------------- */

static void assert_refused(
    const enum dtype *dtype, const struct job *job, enum err_code code, const char *message)
{
    struct model_conversion out;
    struct err err = {0};
    const int rc = model_convert(&out, OUT, IN, NULL, dtype, job, &err);
    if (rc != (int)code || !strstr(err.msg, message))
        fail_msg("%d '%s', expected %d '%s'", rc, err.msg, code, message);
}

static void assert_nothing_left(void)
{
    assert_false(file_exists(OUT));
    assert_int_equal(system("test -z \"$(ls -A " DIPTYCH_SCRATCH " | grep tmp)\""), 0);
}

static void enlarge(struct checkpoint *checkpoint)
{
    struct weight *weight = checkpoint_find(checkpoint, "text_model.final_layer_norm.bias");
    float *values = arena_alloc(&checkpoint->arena, 64 * sizeof *values);
    values[3] = 70000;
    weight->data = (const uint8_t *)values;
}

static int stop_at_ten(void *context, const char *unit, size_t done, size_t total)
{
    (void)context;
    assert_string_equal(unit, "tensors");
    assert_true(done <= total);
    return done == 10;
}

/* A folder that loaders refuse is no conversion. */
static void no_model_without_its_tokenizer(void **state)
{
    (void)state;
    make(LAYOUT_HF, "F32", NULL);
    assert_int_equal(unlink(IN "/vocab.json"), 0);
    assert_refused(NULL, NULL, ERR_IO, "no tokenizer in '" IN "'");
    assert_nothing_left();
    write_text(IN "/vocab.json", "{\"a\"");
    assert_refused(NULL, NULL, ERR_FORMAT, IN "/vocab.json");
    assert_nothing_left();
}

static void no_model_with_fewer_rows_than_its_tokenizer_has_ids(void **state)
{
    json_t *config, *text;
    (void)state;
    make(LAYOUT_HF, "F32", NULL);
    assert_int_equal(json_read(&config, IN "/config.json", SIZE_MAX, NULL), 0);
    text = json_object_get(config, "text_config");
    json_object_set_new(text, "vocab_size", json_integer(500));
    json_object_set_new(text, "eos_token_id", json_integer(2));
    assert_int_equal(json_dump_file(config, IN "/config.json", 0), 0);
    json_decref(config);
    assert_refused(NULL, NULL, ERR_FORMAT,
        "cannot open model '" IN "': the tokenizer has 914 ids but the model only 500 (vocab_size)");
    assert_nothing_left();
}

static void nothing_is_left_of_what_fails(void **state)
{
    const enum dtype f16 = DTYPE_F16;
    const struct job job = {.step = stop_at_ten};
    (void)state;
    make(LAYOUT_HF, "F32", enlarge);
    assert_refused(&f16, NULL, ERR_LIMIT,
        "element 3 of tensor 'text_model.final_layer_norm.bias' is 70000, which F16 does not hold");
    assert_nothing_left();
    assert_refused(NULL, &job, ERR_CANCELLED, "interrupted");
    assert_nothing_left();
    assert_int_equal(truncate(IN "/model.safetensors", 5000), 0);
    assert_refused(NULL, NULL, ERR_FORMAT, IN "/model.safetensors");
    assert_nothing_left();
}

static void nothing_is_overwritten(void **state)
{
    (void)state;
    make(LAYOUT_HF, "F32", NULL);
    write_text(OUT, "here already");
    assert_refused(NULL, NULL, ERR_ARGUMENT, "'" OUT "' is there already");
    assert_int_equal(unlink(OUT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_layouts_give_the_same),
        cmocka_unit_test(files_are_carried_over),
        cmocka_unit_test(a_config_of_hugging_face_stays),
        cmocka_unit_test(types),
        cmocka_unit_test(what_transformers_has_not_stays_open_clip),
        cmocka_unit_test(other_families_stay_what_they_are),
        cmocka_unit_test(openai_vocabulary),
        cmocka_unit_test(other_vocabularies),
        cmocka_unit_test(no_model_without_its_tokenizer),
        cmocka_unit_test(no_model_with_fewer_rows_than_its_tokenizer_has_ids),
        cmocka_unit_test(nothing_is_left_of_what_fails),
        cmocka_unit_test(nothing_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
