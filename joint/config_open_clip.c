// SPDX-License-Identifier: Apache-2.0
/* open_clip_config.json. Facts: CLIP, CLIPVisionCfg and CLIPTextCfg in open_clip's model.py, which refuse a
 * key they do not know. So do we, and beyond that the keys that ask for a network other than OpenAI's. */
#include "joint/config.h"

static const struct choice yes_or_no[] = {{"false", false}, {"true", true}, {NULL, 0}};
static const struct choice gelu_forms[] = {
    {"none", ACTIVATION_GELU}, {"tanh", ACTIVATION_GELU_TANH}, {NULL, 0}};
static const struct choice eot_rules[] = {{"argmax", EOT_ARGMAX}, {"eos", EOT_FIRST}, {NULL, 0}};

static const struct choice cleanings[] = {{"lower", CLEAN_LOWER}, {"whitespace", CLEAN_WHITESPACE},
    {"canonicalize", CLEAN_CANONICALIZE}, {NULL, 0}};

static const struct key top[] = {
    SIZE("embed_dim", embed_width, 0, 1, WIDTH_MAX),
    CHOICE("quick_gelu", quick_gelu, false, yes_or_no),
    FIXED("custom_text", "false"),
    FIXED("multimodal_cfg", "false"),
    FIXED("init_logit_bias", "false"),
    OTHER("vision_cfg"),
    OTHER("text_cfg"),
    OTHER("init_logit_scale"),
    OTHER("nonscalar_logit_scale"),
    OTHER("cast_dtype"),
    OTHER("output_dict"),
};

/* What both towers have. */
#define BLOCK_KEYS                                                                                           \
    FIXED("ls_init_value", "false"), FIXED("block_type", "default"), FIXED("qk_norm", "false"),              \
        FIXED("scaled_cosine_attn", "false"), FIXED("scale_heads", "false"),                                 \
        FIXED("scale_attn_inner", "false"), FIXED("scale_attn", "false"), FIXED("scale_fc", "false"),        \
        FIXED("final_ln_after_pool", "false"), OTHER("act_kwargs"), OTHER("norm_kwargs"),                    \
        OTHER("output_tokens")

static const struct key vision[] = {
    SIZE("width", config.vision.block.width, 768, 1, WIDTH_MAX),
    SIZE("layers", config.vision.block.layers, 12, 1, LAYERS_MAX),
    SIZE("head_width", head_width, 64, 1, WIDTH_MAX),
    REAL("mlp_ratio", vision_mlp_ratio, 4, 0.01, 100),
    SIZE("image_size", config.vision.image_size, 224, 1, IMAGE_MAX),
    SIZE("patch_size", config.vision.patch_size, 16, 1, IMAGE_MAX),
    FIXED("timm_model_name", "false"),
    FIXED("attentional_pool", "false"),
    CHOICE("no_ln_pre", no_ln_pre, false, yes_or_no),
    FIXED("pool_type", "tok"),
    BLOCK_KEYS,
    OTHER("patch_dropout"),
    OTHER("pos_embed_type"), /* what training starts from; the weights have the embeddings */
    OTHER("attn_pooler_queries"),
    OTHER("attn_pooler_heads"),
    OTHER("timm_model_pretrained"),
    OTHER("timm_pool"),
    OTHER("timm_proj"),
    OTHER("timm_proj_bias"),
    OTHER("timm_drop"),
    OTHER("timm_drop_path"),
};

