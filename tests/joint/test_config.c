// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/safetensors_writer.h"

#define HF DIPTYCH_SCRATCH "/config.json"
#define OPEN_CLIP DIPTYCH_SCRATCH "/open_clip_config.json"

static int no_files(void **state)
{
    (void)state;
    unlink(HF);
    unlink(OPEN_CLIP);
    return 0;
}

static struct model_config read_config(void)
{
    struct model_config config;
    struct err err = {0};
    if (model_config_read(&config, DIPTYCH_SCRATCH, &err))
        fail_msg("%s", err.msg);
    return config;
}

static void assert_block(const struct transformer_config *block, size_t layers, size_t width, size_t heads,
    size_t mlp_width, enum activation activation)
{
    assert_int_equal(block->layers, layers);
    assert_int_equal(block->width, width);
    assert_int_equal(block->heads, heads);
    assert_int_equal(block->mlp_width, mlp_width);
    assert_int_equal(block->activation, activation);
}

static void assert_same(const struct model_config *a, const struct model_config *b)
{
    const struct vit_config *v = &b->vision;
    const struct text_config *t = &b->text;
    assert_block(&a->vision.block, v->block.layers, v->block.width, v->block.heads, v->block.mlp_width,
        v->block.activation);
    assert_block(&a->text.block, t->block.layers, t->block.width, t->block.heads, t->block.mlp_width,
        t->block.activation);
    assert_false(a->vision.block.causal);
    assert_true(a->text.block.causal);
    assert_float_equal(a->vision.block.eps, v->block.eps, 0);
    assert_float_equal(a->text.block.eps, t->block.eps, 0);
    assert_int_equal(a->vision.image_size, v->image_size);
    assert_int_equal(a->vision.patch_size, v->patch_size);
    assert_int_equal(a->vision.embed_width, v->embed_width);
    assert_int_equal(a->vision.pre_norm, v->pre_norm);
    assert_int_equal(a->text.embed_width, t->embed_width);
    assert_int_equal(a->text.vocab, t->vocab);
    assert_int_equal(a->text.context, t->context);
    assert_int_equal(a->text.eot_rule, t->eot_rule);
    assert_int_equal(a->text.eot_id, t->eot_id);
}

static const struct model_config *shape(const char *name)
{
    const struct model_shape *found = model_shapes;
    while (strcmp(found->name, name))
        found++;
    return &found->config;
}

static void an_empty_hf_config_is_vit_b_32(void **state)
{
    (void)state;
    write_text(HF, "{\"model_type\": \"clip\"}");
    struct model_config config = read_config();
    assert_int_equal(config.layout, LAYOUT_HF);
    assert_same(&config, shape("vit-b-32"));
    write_text(HF, "{\"model_type\": \"clip\", \"text_config\": {}, \"vision_config\": null}");
    config = read_config();
    assert_same(&config, shape("vit-b-32"));
}

static void hf_keys_are_read(void **state)
{
    (void)state;
    write_text(HF,
        "{\"model_type\": \"clip\", \"projection_dim\": 1024, \"logit_scale_init_value\": 2.6592,"
        "\"text_config\": {\"hidden_size\": 1024, \"intermediate_size\": 4096, \"hidden_act\": \"gelu\","
        "\"num_hidden_layers\": 24, \"num_attention_heads\": 16, \"dropout\": 0.0},"
        "\"vision_config\": {\"hidden_size\": 1280, \"intermediate_size\": 5120, \"hidden_act\": \"gelu\","
        "\"num_hidden_layers\": 32, \"num_attention_heads\": 16, \"patch_size\": 14}}");
    struct model_config config = read_config();
    assert_same(&config, shape("vit-h-14"));

    write_text(HF,
        "{\"text_config\": {\"hidden_act\": \"gelu_pytorch_tanh\", \"eos_token_id\": 2, \"vocab_size\": 500,"
        "\"max_position_embeddings\": 20, \"layer_norm_eps\": 1e-6},"
        "\"vision_config\": {\"layer_norm_eps\": 0.001, \"image_size\": 64, \"num_channels\": 3}}");
    config = read_config();
    assert_int_equal(config.text.block.activation, ACTIVATION_GELU_TANH);
    assert_int_equal(config.vision.block.activation, ACTIVATION_QUICK_GELU);
    assert_int_equal(config.text.eot_rule, EOT_ARGMAX);
    assert_int_equal(config.text.vocab, 500);
    assert_int_equal(config.text.context, 20);
    assert_float_equal(config.text.block.eps, 1e-6f, 0);
    assert_float_equal(config.vision.block.eps, 0.001f, 0);
    assert_int_equal(config.vision.image_size, 64);
}

