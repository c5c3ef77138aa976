// SPDX-License-Identifier: Apache-2.0
/* What a converted model has beside its weights. Facts: save_pretrained of CLIPModel and CLIPImageProcessor in
 * transformers 5.23, whose older releases read these files too. */
#include "joint/config.h"
#include "joint/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int copy_one(const char *to, const char *from, const char *name, struct arena *arena, struct err *err)
{
    const char *source = path_join(arena, from, name), *target = path_join(arena, to, name);
    if (!source || !target)
        return err_memory(err, strlen(from));
    return file_exists(source) ? file_copy(target, source, err) : 0;
}

static int copy_all(
    const char *to, const char *from, const char *const names[], struct arena *arena, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; names[i] && !rc; i++)
        rc = copy_one(to, from, names[i], arena, err);
    return rc;
}

int convert_write_json(
    struct json_t *root, const char *to, const char *name, struct arena *arena, struct err *err)
{
    struct new_file file;
    const char *path = path_join(arena, to, name);
    if (!root || !path)
        return err_memory(err, 0);
    int rc = new_file_open(&file, path, err);
    if (rc)
        return rc;
    /* As many digits as a double keeps of a text: 1e-5 stays that, and is not 1.0000000000000001e-5. */
    const size_t as_typed = JSON_REAL_PRECISION(15);
    const bool dumped = !json_dumpf(root, file.stream, JSON_INDENT(2) | as_typed);
    fputc('\n', file.stream);
    rc = new_file_close(&file, dumped, err);
    return rc || dumped ? rc : err_memory(err, 0);
}

/* ---- the config ---------------------------------------------------------------------------------------- */

/* A float32 without the digits that only a double has. */
static json_t *real(float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)value);
    return json_real(strtod(text, NULL));
}

static json_t *block_json(const struct transformer_config *block, const char *type)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:o}", "model_type", type, "hidden_size",
        (json_int_t)block->width, "intermediate_size", (json_int_t)block->mlp_width, "num_hidden_layers",
        (json_int_t)block->layers, "num_attention_heads", (json_int_t)block->heads, "hidden_act",
        config_hf_activation(block->activation), "layer_norm_eps", real(block->eps));
}

static json_t *vision_json(const struct vit_config *config)
{
    json_t *vision = block_json(&config->block, "clip_vision_model");
    json_object_update_new(
        vision, json_pack("{s:I, s:I, s:I, s:i}", "image_size", (json_int_t)config->image_size, "patch_size",
                    (json_int_t)config->patch_size, "projection_dim", (json_int_t)config->embed_width,
                    "num_channels", 3));
    return vision;
}

/* transformers pools the token with the highest id where the end of text is said to be 2, as in OpenAI's own configs,
 * which have the other two as well. */
static json_t *text_json(const struct text_config *config)
{
    const bool first = config->eot_rule == EOT_FIRST;
    json_t *text = block_json(&config->block, "clip_text_model");
    json_object_update_new(
        text, json_pack("{s:I, s:I, s:I, s:I, s:I, s:i}", "vocab_size", (json_int_t)config->vocab,
                  "max_position_embeddings", (json_int_t)config->context, "projection_dim",
                  (json_int_t)config->embed_width, "eos_token_id", first ? (json_int_t)config->eot_id : 2,
                  "bos_token_id", first ? (json_int_t)config->eot_id - 1 : 0, "pad_token_id", 1));
    return text;
}

static json_t *config_json(const struct model_config *config)
{
    return json_pack("{s:[s], s:s, s:I, s:f, s:o, s:o}", "architectures", "CLIPModel", "model_type", "clip",
        "projection_dim", (json_int_t)config->vision.embed_width, "logit_scale_init_value", 2.6592,
        "vision_config", vision_json(&config->vision), "text_config", text_json(&config->text));
}

/* Its own, where it has one of this kind: there is more in it than is read. */
static int write_config(const char *to, const char *from, const struct model_config *config, enum dtype dtype,
    struct arena *arena, struct err *err)
{
    enum { CONFIG_MAX = 1 << 20 };
    static const char *const names[] = {
        [DTYPE_F32] = "float32", [DTYPE_F16] = "float16", [DTYPE_BF16] = "bfloat16"};
    const char *path = path_join(arena, from, config_hf.file);
    json_t *root = NULL;
    int rc = path ? 0 : err_memory(err, strlen(from));
    if (!rc && config->layout == LAYOUT_HF)
        rc = json_read(&root, path, CONFIG_MAX, err);
    else if (!rc)
        root = config_json(config);
    if (root) {
        json_object_del(root, "torch_dtype"); /* what it was called before transformers 5 */
        json_object_set_new(root, "dtype", json_string(names[dtype]));
    }
    if (!rc)
        rc = convert_write_json(root, to, config_hf.file, arena, err);
    json_decref(root);
    return rc;
}

