// SPDX-License-Identifier: Apache-2.0
/* Hugging Face's config.json of CLIP. Facts: CLIPConfig, CLIPTextConfig, CLIPVisionConfig, ACT2FN in transformers. */
#include "joint/config.h"

/* Several of transformers' names stand for one function computed in different ways. */
const struct choice config_hf_activations[] = {
    {"quick_gelu", ACTIVATION_QUICK_GELU},
    {"gelu", ACTIVATION_GELU},
    {"gelu_python", ACTIVATION_GELU},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_python_tanh", ACTIVATION_GELU_TANH},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_TANH},
    {"gelu_accurate", ACTIVATION_GELU_TANH},
    {NULL, 0},
};

const char *config_hf_activation(enum activation activation)
{
    const struct choice *choice = config_hf_activations;
    while (choice->value != (size_t)activation)
        choice++;
    return choice->word;
}

static const struct key top[] = {
    SIZE("projection_dim", embed_width, 512, 1, WIDTH_MAX),
};

static const struct key vision[] = {CONFIG_HF_CLIP_VISION};

static const struct key text[] = {
    SIZE("hidden_size", config.text.block.width, 512, 1, WIDTH_MAX),
    SIZE("intermediate_size", config.text.block.mlp_width, 2048, 1, MLP_MAX),
    SIZE("num_hidden_layers", config.text.block.layers, 12, 1, LAYERS_MAX),
    SIZE("num_attention_heads", config.text.block.heads, 8, 1, HEADS_MAX),
    SIZE("vocab_size", config.text.vocab, 49408, 2, VOCAB_MAX),
    SIZE("max_position_embeddings", config.text.context, 77, 2, CONTEXT_MAX),
    SIZE("eos_token_id", eos_id, 49407, 0, VOCAB_MAX - 1),
    CHOICE("hidden_act", text_activation, ACTIVATION_QUICK_GELU, config_hf_activations),
    REAL("layer_norm_eps", text_eps, 1e-5, 1e-12, 0.1),
};

/* transformers fills the legacy object up with defaults and lets all of it override the plain one. */
static const struct section sections[] = {
    SECTION("", NULL, top),
    SECTION("vision_config", "vision_config_dict", vision),
    SECTION("text_config", "text_config_dict", text),
};

void config_hf_clip_vision_finish(struct reading *reading)
{
    struct vit_config *tower = &reading->config.vision;
    tower->block.activation = (enum activation)reading->vision_activation;
    tower->class_token = tower->pre_norm = true;
    tower->embed_width = reading->embed_width;
}

static int finish(struct reading *reading, struct err *err)
{
    struct text_config *texts = &reading->config.text;
    (void)err;
    reading->config.family = &family_clip;
    config_hf_clip_vision_finish(reading);
    texts->block.activation = (enum activation)reading->text_activation;
    /* Configs from before the end of text could be chosen all say 2, which is no end of text. */
    texts->eot_rule = reading->eos_id == 2 ? EOT_ARGMAX : EOT_FIRST;
    texts->block.causal = true;
    texts->embed_width = reading->embed_width;
    return 0;
}

/* The same network; but its end of text is looked for even where its id is 2, as it is in what is published. */
static int finish_metaclip_2(struct reading *reading, struct err *err)
{
    const int rc = finish(reading, err);
    reading->config.family = &family_metaclip_2;
    reading->config.text.eot_rule = EOT_FIRST;
    return rc;
}

const struct config_format config_hf_metaclip_2 = {
    .file = "config.json",
    .model_type = "metaclip_2",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = sections,
    .count = sizeof sections / sizeof *sections,
    .finish = finish_metaclip_2,
};

const struct config_format config_hf = {
    .file = "config.json",
    .model_type = "clip",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = sections,
    .count = sizeof sections / sizeof *sections,
    .strict = false, /* transformers writes dozens of keys that no model reads */
    .finish = finish,
};