/* LAION's and OpenAI's older repositories have both objects; transformers lets the legacy one and its
 * defaults win. */
static void a_legacy_dict_overrides(void **state)
{
    (void)state;
    write_text(HF, "{\"text_config\": {\"hidden_size\": 640, \"num_hidden_layers\": 3},"
                   "\"text_config_dict\": {\"hidden_size\": 256, \"num_attention_heads\": 4},"
                   "\"vision_config\": {\"hidden_size\": 384}, \"vision_config_dict\": null}");
    const struct model_config config = read_config();
    assert_block(&config.text.block, 12, 256, 4, 2048, ACTIVATION_QUICK_GELU);
    assert_int_equal(config.vision.block.width, 384);
}

static void open_clip_keys_are_read(void **state)
{
    (void)state;
    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 1280, \"vision_cfg\": {\"image_size\": 224, \"layers\": 48, "
        "\"width\": 1664,"
        "\"head_width\": 104, \"mlp_ratio\": 4.9231, \"patch_size\": 14}, \"text_cfg\": {\"context_length\": "
        "77,"
        "\"vocab_size\": 49408, \"width\": 1280, \"heads\": 20, \"layers\": 32}}, \"preprocess_cfg\": {}}");
    struct model_config config = read_config(), want = *shape("vit-bigg-14");
    assert_int_equal(config.layout, LAYOUT_OPEN_CLIP);
    want.text.eot_rule = EOT_ARGMAX;
    want.text.eot_id = 2;
    assert_same(&config, &want);

    write_text(OPEN_CLIP, "{\"model_cfg\": {\"embed_dim\": 512, \"quick_gelu\": true, \"custom_text\": false,"
                          "\"vision_cfg\": {\"patch_size\": 32, \"timm_model_name\": null},"
                          "\"text_cfg\": {\"pool_type\": \"eos\", \"eos_id\": 49407}}}");
    config = read_config();
    assert_same(&config, shape("vit-b-32"));

    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 64, \"vision_cfg\": {\"no_ln_pre\": true, \"act_kwargs\":"
        "{\"approximate\": \"tanh\"}}, \"text_cfg\": {\"norm_kwargs\": {\"eps\": 1e-6}, \"mlp_ratio\": "
        "2.5}}}");
    config = read_config();
    assert_false(config.vision.pre_norm);
    assert_int_equal(config.vision.patch_size, 16); /* another default than Hugging Face's */
    assert_int_equal(config.vision.embed_width, 64);
    assert_int_equal(config.vision.block.activation, ACTIVATION_GELU_TANH);
    assert_int_equal(config.text.block.activation, ACTIVATION_GELU);
    assert_float_equal(config.vision.block.eps, 1e-5f, 0);
    assert_float_equal(config.text.block.eps, 1e-6f, 0);
    assert_int_equal(config.text.block.mlp_width, 1280);
}

/* As transformers fills up an empty SiglipConfig. */
static void an_empty_siglip_config_is_b_16(void **state)
{
    (void)state;
    write_text(HF, "{\"model_type\": \"siglip\"}");
    struct model_config config = read_config();
    assert_string_equal(config.family->name, "siglip");
    assert_int_equal(config.score, SCORE_SIGMOID);
    assert_block(&config.vision.block, 12, 768, 12, 3072, ACTIVATION_GELU_TANH);
    assert_block(&config.text.block, 12, 768, 12, 3072, ACTIVATION_GELU_TANH);
    assert_float_equal(config.vision.block.eps, 1e-6f, 0);
    assert_false(config.text.block.causal || config.vision.class_token || config.vision.pre_norm);
    assert_int_equal(vit_tokens(&config.vision), 196);
    assert_int_equal(config.vision.pooling, VISION_POOL_ATTENTION);
    assert_int_equal(config.text.context, 64);
    assert_int_equal(config.text.eot_rule, EOT_LAST);
    assert_int_equal(config.text.embed_width, 768);

    write_text(HF, "{\"model_type\": \"siglip\", \"vision_config\": {\"hidden_size\": 1536, \"image_size\": "
                   "384, \"num_attention_heads\": 16, \"patch_size\": 14}, \"text_config\": "
                   "{\"projection_size\": 1536, \"pad_token_id\": 0}}");
    config = read_config();
    assert_int_equal(vit_tokens(&config.vision), 27 * 27); /* and 6 pixels that are in no patch */
    assert_int_equal(config.text.embed_width, 1536);
}

