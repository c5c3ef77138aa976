// SPDX-License-Identifier: Apache-2.0
/* open_clip_config.json. Facts: CLIP, CLIPVisionCfg and CLIPTextCfg in open_clip's model.py, which refuse a
 * key they do not know. So do we, and beyond that the keys that ask for a network other than OpenAI's. */
#include "joint/config.h"

#include <string.h>

static const struct choice yes_or_no[] = {{"false", false}, {"true", true}, {NULL, 0}};
static const struct choice gelu_forms[] = {
    {"none", ACTIVATION_GELU}, {"tanh", ACTIVATION_GELU_TANH}, {NULL, 0}};
static const struct choice eot_rules[] = {
    {"argmax", EOT_ARGMAX}, {"eos", EOT_FIRST}, {"last", EOT_LAST}, {NULL, 0}};
static const struct choice projections[] = {{"linear", false}, {"none", true}, {NULL, 0}};

/* Of a text tower by transformers; its MLP is made of two layers, half of the way between the widths. */
enum hf_pooling { POOL_MEAN, POOL_FIRST, POOL_POOLER };
static const struct choice hf_poolings[] = {{"mean_pooler", POOL_MEAN},
    {"cls_last_hidden_state_pooler", POOL_FIRST}, {"cls_pooler", POOL_POOLER}, {NULL, 0}};
static const struct choice hf_projections[] = {{"mlp", true}, {"linear", false}, {NULL, 0}};

static const struct choice poolings[] = {
    {"tok", VISION_POOL_CLASS_TOKEN}, {"avg", VISION_POOL_MEAN}, {NULL, 0}};

static const struct choice cleanings[] = {{"lower", CLEAN_LOWER}, {"whitespace", CLEAN_WHITESPACE},
    {"canonicalize", CLEAN_CANONICALIZE}, {NULL, 0}};

static const struct key top[] = {
    SIZE("embed_dim", embed_width, 0, 1, WIDTH_MAX),
    CHOICE("quick_gelu", quick_gelu, false, yes_or_no),
    CHOICE("custom_text", custom_text, false, yes_or_no), /* the names of weights tell it too */
    GIVEN("multimodal_cfg", multimodal), /* CoCa's decoder, which its embeddings do without */
    GIVEN("init_logit_bias", logit_bias),
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
        OTHER("act_kwargs"), OTHER("norm_kwargs"), OTHER("output_tokens")

static const struct key vision[] = {
    SIZE("width", config.vision.block.width, 768, 1, WIDTH_MAX),
    LAYERS("layers", config.vision.block.layers, 12),
    SIZE("head_width", head_width, 64, 1, WIDTH_MAX),
    REAL("mlp_ratio", vision_mlp_ratio, 4, 0.01, 100),
    SIZE("image_size", config.vision.image_size, 224, 1, IMAGE_MAX),
    SIZE("patch_size", config.vision.patch_size, 16, 1, IMAGE_MAX),
    TIMM("timm_model_name", timm),
    TEXT("timm_pool", timm_pool),
    TEXT("timm_proj", timm_proj),
    CHOICE("attentional_pool", attentional_pool, false, yes_or_no),
    SIZE("attn_pooler_queries", pool_queries, 256, 1, QUERIES_MAX),
    SIZE("attn_pooler_heads", pool_heads, 8, 1, HEADS_MAX),
    CHOICE("no_ln_pre", no_ln_pre, false, yes_or_no),
    CHOICE("pool_type", vision_pooling, VISION_POOL_CLASS_TOKEN, poolings),
    CHOICE("final_ln_after_pool", norm_after_pool, false, yes_or_no),
    BLOCK_KEYS,
    OTHER("patch_dropout"),
    OTHER("pos_embed_type"), /* what training starts from; the weights have the embeddings */
    OTHER("timm_model_pretrained"),
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
    HF_TEXT("hf_model_name", hf_text),
    CHOICE("hf_proj_type", hf_projection, true, hf_projections),
    CHOICE("hf_pooler_type", hf_pooling, POOL_MEAN, hf_poolings),
    CHOICE("embed_cls", embed_cls, false, yes_or_no),
    SIZE("pad_id", pad_id, 0, 0, VOCAB_MAX - 1), /* for its mask; the tokenizer's files say what texts get */
    FIXED("final_ln_after_pool", "false"),
    CHOICE("no_causal_mask", no_causal_mask, false, yes_or_no),
    CHOICE("proj_type", no_projection, false, projections),
    CHOICE("proj_bias", proj_bias, false, yes_or_no),
    OTHER("tokenizer_kwargs"),
    BLOCK_KEYS,
    NAME("hf_tokenizer_name", hf_tokenizer), /* whose files are those of the directory */
    OTHER("tokenizer_mode"),
    OTHER("hf_model_pretrained"),
};

/* Of its SimpleTokenizer and its HFTokenizer; `reduction_mask` drops words at random. */
static const struct key tokenizer_kwargs[] = {
    CHOICE("clean", cleaning, CLEAN_NONE, cleanings),
    CHOICE("strip_sep_token", strip_sep, false, yes_or_no),
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
        .strip_sep = reading->strip_sep,
    };
}

