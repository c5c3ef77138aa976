// SPDX-License-Identifier: Apache-2.0
#include "tests/support/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/weights/internal.h"
#include "tests/support/safetensors_writer.h"

enum {
    WIDTH = 64,
    HEADS = 4,
    MLP = 128,
    LAYERS = 2,
    SIZE = 32,
    PATCH = 8,
    TOKENS = 17,
    VOCAB = 914,
    CONTEXT = 16,
    EMBED = 32
};

/* A tensor in both layouts. "*" in a name stands for q, k and v, which open_clip has below each other in one. */
struct part {
    const char *hf, *open_clip;
    int rank;
    size_t shape[WEIGHT_RANK_MAX]; /* Hugging Face's */
    bool transposed;               /* in open_clip */
};

static const struct part tops[] = {
    {"logit_scale", "logit_scale", 0, {0}, false},
    {"visual_projection.weight", "visual.proj", 2, {EMBED, WIDTH}, true},
    {"text_projection.weight", "text_projection", 2, {EMBED, WIDTH}, true},
    {"vision_model.embeddings.class_embedding", "visual.class_embedding", 1, {WIDTH}, false},
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight", 4, {WIDTH, 3, PATCH, PATCH},
        false},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding", 2, {TOKENS, WIDTH},
        false},
    {"vision_model.pre_layrnorm.weight", "visual.ln_pre.weight", 1, {WIDTH}, false},
    {"vision_model.pre_layrnorm.bias", "visual.ln_pre.bias", 1, {WIDTH}, false},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight", 1, {WIDTH}, false},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias", 1, {WIDTH}, false},
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight", 2, {VOCAB, WIDTH}, false},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding", 2, {CONTEXT, WIDTH}, false},
    {"text_model.final_layer_norm.weight", "ln_final.weight", 1, {WIDTH}, false},
    {"text_model.final_layer_norm.bias", "ln_final.bias", 1, {WIDTH}, false},
};

static const struct part block[] = {
    {"layer_norm1.weight", "ln_1.weight", 1, {WIDTH}, false},
    {"layer_norm1.bias", "ln_1.bias", 1, {WIDTH}, false},
    {"layer_norm2.weight", "ln_2.weight", 1, {WIDTH}, false},
    {"layer_norm2.bias", "ln_2.bias", 1, {WIDTH}, false},
    {"self_attn.*_proj.weight", "attn.in_proj_weight", 2, {WIDTH, WIDTH}, false},
    {"self_attn.*_proj.bias", "attn.in_proj_bias", 1, {WIDTH}, false},
    {"self_attn.out_proj.weight", "attn.out_proj.weight", 2, {WIDTH, WIDTH}, false},
    {"self_attn.out_proj.bias", "attn.out_proj.bias", 1, {WIDTH}, false},
    {"mlp.fc1.weight", "mlp.c_fc.weight", 2, {MLP, WIDTH}, false},
    {"mlp.fc1.bias", "mlp.c_fc.bias", 1, {MLP}, false},
    {"mlp.fc2.weight", "mlp.c_proj.weight", 2, {WIDTH, MLP}, false},
    {"mlp.fc2.bias", "mlp.c_proj.bias", 1, {WIDTH}, false},
};

static const char *const block_prefixes[][2] = {
    {"vision_model.encoder.layers.%d.", "visual.transformer.resblocks.%d."},
    {"text_model.encoder.layers.%d.", "transformer.resblocks.%d."},
};