/* As transformers fills up an empty ChineseCLIPConfig. */
static void an_empty_chinese_clip_config_is_berts_base(void **state)
{
    (void)state;
    write_text(HF, "{\"model_type\": \"chinese_clip\"}");
    struct model_config config = read_config();
    assert_string_equal(config.family->name, "chinese clip");
    assert_int_equal(config.score, SCORE_SOFTMAX);
    assert_block(&config.vision.block, 12, 768, 12, 3072, ACTIVATION_QUICK_GELU);
    assert_block(&config.text.block, 12, 768, 12, 3072, ACTIVATION_GELU);
    assert_true(config.vision.class_token && config.vision.pre_norm);
    assert_int_equal(config.text.block.norm_place, NORM_AFTER);
    assert_float_equal(config.text.block.eps, 1e-12f, 0);
    assert_true(config.text.packed && config.text.embedding.norm && config.text.no_final_norm);
    assert_false(config.text.block.causal);
    assert_int_equal(config.text.eot_rule, TEXT_START);
    assert_int_equal(config.text.vocab, 30522);
    assert_int_equal(config.text.context, 512);
    assert_int_equal(config.text.embedding.positions, 512);
    assert_int_equal(config.text.embedding.types, 2);
    assert_int_equal(config.text.embed_width, 512);
}

/* As transformers fills up an empty AltCLIPConfig. */
static void an_empty_altclip_config_is_xlm_roberta_large(void **state)
{
    (void)state;
    write_text(HF, "{\"model_type\": \"altclip\"}");
    struct model_config config = read_config();
    assert_string_equal(config.family->name, "altclip");
    assert_block(&config.vision.block, 12, 768, 12, 3072, ACTIVATION_QUICK_GELU);
    assert_block(&config.text.block, 24, 1024, 16, 4096, ACTIVATION_GELU);
    assert_int_equal(config.text.block.norm_place, NORM_AFTER);
    assert_true(config.text.packed && config.text.embedding.norm && config.text.neck_bias);
    assert_false(config.text.no_final_norm || config.text.skips_padding);
    assert_int_equal(config.text.eot_rule, TEXT_START);
    assert_int_equal(config.text.vocab, 250002);
    assert_int_equal(config.text.embedding.first, 2);
    assert_int_equal(config.text.context, 512);
    assert_int_equal(config.text.neck, 768);
    assert_int_equal(config.text.embed_width, 768);
}

/* Its text tower is what transformers has under the name, and none of the sizes that open_clip's own would have. */
static void a_text_tower_of_transformers_is_known_by_its_name(void **state)
{
    (void)state;
    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 512, \"quick_gelu\": true, \"text_cfg\": {\"hf_model_name\": "
        "\"FacebookAI/xlm-roberta-base\", \"hf_tokenizer_name\": \"xlm-roberta-base\"}}}");
    struct model_config config = read_config();
    assert_string_equal(config.family->name, "clip with xlm-roberta");
    assert_int_equal(config.score, SCORE_SOFTMAX);
    assert_block(&config.vision.block, 12, 768, 12, 3072, ACTIVATION_QUICK_GELU);
    assert_block(&config.text.block, 12, 768, 12, 3072, ACTIVATION_GELU);
    assert_int_equal(config.text.eot_rule, TEXT_MEAN);
    assert_int_equal(config.text.context, 77);
    assert_int_equal(config.text.neck, 640); /* half of the way from 768 to 512 */
    assert_int_equal(config.text.neck_activation, ACTIVATION_GELU);
    assert_true(config.text_by_name && config.text.skips_padding && config.text.no_final_norm);
    assert_false(config.text.neck_bias);
    assert_int_equal(config.tokenizer.cleaning, CLEAN_WHITESPACE);

    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 1024, \"text_cfg\": {\"context_length\": 64, \"hf_model_name\": "
        "\"xlm-roberta-large\", \"hf_proj_type\": \"linear\", \"hf_pooler_type\": "
        "\"cls_last_hidden_state_pooler\"}}}");
    config = read_config();
    assert_block(&config.text.block, 24, 1024, 16, 4096, ACTIVATION_GELU);
    assert_int_equal(config.text.eot_rule, TEXT_START);
    assert_int_equal(config.text.context, 64);
    assert_int_equal(config.text.neck, 0);

    write_text(OPEN_CLIP, "{\"model_cfg\": {\"embed_dim\": 512, \"text_cfg\": {\"hf_model_name\": "
                          "\"facebook/nllb-200-distilled-1.3B\", \"hf_proj_type\": \"linear\", "
                          "\"hf_pooler_type\": \"cls_pooler\"}}}");
    config = read_config();
    assert_string_equal(config.family->name, "nllb-clip");
    assert_block(&config.text.block, 24, 1024, 16, 8192, ACTIVATION_RELU);
    assert_int_equal(config.text.block.norm_place, NORM_BEFORE);
    assert_int_equal(config.text.eot_rule, TEXT_START);
    assert_true(config.text.embedding.waves && config.text.embedding.scaled);
    assert_false(config.text.no_final_norm || config.text.embedding.norm);
}