/* A tower of open_clip's own. */
static int finish_vision(struct reading *reading, struct err *err)
{
    struct vit_config *tower = &reading->config.vision;
    if (reading->attentional_pool && reading->vision_pooling != VISION_POOL_CLASS_TOKEN)
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg.attentional_pool' is true with a pool_type other than "
            "\"tok\", which is not supported");
    if (reading->vision_pooling == VISION_POOL_MEAN && !reading->norm_after_pool)
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg.pool_type' is \"avg\" without final_ln_after_pool, which is not "
            "supported");
    tower->pooling =
        reading->attentional_pool ? VISION_POOL_QUERY : (enum vision_pooling)reading->vision_pooling;
    if (reading->attentional_pool) {
        tower->pool_heads = reading->pool_heads;
        tower->pool_queries = reading->pool_queries;
    }
    tower->block.heads = tower->block.width / reading->head_width;
    tower->block.mlp_width = (size_t)((double)tower->block.width * reading->vision_mlp_ratio);
    tower->block.activation =
        reading->quick_gelu ? ACTIVATION_QUICK_GELU : (enum activation)reading->vision_activation;
    tower->class_token = true;
    tower->pre_norm = !reading->no_ln_pre;
    tower->embed_width = reading->embed_width;
    return 0;
}

/* timm's networks do not heed quick_gelu, nor the sizes in the config. */
static int finish_timm(struct reading *reading, struct err *err)
{
    const struct timm_model *timm = reading->timm;
    struct vit_config *tower = &reading->config.vision;
    if (strcmp(reading->timm_pool, timm->pool) || strcmp(reading->timm_proj, timm->projection))
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg' has timm_pool '%s' and timm_proj '%s', which is not supported: %s has "
            "'%s' and '%s'",
            reading->timm_pool, reading->timm_proj, timm->name, timm->pool, timm->projection);
    *tower = timm->vision;
    reading->config.depth_by_name = true;
    tower->embed_width = reading->embed_width;
    if (tower->projection == PROJECTION_NONE && tower->block.width != tower->embed_width)
        return err_set(err, ERR_FORMAT,
            "'model_cfg.embed_dim' is %zu, but %s ends in %zu without a projection", tower->embed_width,
            timm->name, tower->block.width);
    return 0;
}

static int finish_text(struct reading *reading, struct err *err)
{
    struct text_config *tower = &reading->config.text;
    tower->block.mlp_width = (size_t)((double)tower->block.width * reading->text_mlp_ratio);
    tower->block.activation =
        reading->quick_gelu ? ACTIVATION_QUICK_GELU : (enum activation)reading->text_activation;
    tower->block.causal = !reading->no_causal_mask;
    tower->eot_rule = reading->embed_cls ? TEXT_CLASS : (enum eot_rule)reading->eot_rule;
    tower->packed = reading->embed_cls;
    tower->block.unseen = reading->embed_cls;
    tower->pad_id = (int32_t)reading->pad_id;
    if (reading->embed_cls && reading->no_causal_mask)
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.text_cfg.embed_cls' is true with no_causal_mask, which is not supported");
    tower->embed_width = reading->embed_width;
    tower->projection = reading->no_projection ? PROJECTION_NONE
                        : reading->proj_bias   ? PROJECTION_LAYER
                                               : PROJECTION_MATRIX;
    if (tower->projection == PROJECTION_NONE && tower->block.width != tower->embed_width)
        return err_set(err, ERR_FORMAT,
            "'model_cfg.embed_dim' is %zu, but the text tower ends in %zu without a projection",
            tower->embed_width, tower->block.width);
    return 0;
}

/* transformers' networks heed none of the config's sizes. */
static int finish_hf_text(struct reading *reading, struct err *err)
{
    struct text_config *tower = &reading->config.text;
    const struct hf_text *model = reading->hf_text;
    const size_t context = tower->context, pooling = reading->hf_pooling;
    *tower = model->text;
    if (pooling == POOL_POOLER && !model->no_pooler)
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.text_cfg.hf_pooler_type' is \"cls_pooler\", which is not supported for %s: it is one "
            "more layer",
            model->name);
    if (pooling == POOL_MEAN && !tower->no_final_norm)
        return err_set(err, ERR_UNSUPPORTED,
            "'model_cfg.text_cfg.hf_pooler_type' is \"mean_pooler\", which is not supported for %s: the mean "
            "would be of normed "
            "tokens",
            model->name);
    reading->config.text_by_name = true;
    tower->context = context;
    tower->embed_width = reading->embed_width;
    tower->eot_rule = pooling == POOL_MEAN ? TEXT_MEAN : TEXT_START;
    if (reading->hf_projection) {
        tower->neck = (tower->block.width + tower->embed_width) / 2;
        tower->neck_activation = ACTIVATION_GELU;
    }
    return 0;
}

static const struct family *family_of(const struct reading *reading)
{
    if (reading->hf_text)
        return reading->hf_text->family;
    if (reading->timm)
        return reading->timm->family;
    if (reading->multimodal || reading->attentional_pool || reading->embed_cls)
        return &family_coca;
    if (reading->vision_pooling == VISION_POOL_MEAN)
        return &family_clipa;
    return reading->eot_rule == EOT_FIRST && reading->eos_id == 2 ? &family_metaclip_2 : &family_clip;
}

static int finish(struct reading *reading, struct err *err)
{
    struct model_config *config = &reading->config;
    config->family = family_of(reading);
    config->score = reading->logit_bias ? SCORE_SIGMOID : SCORE_SOFTMAX;
    config->tokenizer = tokenizer_rule_of(reading);
    const int rc = reading->timm ? finish_timm(reading, err) : finish_vision(reading, err);
    if (rc)
        return rc;
    return reading->hf_text ? finish_hf_text(reading, err) : finish_text(reading, err);
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