struct model_config checkpoint_config(void)
{
    const struct transformer_config transformer = {.layers = LAYERS,
        .width = WIDTH,
        .heads = HEADS,
        .mlp_width = MLP,
        .activation = ACTIVATION_GELU,
        .eps = 1e-5f};
    struct model_config config = {
        .layout = LAYOUT_HF,
        .family = &family_clip,
        .vision = {.block = transformer,
            .image_size = SIZE,
            .patch_size = PATCH,
            .embed_width = EMBED,
            .class_token = true,
            .pre_norm = true},
        .text = {.block = transformer,
            .vocab = VOCAB,
            .context = CONTEXT,
            .embed_width = EMBED,
            .eot_rule = EOT_FIRST,
            .eot_id = VOCAB - 1},
    };
    config.text.block.causal = true;
    return config;
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

static size_t count_of(const struct part *part)
{
    size_t count = 1;
    for (int axis = 0; axis < part->rank; axis++)
        count *= part->shape[axis];
    return count;
}

static const uint8_t *narrowed(struct arena *arena, const float *values, size_t count, const char *type)
{
    if (!strcmp(type, "F32"))
        return (const uint8_t *)values;
    uint16_t *bits = arena_alloc(arena, count * sizeof *bits);
    for (size_t i = 0; i < count; i++)
        bits[i] = !strcmp(type, "F16") ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
    return (const uint8_t *)bits;
}

static void add(struct checkpoint *checkpoint, const char *type, const char *name, int rank,
    const size_t *shape, const float *values, size_t count)
{
    assert_true(checkpoint->count < CHECKPOINT_TENSORS_MAX);
    struct weight *weight = &checkpoint->tensors[checkpoint->count++];
    *weight = (struct weight){.name = arena_copy(&checkpoint->arena, name, strlen(name)),
        .type = type,
        .rank = rank,
        .data = narrowed(&checkpoint->arena, values, count, type)};
    memcpy(weight->shape, shape, (size_t)rank * sizeof *shape);
}

static float *made_up(struct checkpoint *checkpoint, const char *name, const struct part *part)
{
    float *values = arena_alloc(&checkpoint->arena, count_of(part) * sizeof *values);
    assert_true(weights_random_fill(values, name, CHECKPOINT_SEED, part->rank, part->shape));
    return values;
}

/* The three of q, k, v: apart, or below each other. */
static void add_attention(struct checkpoint *checkpoint, enum layout layout, const char *type, const char *hf,
    const char *open_clip, const struct part *part)
{
    const size_t count = count_of(part), fused[] = {3 * part->shape[0], part->shape[1]};
    float *all = arena_alloc(&checkpoint->arena, 3 * count * sizeof *all);
    for (size_t i = 0; i < 3; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s", hf);
        *strchr(name, '*') = "qkv"[i];
        const float *values = made_up(checkpoint, name, part);
        memcpy(all + i * count, values, count * sizeof *all);
        if (layout == LAYOUT_HF)
            add(checkpoint, type, name, part->rank, part->shape, values, count);
    }
    if (layout == LAYOUT_OPEN_CLIP)
        add(checkpoint, type, open_clip, part->rank, fused, all, 3 * count);
}

static void add_transposed(struct checkpoint *checkpoint, const char *type, const char *name,
    const struct part *part, const float *values)
{
    const size_t rows = part->shape[0], columns = part->shape[1];
    float *turned = arena_alloc(&checkpoint->arena, rows * columns * sizeof *turned);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            turned[column * rows + row] = values[row * columns + column];
    add(checkpoint, type, name, 2, (const size_t[]){columns, rows}, turned, rows * columns);
}

static void add_part(struct checkpoint *checkpoint, enum layout layout, const char *type, const char *hf,
    const char *open_clip, const struct part *part)
{
    if (strchr(hf, '*')) {
        add_attention(checkpoint, layout, type, hf, open_clip, part);
        return;
    }
    const float *values = made_up(checkpoint, hf, part);
    if (layout == LAYOUT_OPEN_CLIP && part->transposed)
        add_transposed(checkpoint, type, open_clip, part, values);
    else
        add(checkpoint, type, layout == LAYOUT_HF ? hf : open_clip, part->rank, part->shape, values,
            count_of(part));
}

static void add_block_part(struct checkpoint *checkpoint, enum layout layout, const char *type,
    const char *const prefixes[2], int layer, const struct part *part)
{
    char names[2][128];
    for (int i = 0; i < 2; i++) {
        const int used = snprintf(names[i], sizeof names[i], prefixes[i], layer);
        snprintf(names[i] + used, sizeof names[i] - (size_t)used, "%s", i ? part->open_clip : part->hf);
    }
    add_part(checkpoint, layout, type, names[0], names[1], part);
}

void checkpoint_init(struct checkpoint *checkpoint, enum layout layout, const char *type)
{
    *checkpoint = (struct checkpoint){.count = 0};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        add_part(checkpoint, layout, type, tops[i].hf, tops[i].open_clip, &tops[i]);
    for (int tower = 0; tower < 2; tower++)
        for (int layer = 0; layer < LAYERS; layer++)
            for (size_t i = 0; i < sizeof block / sizeof *block; i++)
                add_block_part(checkpoint, layout, type, block_prefixes[tower], layer, &block[i]);
}

void checkpoint_release(struct checkpoint *checkpoint)
{
    arena_release(&checkpoint->arena);
}

struct weight *checkpoint_find(struct checkpoint *checkpoint, const char *name)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        if (!strcmp(checkpoint->tensors[i].name, name))
            return &checkpoint->tensors[i];
    }
    fail_msg("no tensor '%s'", name);
    return NULL;
}