/* Its vision tower is what timm builds under the name. */
static void a_tower_of_timms_is_known_by_its_name(void **state)
{
    (void)state;
    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 1152, \"init_logit_bias\": -10, \"custom_text\": true, "
        "\"vision_cfg\": "
        "{\"image_size\": 224, \"timm_model_name\": \"vit_so400m_patch16_siglip_256\", \"timm_pool\": "
        "\"map\", "
        "\"timm_model_pretrained\": false, \"timm_proj\": \"none\"}, \"text_cfg\": {\"context_length\": 64, "
        "\"vocab_size\": 250000, \"width\": 1152, \"heads\": 16, \"layers\": 27, \"mlp_ratio\": 3.7362, "
        "\"no_causal_mask\": true, \"pool_type\": \"last\", \"proj_type\": \"none\"}}}");
    const struct model_config config = read_config();
    assert_string_equal(config.family->name, "siglip");
    assert_int_equal(config.score, SCORE_SIGMOID);
    assert_block(&config.vision.block, 27, 1152, 16, 4304, ACTIVATION_GELU_TANH);
    assert_block(&config.text.block, 27, 1152, 16, 4304, ACTIVATION_GELU);
    assert_float_equal(config.vision.block.eps, 1e-6f, 0);
    assert_int_equal(config.vision.image_size, 256); /* timm's, whatever the config says */
    assert_int_equal(config.text.projection, PROJECTION_NONE);
    assert_int_equal(config.text.eot_rule, EOT_LAST);
    assert_false(config.text.block.causal);
}

/* MobileCLIP2-L-14: the end of a text is pooled, as CLIP does, and sees the padding behind it. */
static void texts_without_a_mask_count_with_their_padding(void **state)
{
    (void)state;
    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 768, \"custom_text\": true, \"vision_cfg\": {\"image_size\": 224, "
        "\"timm_model_name\": \"vit_large_patch14_clip_224\", \"timm_pool\": \"token\", \"timm_proj\": "
        "null}, "
        "\"text_cfg\": {\"width\": 768, \"heads\": 12, \"no_causal_mask\": true}}}");
    const struct model_config config = read_config();
    const int32_t ids[77] = {7, 5, 9};
    assert_string_equal(config.family->name, "mobileclip");
    assert_block(&config.vision.block, 24, 1024, 16, 4096, ACTIVATION_GELU);
    assert_true(config.vision.pre_norm);
    assert_int_equal(text_eot(&config.text, ids, 77), 2);
    assert_int_equal(text_tokens(&config.text, ids, 77), 77);
}

static void assert_rows(const struct model_config *config, const int32_t ids[5], size_t count,
    const int32_t *want, const int32_t *want_places)
{
    int32_t rows[7], places[7];
    assert_int_equal(text_tokens_most(&config->text), 7);
    assert_int_equal(text_tokens(&config->text, ids, 5), count);
    assert_int_equal(text_eot(&config->text, ids, 5), count - 1);
    assert_int_equal(text_pack(rows, places, &config->text, ids, 5), count);
    assert_memory_equal(rows, want, count * sizeof *rows);
    assert_memory_equal(places, want_places, count * sizeof *places);
}

/* open_clip's mask of a text of 5 with the class token 9 behind it: which key is seen says the id before it. */
static void a_class_token_sees_what_open_clip_lets_it(void **state)
{
    (void)state;
    write_text(OPEN_CLIP,
        "{\"model_cfg\": {\"embed_dim\": 512, \"multimodal_cfg\": {}, \"custom_text\": true, \"vision_cfg\": "
        "{\"attentional_pool\": true}, \"text_cfg\": {\"vocab_size\": 9, \"context_length\": 5, "
        "\"embed_cls\": "
        "true}}}");
    const struct model_config config = read_config();
    assert_string_equal(config.family->name, "coca");
    assert_int_equal(config.vision.pooling, VISION_POOL_QUERY);
    assert_int_equal(config.vision.pool_queries, 256);
    assert_int_equal(config.text.eot_rule, TEXT_CLASS);
    assert_rows(&config, (const int32_t[]){7, 3, 8, 0, 0}, 5, (const int32_t[]){7, 3, 8, 0, 9},
        (const int32_t[]){0, 1, 2, 3, 5});
    assert_rows(&config, (const int32_t[]){7, 3, 4, 8, 0}, 6, (const int32_t[]){7, 3, 4, 8, 0, 9},
        (const int32_t[]){0, 1, 2, 3, 4, 5});
    assert_rows(&config, (const int32_t[]){7, 3, 4, 5, 8}, 7, (const int32_t[]){7, 3, 4, 5, 8, 9, 9},
        (const int32_t[]){0, 1, 2, 3, 4, 5, 5});
    assert_rows(&config, (const int32_t[]){7, 0, 4, 8, 0}, 5, (const int32_t[]){7, 0, 8, 0, 9},
        (const int32_t[]){0, 1, 3, 4, 5});
}