static const struct key text[] = {
    SIZE("width", config.text.block.width, 512, 1, WIDTH_MAX),
    SIZE("layers", config.text.block.layers, 12, 1, LAYERS_MAX),
    SIZE("heads", config.text.block.heads, 8, 1, HEADS_MAX),
    REAL("mlp_ratio", text_mlp_ratio, 4, 0.01, 100),
    SIZE("vocab_size", config.text.vocab, 49408, 2, VOCAB_MAX),
    SIZE("context_length", config.text.context, 77, 2, CONTEXT_MAX),
    CHOICE("pool_type", eot_rule, EOT_ARGMAX, eot_rules),
    SIZE("eos_id", eos_id, 2, 0, VOCAB_MAX - 1),
    FIXED("hf_model_name", "false"),
    FIXED("embed_cls", "false"),
    FIXED("no_causal_mask", "false"),
    FIXED("proj_type", "linear"),
    FIXED("proj_bias", "false"),
    OTHER("tokenizer_kwargs"),
    BLOCK_KEYS,
    OTHER("pad_id"),
    NAME("hf_tokenizer_name", hf_tokenizer), /* whose files are those of the directory */
    OTHER("tokenizer_mode"),
    OTHER("hf_model_pretrained"),
    OTHER("hf_proj_type"),
    OTHER("hf_pooler_type"),
};

/* Of its SimpleTokenizer and its HFTokenizer; `reduction_mask` drops words at random. */
static const struct key tokenizer_kwargs[] = {
    CHOICE("clean", cleaning, CLEAN_NONE, cleanings),
    FIXED("strip_sep_token", "false"),
    FIXED("reduction_mask", ""),
    FIXED("additional_special_tokens", "false"),
};

static const struct key vision_act[] = {
    CHOICE("approximate", vision_activation, ACTIVATION_GELU, gelu_forms)};
static const struct key text_act[] = {CHOICE("approximate", text_activation, ACTIVATION_GELU, gelu_forms)};
static const struct key vision_norm[] = {REAL("eps", vision_eps, 1e-5, 1e-12, 0.1)};
static const struct key text_norm[] = {REAL("eps", text_eps, 1e-5, 1e-12, 0.1)};

static const struct section sections[] = {
    SECTION("model_cfg", NULL, top),
    SECTION("model_cfg.vision_cfg", NULL, vision),
    SECTION("model_cfg.vision_cfg.act_kwargs", NULL, vision_act),
    SECTION("model_cfg.vision_cfg.norm_kwargs", NULL, vision_norm),
    SECTION("model_cfg.text_cfg", NULL, text),
    SECTION("model_cfg.text_cfg.tokenizer_kwargs", NULL, tokenizer_kwargs),
    SECTION("model_cfg.text_cfg.act_kwargs", NULL, text_act),
    SECTION("model_cfg.text_cfg.norm_kwargs", NULL, text_norm),
};

/* get_tokenizer in open_clip's factory.py: HFTokenizer where a tokenizer is named, else SimpleTokenizer, with
 * the default of each for `clean`. */
static struct tokenizer_rule tokenizer_rule_of(const struct reading *reading)
{
    const enum text_cleaning fallback = reading->hf_tokenizer ? CLEAN_WHITESPACE : CLEAN_LOWER;
    return (struct tokenizer_rule){
        .reference = reading->hf_tokenizer ? TOKENIZER_HF : TOKENIZER_OPEN_CLIP,
        .cleaning = reading->cleaning ? (enum text_cleaning)reading->cleaning : fallback,
    };
}

static void finish(struct reading *reading)
{
    struct vit_config *pictures = &reading->config.vision;
    struct text_config *texts = &reading->config.text;
    pictures->block.heads = pictures->block.width / reading->head_width;
    pictures->block.mlp_width = (size_t)((double)pictures->block.width * reading->vision_mlp_ratio);
    texts->block.mlp_width = (size_t)((double)texts->block.width * reading->text_mlp_ratio);
    pictures->block.activation =
        reading->quick_gelu ? ACTIVATION_QUICK_GELU : (enum activation)reading->vision_activation;
    texts->block.activation =
        reading->quick_gelu ? ACTIVATION_QUICK_GELU : (enum activation)reading->text_activation;
    texts->eot_rule = (enum eot_rule)reading->eot_rule;
    pictures->pre_norm = !reading->no_ln_pre;
    texts->block.causal = true;
    reading->config.tokenizer = tokenizer_rule_of(reading);
}

const struct config_format config_open_clip = {
    .file = "open_clip_config.json",
    .layout = LAYOUT_OPEN_CLIP,
    .end_key = "eos_id",
    .sections = sections,
    .count = sizeof sections / sizeof *sections,
    .strict = true,
    .finish = finish,
};