/* ---- the directory ------------------------------------------------------------------------------------- */

static const char *in(struct arena *arena, const char *directory, const char *name)
{
    const char *path = path_join(arena, directory, name);
    assert_non_null(path);
    return path;
}

static void write_hf_config(const char *path)
{
    char text[1024];
    snprintf(text, sizeof text,
        "{\"model_type\": \"clip\", \"projection_dim\": %d,"
        " \"vision_config\": {\"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,"
        " \"num_attention_heads\": %d, \"hidden_act\": \"gelu\", \"image_size\": %d, \"patch_size\": %d},"
        " \"text_config\": {\"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,"
        " \"num_attention_heads\": %d, \"hidden_act\": \"gelu\", \"vocab_size\": %d, \"eos_token_id\": %d,"
        " \"max_position_embeddings\": %d}}",
        EMBED, WIDTH, MLP, LAYERS, HEADS, SIZE, PATCH, WIDTH, MLP, LAYERS, HEADS, VOCAB, VOCAB - 1, CONTEXT);
    write_text(path, text);
}

static void write_open_clip_config(const char *path)
{
    char text[1024];
    snprintf(text, sizeof text,
        "{\"model_cfg\": {\"embed_dim\": %d,"
        " \"vision_cfg\": {\"width\": %d, \"mlp_ratio\": %d, \"layers\": %d, \"head_width\": %d,"
        " \"image_size\": %d, \"patch_size\": %d},"
        " \"text_cfg\": {\"width\": %d, \"mlp_ratio\": %d, \"layers\": %d, \"heads\": %d,"
        " \"vocab_size\": %d, \"context_length\": %d}}}",
        EMBED, WIDTH, MLP / WIDTH, LAYERS, WIDTH / HEADS, SIZE, PATCH, WIDTH, MLP / WIDTH, LAYERS, HEADS,
        VOCAB, CONTEXT);
    write_text(path, text);
}

void checkpoint_directory(const char *directory, enum layout layout)
{
    static const char *const tokenizer[] = {"vocab.json", "merges.txt"};
    struct arena arena = {0};
    mkdir(directory, 0755);
    if (layout == LAYOUT_HF)
        write_hf_config(in(&arena, directory, "config.json"));
    else
        write_open_clip_config(in(&arena, directory, "open_clip_config.json"));
    for (int i = 0; i < 2; i++) {
        const char *to = in(&arena, directory, tokenizer[i]);
        unlink(to);
        assert_int_equal(
            symlink(in(&arena, DIPTYCH_ROOT "/tests/golden/tokenizer_small", tokenizer[i]), to), 0);
    }
    arena_release(&arena);
}