static void assert_rule(const char *text, enum tokenizer_reference reference, enum text_cleaning cleaning)
{
    char json[256];
    snprintf(json, sizeof json, "{\"model_cfg\": {\"embed_dim\": 64, \"text_cfg\": {%s}}}", text);
    write_text(OPEN_CLIP, json);
    const struct tokenizer_rule rule = read_config().tokenizer;
    assert_int_equal(rule.reference, reference);
    assert_int_equal(rule.cleaning, cleaning);
}

static void texts_are_read_as_the_layout_has_it(void **state)
{
    (void)state;
    assert_int_equal(shape("vit-b-32")->tokenizer.reference, TOKENIZER_HF);
    assert_int_equal(shape("vit-b-32")->tokenizer.cleaning, CLEAN_NONE);
    assert_rule("", TOKENIZER_OPEN_CLIP, CLEAN_LOWER);
    assert_rule("\"hf_tokenizer_name\": \"\"", TOKENIZER_OPEN_CLIP, CLEAN_LOWER);
    assert_rule("\"hf_tokenizer_name\": \"a/b\"", TOKENIZER_HF, CLEAN_WHITESPACE);
    assert_rule("\"tokenizer_kwargs\": {\"clean\": \"whitespace\"}", TOKENIZER_OPEN_CLIP, CLEAN_WHITESPACE);
    assert_rule("\"hf_tokenizer_name\": \"a/b\", \"tokenizer_kwargs\": {\"clean\": \"canonicalize\"}",
        TOKENIZER_HF, CLEAN_CANONICALIZE);
}

static void a_config_of_timms_gives_way_to_open_clips(void **state)
{
    (void)state;
    const char *timm = "{\"architecture\": \"vit_base_patch32_clip_224\", \"num_classes\": 512}";
    const char *open_clip = "{\"model_cfg\": {\"embed_dim\": 640}}";
    write_text(HF, timm);
    write_text(OPEN_CLIP, open_clip);
    assert_int_equal(read_config().layout, LAYOUT_OPEN_CLIP);
    write_text(HF, "{\"model_type\": \"clip\"}");
    assert_int_equal(read_config().layout, LAYOUT_HF);
}

struct bad {
    const char *json;
    enum err_code code;
    const char *want;
};

static void assert_refused(const char *path, const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct model_config config;
        struct err err = {0};
        write_text(path, bad[i].json);
        assert_int_equal(model_config_read(&config, DIPTYCH_SCRATCH, &err), bad[i].code);
        if (!strstr(err.msg, bad[i].want) || !strstr(err.msg, path))
            fail_msg("no '%s' of '%s' in: %s", bad[i].want, path, err.msg);
    }
}

