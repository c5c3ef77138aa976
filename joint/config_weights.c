// SPDX-License-Identifier: Apache-2.0
/* A model without a config: OpenAI's TorchScript files have none. What it would say is in the shapes of the tensors,
 * and in what all of OpenAI's models have in common. Facts: build_model in openai/CLIP's model.py. */
#include "joint/config.h"

#include <stdio.h>

static int shape_of(
    const size_t **out, const struct weights *weights, const char *name, int rank, struct err *err)
{
    const struct weight *weight = weights_find(weights, name);
    if (!weight || weight->rank != rank || !weight->count)
        return err_set(err, ERR_UNSUPPORTED,
            "it has no config, and no tensor '%s' with %d axes to tell its sizes by", name, rank);
    *out = weight->shape;
    return 0;
}

/* Blocks are numbered from 0 on. */
static size_t count_layers(const struct weights *weights, const char *prefix)
{
    char name[64];
    size_t layers = 0;
    do
        snprintf(name, sizeof name, "%sresblocks.%zu.ln_1.weight", prefix, layers);
    while (layers < LAYERS_MAX && weights_find(weights, name) && ++layers);
    return layers;
}

static int read_block(
    struct transformer_config *out, const struct weights *weights, const char *prefix, struct err *err)
{
    enum { HEAD_WIDTH = 64 };
    const size_t *mlp = NULL; // (M, W)
    char name[64];
    snprintf(name, sizeof name, "%sresblocks.0.mlp.c_fc.weight", prefix);
    const int rc = shape_of(&mlp, weights, name, 2, err);
    if (rc)
        return rc;
    *out = (struct transformer_config){.layers = count_layers(weights, prefix),
        .width = mlp[1],
        .heads = mlp[1] / HEAD_WIDTH,
        .mlp_width = mlp[0],
        .activation = ACTIVATION_QUICK_GELU,
        .eps = 1e-5f};
    return 0;
}

static int read_vision(struct vit_config *out, const struct weights *weights, struct err *err)
{
    const size_t *patch = NULL, *positions = NULL; // (W, 3, P, P), (1+G*G, W)
    size_t grid = 1;
    int rc;
    if (weights_find(weights, "visual.layer1.0.conv1.weight"))
        return err_set(err, ERR_UNSUPPORTED,
            "its vision tower is a ResNet, made of convolutions, which Diptych does not run");
    if ((rc = read_block(&out->block, weights, "visual.transformer.", err)) ||
        (rc = shape_of(&patch, weights, "visual.conv1.weight", 4, err)) ||
        (rc = shape_of(&positions, weights, "visual.positional_embedding", 2, err)))
        return rc;
    while (grid < IMAGE_MAX && (grid + 1) * (grid + 1) < positions[0])
        grid++;
    if (patch[3] > IMAGE_MAX / grid)
        return err_set(
            err, ERR_UNSUPPORTED, "its pictures have %zu patches of %zu pixels on a side", grid, patch[3]);
    out->patch_size = patch[3];
    out->image_size = grid * patch[3];
    out->class_token = out->pre_norm = true;
    return 0;
}

static int read_text(struct text_config *out, const struct weights *weights, struct err *err)
{
    const size_t *tokens = NULL, *positions = NULL; // (V, W), (context, W)
    int rc;
    if ((rc = read_block(&out->block, weights, "transformer.", err)) ||
        (rc = shape_of(&tokens, weights, "token_embedding.weight", 2, err)) ||
        (rc = shape_of(&positions, weights, "positional_embedding", 2, err)))
        return rc;
    if (tokens[0] > VOCAB_MAX || positions[0] > CONTEXT_MAX)
        return err_set(err, ERR_UNSUPPORTED, "it has %zu tokens, and texts of %zu", tokens[0], positions[0]);
    out->block.causal = true;
    out->vocab = tokens[0];
    out->context = positions[0];
    out->eot_rule = EOT_ARGMAX;
    return 0;
}

int model_config_of_weights(struct model_config *out, const struct weights *weights, struct err *err)
{
    struct model_config config = {.layout = LAYOUT_OPEN_CLIP,
        .family = &family_clip,
        .no_file = true,
        .tokenizer = {TOKENIZER_OPEN_CLIP, CLEAN_LOWER, false}}; /* whose SimpleTokenizer is OpenAI's */
    const size_t *projection = NULL;                             // (W, E)
    int rc;
    if ((rc = read_vision(&config.vision, weights, err)) || (rc = read_text(&config.text, weights, err)) ||
        (rc = shape_of(&projection, weights, "text_projection", 2, err)))
        return rc;
    config.vision.embed_width = config.text.embed_width = projection[1];
    rc = model_config_check(&config, err);
    if (!rc)
        *out = config;
    return rc;
}