/* ---- preprocessing ------------------------------------------------------------------------------------- */

static json_t *triple(const float values[3])
{
    return json_pack("[o, o, o]", real(values[0]), real(values[1]), real(values[2]));
}

static json_t *square(int edge)
{
    return json_pack("{s:i, s:i}", "height", edge, "width", edge);
}

static json_t *preprocess_json(const struct preprocess *preprocess)
{
    const bool squash = preprocess->resize_mode == RESIZE_SQUASH;
    json_t *size =
        squash ? square(preprocess->resize) : json_pack("{s:i}", "shortest_edge", preprocess->resize);
    return json_pack("{s:s, s:b, s:b, s:o, s:i, s:b, s:o, s:b, s:o, s:b, s:o, s:o}", "image_processor_type",
        "CLIPImageProcessor", "do_convert_rgb", 1, "do_resize", 1, "size", size, "resample",
        (int)preprocess->resample, "do_center_crop", !squash, "crop_size", square(preprocess->crop),
        "do_rescale", 1, "rescale_factor", real(preprocess->scale), "do_normalize", 1, "image_mean",
        triple(preprocess->mean), "image_std", triple(preprocess->std));
}

static int write_preprocess(
    const char *to, const struct preprocess *preprocess, struct arena *arena, struct err *err)
{
    json_t *root = preprocess_json(preprocess);
    const int rc = convert_write_json(root, to, "preprocessor_config.json", arena, err);
    json_decref(root);
    return rc;
}

/* ---- the tokenizer ------------------------------------------------------------------------------------- */

/* Every CLIP model of OpenAI's has these. */
static json_t *tokenizer_json(const struct model_config *config)
{
    static const char end[] = "<|endoftext|>";
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "tokenizer_class", "CLIPTokenizer", "model_max_length",
        (json_int_t)config->text.context, "bos_token", "<|startoftext|>", "eos_token", end, "pad_token", end,
        "unk_token", end);
}

/* Files as they are; but transformers does not read OpenAI's vocabulary, so where it is alone, the same in files that
 * it does. */
static int write_tokenizer(const char *to, const char *from, const struct model_config *config,
    const struct model_conversion *conversion, struct arena *arena, struct err *err)
{
    static const char openai[] = "bpe_simple_vocab_16e6.txt.gz";
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
        "special_tokens_map.json", "added_tokens.json", "spiece.model", "sentencepiece.bpe.model",
        "tokenizer.model", "vocab.txt", NULL};
    const char *vocabulary = path_join(arena, from, openai), *fast = path_join(arena, from, names[0]),
               *slow = path_join(arena, from, names[2]);
    if (!vocabulary || !fast || !slow)
        return err_memory(err, strlen(from));
    if (conversion->layout == LAYOUT_OPEN_CLIP || !file_exists(vocabulary) || file_exists(fast) ||
        file_exists(slow)) {
        const int rc = copy_all(to, from, names, arena, err);
        return rc ? rc : copy_one(to, from, openai, arena, err);
    }
    json_t *settings = tokenizer_json(config);
    int rc = convert_write_json(settings, to, names[1], arena, err);
    json_decref(settings);
    return rc ? rc : convert_vocabulary(to, vocabulary, err);
}

int convert_scope(const char *to, const char *from, struct err *err)
{
    struct arena arena = {0};
    const int rc = copy_one(to, from, SCOPE_FILE, &arena, err);
    arena_release(&arena);
    return rc;
}

int convert_files(const char *to, const char *from, const struct model_config *config,
    const struct preprocess *preprocess, const struct model_conversion *conversion, struct err *err)
{
    static const char *const processor[] = {"processor_config.json", "preprocessor_config.json", NULL};
    struct arena arena = {0};
    int rc = write_tokenizer(to, from, config, conversion, &arena, err);
    if (!rc && conversion->layout == LAYOUT_OPEN_CLIP)
        rc = copy_one(to, from, config_open_clip.file, &arena, err);
    else if (!rc && !(rc = write_config(to, from, config, conversion->dtype, &arena, err)))
        rc = config->layout == LAYOUT_HF ? copy_all(to, from, processor, &arena, err)
                                         : write_preprocess(to, preprocess, &arena, err);
    arena_release(&arena);
    return rc;
}