static void bad_hf_configs_are_refused(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"", ERR_FORMAT, "unable to parse"},
        {"[]", ERR_FORMAT, "no JSON object"},
        {"{\"model_type\": \"clip\",}", ERR_FORMAT, "line 1"},
        {"{\"model_type\": \"blip\"}", ERR_UNSUPPORTED, "'model_type' is \"blip\", which is not supported"},
        {"{\"model_type\": \"siglip\", \"text_config\": {\"projection_size\": 512}}", ERR_FORMAT,
            "pictures have an embedding of width 768 and texts one of width 512"},
        {"{\"model_type\": \"siglip\", \"vision_config\": {\"vision_use_head\": false}}", ERR_UNSUPPORTED,
            "'vision_config.vision_use_head' is false"},
        {"{\"model_type\": \"siglip2\", \"vision_config\": {\"num_patches\": 255}}", ERR_FORMAT,
            "'vision_config.num_patches' is 255, which is no square"},
        {"{\"model_type\": \"altclip\", \"text_config\": {\"pad_token_id\": 513}}", ERR_FORMAT,
            "'text_config.pad_token_id' is 513, past 514 positions"},
        {"{\"model_type\": \"altclip\", \"text_config\": {\"pad_token_id\": 512}}", ERR_FORMAT,
            "514 positions leave texts no room for two tokens"},
        {"{\"model_type\": 3}", ERR_UNSUPPORTED, "'model_type' is 3"},
        {"{\"text_config\": []}", ERR_FORMAT, "'text_config' is [], expected an object"},
        {"{\"text_config_dict\": 1}", ERR_FORMAT, "'text_config_dict' is 1, expected an object"},
        {"{\"projection_dim\": 0}", ERR_FORMAT, "'projection_dim' is 0, expected an integer from 1 to 16384"},
        {"{\"projection_dim\": 24}", ERR_UNSUPPORTED, "the embedding width 24 is not a multiple of 16"},
        {"{\"projection_dim\": 512.5}", ERR_FORMAT, "'projection_dim' is 512.5, expected an integer"},
        {"{\"projection_dim\": \"512\"}", ERR_FORMAT, "'projection_dim' is \"512\", expected an integer"},
        {"{\"vision_config\": {\"hidden_size\": -768}}", ERR_FORMAT, "'vision_config.hidden_size' is -768"},
        {"{\"vision_config\": {\"hidden_size\": 9223372036854775807}}", ERR_FORMAT,
            "'vision_config.hidden_size' is 9223372036854775807, expected an integer from 1 to 16384"},
        {"{\"vision_config\": {\"num_channels\": 1}}", ERR_FORMAT, "'vision_config.num_channels' is 1"},
        {"{\"vision_config\": {\"image_size\": [224, 320]}}", ERR_UNSUPPORTED,
            "'vision_config.image_size' is [224,320], expected an integer from 1 to 4096"},
        {"{\"vision_config\": {\"patch_size\": 225}}", ERR_FORMAT,
            "image_size 224 is less than patch_size 225"},
        {"{\"vision_config\": {\"num_attention_heads\": 7}}", ERR_FORMAT,
            "vision width 768 is not a multiple of its 7 heads"},
        {"{\"text_config\": {\"num_attention_heads\": 7}}", ERR_FORMAT,
            "text width 512 is not a multiple of its 7 heads"},
        {"{\"text_config\": {\"hidden_act\": \"relu\"}}", ERR_UNSUPPORTED,
            "'text_config.hidden_act' is \"relu\", which is not supported"},
        {"{\"text_config\": {\"layer_norm_eps\": 0}}", ERR_FORMAT,
            "'text_config.layer_norm_eps' is 0, expected"},
        {"{\"text_config\": {\"layer_norm_eps\": \"x\"}}", ERR_FORMAT,
            "'text_config.layer_norm_eps' is \"x\""},
        {"{\"text_config\": {\"max_position_embeddings\": 1}}", ERR_FORMAT, "max_position_embeddings' is 1"},
        {"{\"text_config\": {\"vocab_size\": 49407}}", ERR_FORMAT,
            "the end of text has id 49407, past a vocabulary of 49407"},
        {"{\"text_config_dict\": {\"hidden_size\": 0}}", ERR_FORMAT, "'text_config_dict.hidden_size' is 0"},
    };
    assert_refused(HF, bad, sizeof bad / sizeof *bad);
}

#define MODEL(cfg) "{\"model_cfg\": {\"embed_dim\": 512, " cfg "}}"
#define VISION(cfg) MODEL("\"vision_cfg\": {" cfg "}")
#define TEXT(cfg) MODEL("\"text_cfg\": {" cfg "}")

