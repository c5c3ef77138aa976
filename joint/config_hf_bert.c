// SPDX-License-Identifier: Apache-2.0
/* Hugging Face's config.json of models with CLIP's vision tower and a text tower of BERT's kind. Facts:
 * ChineseCLIPConfig, AltCLIPConfig and their models in transformers. */
#include "joint/config.h"

static const struct key vision[] = {CONFIG_HF_CLIP_VISION};

static const struct key chinese_clip[] = {SIZE("projection_dim", embed_width, 512, 1, WIDTH_MAX)};
static const struct key altclip[] = {SIZE("projection_dim", embed_width, 768, 1, WIDTH_MAX)};

/* The keys of both text_configs, with the sizes that they have where nothing is said. */
#define TEXT_KEYS(w, m, l, h, v, p, t, eps)                                                                  \
    SIZE("hidden_size", config.text.block.width, w, 1, WIDTH_MAX),                                           \
        SIZE("intermediate_size", config.text.block.mlp_width, m, 1, MLP_MAX),                               \
        SIZE("num_hidden_layers", config.text.block.layers, l, 1, LAYERS_MAX),                               \
        SIZE("num_attention_heads", config.text.block.heads, h, 1, HEADS_MAX),                               \
        SIZE("vocab_size", config.text.vocab, v, 2, VOCAB_MAX),                                              \
        SIZE("max_position_embeddings", config.text.embedding.positions, p, 2, CONTEXT_MAX),                 \
        SIZE("type_vocab_size", config.text.embedding.types, t, 1, TYPES_MAX),                               \
        CHOICE("hidden_act", text_activation, ACTIVATION_GELU, config_hf_activations),                       \
        REAL("layer_norm_eps", text_eps, eps, 1e-12, 0.1)

static const struct key chinese_clip_text[] = {TEXT_KEYS(768, 3072, 12, 12, 30522, 512, 2, 1e-12)};

static const struct key altclip_text[] = {
    TEXT_KEYS(1024, 4096, 24, 16, 250002, 514, 1, 1e-5),
    SIZE("project_dim", config.text.neck, 768, 1, WIDTH_MAX),
    SIZE("pad_token_id", pad_id, 1, 0, CONTEXT_MAX),
};

/* As in CLIP's, the legacy objects override the plain ones. */
static const struct section chinese_clip_sections[] = {
    SECTION("", NULL, chinese_clip),
    SECTION("vision_config", "vision_config_dict", vision),
    SECTION("text_config", "text_config_dict", chinese_clip_text),
};

static const struct section altclip_sections[] = {
    SECTION("", NULL, altclip),
    SECTION("vision_config", "vision_config_dict", vision),
    SECTION("text_config", "text_config_dict", altclip_text),
};

/* The first token's last state is projected; the last block's norm stands for the last. */
static void finish_towers(struct reading *reading)
{
    struct text_config *tower = &reading->config.text;
    config_hf_clip_vision_finish(reading);
    tower->block.activation = (enum activation)reading->text_activation;
    tower->block.norm_place = NORM_AFTER;
    tower->embedding.norm = true;
    tower->context = tower->embedding.positions;
    tower->embed_width = reading->embed_width;
    tower->packed = tower->no_final_norm = true;
    tower->eot_rule = TEXT_START;
}

static int finish_chinese_clip(struct reading *reading, struct err *err)
{
    (void)err;
    reading->config.family = &family_chinese_clip;
    finish_towers(reading);
    return 0;
}

/* XLM-R, whose places begin behind the padding's, and one more norm and layer. */
static int finish_altclip(struct reading *reading, struct err *err)
{
    struct text_config *tower = &reading->config.text;
    reading->config.family = &family_altclip;
    finish_towers(reading);
    tower->no_final_norm = false;
    tower->neck_bias = true;
    tower->embedding.first = reading->pad_id + 1;
    if (tower->embedding.first >= tower->embedding.positions)
        return err_set(err, ERR_FORMAT,
            "'text_config.pad_token_id' is %zu, past %zu positions, of which those of texts come behind it",
            reading->pad_id, tower->embedding.positions);
    tower->context -= tower->embedding.first;
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

const struct config_format config_hf_altclip = {
    .file = "config.json",
    .model_type = "altclip",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = altclip_sections,
    .count = sizeof altclip_sections / sizeof *altclip_sections,
    .finish = finish_altclip,
};
