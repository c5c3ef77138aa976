// SPDX-License-Identifier: Apache-2.0
/* Hugging Face's config.json of models with CLIP's vision tower and a text tower of BERT's kind. Facts:
 * ChineseCLIPConfig, and ChineseCLIPModel in modeling_chinese_clip.py, in transformers. */
#include "joint/config.h"

static const struct key vision[] = {CONFIG_HF_CLIP_VISION};

static const struct key chinese_clip[] = {SIZE("projection_dim", embed_width, 512, 1, WIDTH_MAX)};

static const struct key chinese_clip_text[] = {
    SIZE("hidden_size", config.text.block.width, 768, 1, WIDTH_MAX),
    SIZE("intermediate_size", config.text.block.mlp_width, 3072, 1, MLP_MAX),
    SIZE("num_hidden_layers", config.text.block.layers, 12, 1, LAYERS_MAX),
    SIZE("num_attention_heads", config.text.block.heads, 12, 1, HEADS_MAX),
    SIZE("vocab_size", config.text.vocab, 30522, 2, VOCAB_MAX),
    SIZE("max_position_embeddings", config.text.embedding.positions, 512, 2, CONTEXT_MAX),
    SIZE("type_vocab_size", config.text.embedding.types, 2, 1, TYPES_MAX),
    CHOICE("hidden_act", text_activation, ACTIVATION_GELU, config_hf_activations),
    REAL("layer_norm_eps", text_eps, 1e-12, 1e-12, 0.1),
};

/* As in CLIP's, the legacy objects override the plain ones. */
static const struct section chinese_clip_sections[] = {
    SECTION("", NULL, chinese_clip),
    SECTION("vision_config", "vision_config_dict", vision),
    SECTION("text_config", "text_config_dict", chinese_clip_text),
};

static int finish_chinese_clip(struct reading *reading, struct err *err)
{
    struct text_config *tower = &reading->config.text;
    (void)err;
    reading->config.family = &family_chinese_clip;
    config_hf_clip_vision_finish(reading);
    tower->block.activation = (enum activation)reading->text_activation;
    tower->block.norm_place = NORM_AFTER;
    tower->embedding.norm = true;
    tower->context = tower->embedding.positions;
    tower->embed_width = reading->embed_width;
    tower->packed = tower->no_final_norm = true;
    tower->eot_rule = TEXT_START;
    return 0;
}

const struct config_format config_hf_chinese_clip = {
    .file = "config.json",
    .model_type = "chinese_clip",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = chinese_clip_sections,
    .count = sizeof chinese_clip_sections / sizeof *chinese_clip_sections,
    .finish = finish_chinese_clip,
};