static void bad_open_clip_configs_are_refused(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"{}", ERR_FORMAT, "'model_cfg.embed_dim' is missing"},
        {"{\"model_cfg\": 5}", ERR_FORMAT, "'model_cfg' is 5, expected an object"},
        {MODEL("\"quick_gelu\": 1"), ERR_UNSUPPORTED, "'model_cfg.quick_gelu' is 1, which is not supported"},
        {MODEL("\"custom_text\": 1"), ERR_UNSUPPORTED, "'model_cfg.custom_text' is 1"},
        {MODEL("\"wings\": 2"), ERR_UNSUPPORTED, "'model_cfg.wings' is not a key that is supported"},
        {VISION("\"layers\": [3, 4, 6, 3]"), ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg.layers' is [3,4,6,3]: the vision tower is a ResNet, made of convolutions"},
        {VISION("\"timm_model_name\": \"vit_base\""), ERR_UNSUPPORTED,
            "timm_model_name' is \"vit_base\": the vision tower is another network of timm's"},
        {VISION("\"timm_model_name\": \"convnext_base\""), ERR_UNSUPPORTED,
            "timm_model_name' is \"convnext_base\": the vision tower is a ConvNeXt, made of convolutions, "
            "which "
            "Diptych does not run"},
        {VISION("\"timm_model_name\": 3"), ERR_FORMAT, "timm_model_name' is 3, expected a text"},
        {VISION("\"timm_model_name\": \"vit_base_patch16_siglip_224\""), ERR_UNSUPPORTED,
            "has timm_pool '' and timm_proj ''"},
        {VISION("\"timm_model_name\": \"vit_base_patch16_siglip_224\", \"timm_pool\": \"map\", "
                "\"timm_proj\": \"none\""),
            ERR_FORMAT, "'model_cfg.embed_dim' is 512, but vit_base_patch16_siglip_224 ends in 768"},
        {VISION("\"timm_pool\": 1"), ERR_FORMAT, "timm_pool' is 1, expected a text"},
        {VISION("\"attentional_pool\": \"parallel\""), ERR_UNSUPPORTED, "attentional_pool' is \"parallel\""},
        {VISION("\"attentional_pool\": true, \"pool_type\": \"avg\", \"final_ln_after_pool\": true"),
            ERR_UNSUPPORTED, "attentional_pool' is true with a pool_type other than \"tok\""},
        {VISION("\"attentional_pool\": true, \"attn_pooler_heads\": 7"), ERR_FORMAT,
            "the vision tower's pooling by queries: a width of 512 does not divide into 7 heads"},
        {VISION("\"attentional_pool\": true, \"attn_pooler_heads\": 2"), ERR_UNSUPPORTED,
            "the vision tower's pooling by queries: head width 256 is no multiple of 8 up to 128"},
        {VISION("\"attentional_pool\": true, \"attn_pooler_queries\": 0"), ERR_FORMAT,
            "attn_pooler_queries' is 0, expected an integer from 1 to 4096"},
        {TEXT("\"embed_cls\": true, \"no_causal_mask\": true"), ERR_UNSUPPORTED,
            "embed_cls' is true with no_causal_mask"},
        {TEXT("\"embed_cls\": true, \"pad_id\": -1"), ERR_FORMAT,
            "pad_id' is -1, expected an integer from 0"},
        {VISION("\"no_ln_pre\": 1"), ERR_UNSUPPORTED, "no_ln_pre' is 1"},
        {VISION("\"pool_type\": \"avg\""), ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg.pool_type' is \"avg\" without final_ln_after_pool"},
        {VISION("\"pool_type\": \"max\""), ERR_UNSUPPORTED, "'model_cfg.vision_cfg.pool_type' is \"max\""},
        {VISION("\"ls_init_value\": 1e-5"), ERR_UNSUPPORTED, "'model_cfg.vision_cfg.ls_init_value' is"},
        {VISION("\"mlp_ratio\": 0"), ERR_FORMAT, "mlp_ratio' is 0, expected a number from 0.01 to 100"},
        {VISION("\"mlp_ratio\": 99"), ERR_FORMAT, "the vision MLP width is 76032, expected 1 to 65536"},
        {VISION("\"head_width\": 1024"), ERR_FORMAT, "vision width 768 is not a multiple of its 0 heads"},
        {VISION("\"act_kwargs\": {\"approximate\": \"cubic\"}"), ERR_UNSUPPORTED,
            "approximate' is \"cubic\""},
        {VISION("\"act_kwargs\": {\"inplace\": true}"), ERR_UNSUPPORTED,
            "'model_cfg.vision_cfg.act_kwargs.inplace' is not a key"},
        {TEXT("\"hf_model_name\": \"google/mt5-base\""), ERR_UNSUPPORTED,
            "hf_model_name' is \"google/mt5-base\": no text model of transformers' that is built"},
        {TEXT("\"hf_model_name\": \"xlm-roberta-base\", \"hf_pooler_type\": \"cls_pooler\""), ERR_UNSUPPORTED,
            "hf_pooler_type' is \"cls_pooler\", which is not supported for xlm-roberta-base"},
        {TEXT("\"hf_model_name\": \"facebook/nllb-200-distilled-600M\""), ERR_UNSUPPORTED,
            "hf_pooler_type' is \"mean_pooler\", which is not supported for nllb-200-distilled-600M"},
        {TEXT("\"hf_model_name\": \"xlm-roberta-base\", \"context_length\": 513"), ERR_FORMAT,
            "514 positions are too few for texts of 513 tokens"},
        {TEXT("\"no_causal_mask\": 1"), ERR_UNSUPPORTED, "no_causal_mask' is 1"},
        {TEXT("\"pool_type\": \"first\""), ERR_UNSUPPORTED, "'model_cfg.text_cfg.pool_type' is \"first\""},
        {TEXT("\"proj_bias\": 1"), ERR_UNSUPPORTED, "proj_bias' is 1"},
        {TEXT("\"proj_type\": \"mlp\""), ERR_UNSUPPORTED, "proj_type' is \"mlp\""},
        {TEXT("\"proj_type\": \"none\", \"width\": 768"), ERR_FORMAT, "but the text tower ends in 768"},
        {TEXT("\"norm_kwargs\": {\"eps\": 1}"), ERR_FORMAT, "norm_kwargs.eps' is 1, expected a number"},
        {TEXT("\"hf_tokenizer_name\": 5"), ERR_FORMAT, "hf_tokenizer_name' is 5, expected a text"},
        {TEXT("\"tokenizer_kwargs\": {\"clean\": \"upper\"}"), ERR_UNSUPPORTED,
            "'model_cfg.text_cfg.tokenizer_kwargs.clean' is \"upper\""},
        {TEXT("\"tokenizer_kwargs\": {\"reduction_mask\": \"shuffle\"}"), ERR_UNSUPPORTED,
            "reduction_mask' is \"shuffle\""},
        {TEXT("\"tokenizer_kwargs\": {\"strip_sep_token\": 1}"), ERR_UNSUPPORTED, "strip_sep_token' is 1"},
    };
    assert_refused(OPEN_CLIP, bad, sizeof bad / sizeof *bad);
}

static void a_directory_without_a_config_is_refused(void **state)
{
    (void)state;
    struct model_config config;
    struct err err;
    assert_int_equal(model_config_read(&config, DIPTYCH_SCRATCH, &err), ERR_IO);
    assert_non_null(strstr(err.msg, HF));
}

/* open_clip's docs/model_profile.csv: millions of parameters, GFLOP of one picture and of one text. */
static void shapes_have_the_published_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double params, image_gflop, text_gflop;
    } published[] = {
        {"vit-b-32", 151.28, 8.82, 5.96},
        {"vit-b-16", 149.62, 35.13, 5.96},
        {"vit-l-14", 427.62, 162.03, 13.3},
        {"vit-l-14-336", 427.94, 381.9, 13.3},
        {"vit-h-14", 986.11, 334.59, 47.09},
        {"vit-bigg-14", 2539.57, 967.5, 97.89},
    };
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        const struct model_config *config = shape(published[i].name);
        const double params = (double)(vit_params(&config->vision) + text_params(&config->text) + 1) / 1e6;
        assert_float_equal(params, published[i].params, 0.005);
        assert_float_equal(vit_flops(&config->vision) / 1e9 / published[i].image_gflop, 1, 0.02);
        assert_float_equal(text_flops(&config->text, 77) / 1e9 / published[i].text_gflop, 1, 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_hf_config_is_vit_b_32, no_files),
        cmocka_unit_test_setup(hf_keys_are_read, no_files),
        cmocka_unit_test_setup(a_legacy_dict_overrides, no_files),
        cmocka_unit_test_setup(open_clip_keys_are_read, no_files),
        cmocka_unit_test_setup(an_empty_siglip_config_is_b_16, no_files),
        cmocka_unit_test_setup(an_empty_chinese_clip_config_is_berts_base, no_files),
        cmocka_unit_test_setup(an_empty_altclip_config_is_xlm_roberta_large, no_files),
        cmocka_unit_test_setup(a_text_tower_of_transformers_is_known_by_its_name, no_files),
        cmocka_unit_test_setup(a_tower_of_timms_is_known_by_its_name, no_files),
        cmocka_unit_test_setup(texts_without_a_mask_count_with_their_padding, no_files),
        cmocka_unit_test_setup(a_class_token_sees_what_open_clip_lets_it, no_files),
        cmocka_unit_test_setup(texts_are_read_as_the_layout_has_it, no_files),
        cmocka_unit_test_setup(a_config_of_timms_gives_way_to_open_clips, no_files),
        cmocka_unit_test_setup(bad_hf_configs_are_refused, no_files),
        cmocka_unit_test_setup(bad_open_clip_configs_are_refused, no_files),
        cmocka_unit_test_setup(a_directory_without_a_config_is_refused, no_files),
        cmocka_unit_test(shapes_have_the_published_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
