// SPDX-License-Identifier: Apache-2.0
#include "joint/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one key ------------------------------------------------------------------------------------------- */

/* A value as the file has it, cut short, for messages. */
struct value_text {
    char text[64];
};

static struct value_text value_text(const json_t *value)
{
    struct value_text out;
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(out.text, sizeof out.text, "%s", dump ? dump : "?");
    free(dump);
    return out;
}

static void *field_of(struct reading *out, const struct key *key)
{
    return (char *)out + key->field;
}

static int refuse_number(const char *path, const struct key *key, const json_t *value, struct err *err)
{
    /* Lists are the reference's way to say "not the same on every axis": fine, but not here. */
    return err_set(err, json_is_array(value) ? ERR_UNSUPPORTED : ERR_FORMAT,
        "'%s%s' is %s, expected %s from %.12g to %.12g", path, key->name, value_text(value).text,
        key->kind == KEY_REAL ? "a number" : "an integer", key->min, key->max);
}

static int read_size(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    size_t *field = field_of(out, key);
    if (!value && key->fallback < key->min)
        return err_set(err, ERR_FORMAT, "'%s%s' is missing", path, key->name);
    if (value && !json_is_integer(value))
        return refuse_number(path, key, value, err);
    const double number = value ? (double)json_integer_value(value) : key->fallback;
    if (number < key->min || number > key->max)
        return refuse_number(path, key, value, err);
    *field = (size_t)number;
    return 0;
}

static int refuse_network(
    const char *path, const struct key *key, const json_t *value, const char *network, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "'%s%s' is %s: the vision tower is %s, which Diptych does not run",
        path, key->name, value_text(value).text, network);
}

static int read_layers(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    return json_is_array(value) ? refuse_network(path, key, value, "a ResNet, made of convolutions", err)
                                : read_size(out, path, key, value, err);
}

static int read_real(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    double *field = field_of(out, key);
    *field = value ? json_number_value(value) : key->fallback; /* 0, out of range, for what is no number */
    return *field < key->min || *field > key->max ? refuse_number(path, key, value, err) : 0;
}

static int read_choice(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    size_t *field = field_of(out, key);
    *field = (size_t)key->fallback;
    if (!value)
        return 0;
    const char *word =
        json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : json_string_value(value);
    for (const struct choice *choice = key->choices; word && choice->word; choice++) {
        if (!strcmp(choice->word, word)) {
            *field = choice->value;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED, "'%s%s' is %s, which is not supported", path, key->name,
        value_text(value).text);
}

static int read_name(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    if (value && !json_is_string(value))
        return err_set(
            err, ERR_FORMAT, "'%s%s' is %s, expected a text", path, key->name, value_text(value).text);
    size_t *field = field_of(out, key);
    *field = json_string_length(value) > 0;
    return 0;
}

static int read_text(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    const char **field = field_of(out, key);
    if (value && !json_is_string(value))
        return err_set(
            err, ERR_FORMAT, "'%s%s' is %s, expected a text", path, key->name, value_text(value).text);
    *field = value ? json_string_value(value) : "";
    return 0;
}

static int read_given(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    size_t *field = field_of(out, key);
    (void)path, (void)err;
    *field = value && !json_is_false(value);
    return 0;
}

static int read_timm(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    const struct timm_model **field = field_of(out, key);
    const char *name = json_string_value(value);
    if (!value || json_is_false(value) || (name && !*name))
        return 0;
    if (!name)
        return err_set(
            err, ERR_FORMAT, "'%s%s' is %s, expected a text", path, key->name, value_text(value).text);
    *field = timm_model_find(name);
    return *field ? 0 : refuse_network(path, key, value, timm_model_kind(name), err);
}

static int read_hf_text(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    const struct hf_text **field = field_of(out, key);
    const char *name = json_string_value(value);
    if (!value || json_is_false(value) || (name && !*name))
        return 0;
    *field = name ? hf_text_find(name) : NULL;
    return *field
               ? 0
               : err_set(err, ERR_UNSUPPORTED, "'%s%s' is %s: no text model of transformers' that is built",
                     path, key->name, value_text(value).text);
}

static int read_other(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err)
{
    (void)out, (void)path, (void)key, (void)value, (void)err;
    return 0;
}

static int (*const readers[])(
    struct reading *out, const char *path, const struct key *key, const json_t *value, struct err *err) = {
    [KEY_SIZE] = read_size,
    [KEY_REAL] = read_real,
    [KEY_CHOICE] = read_choice,
    [KEY_NAME] = read_name,
    [KEY_TEXT] = read_text,
    [KEY_GIVEN] = read_given,
    [KEY_LAYERS] = read_layers,
    [KEY_TIMM] = read_timm,
    [KEY_HF_TEXT] = read_hf_text,
    [KEY_OTHER] = read_other,
};

/* ---- the file ------------------------------------------------------------------------------------------ */

static bool is_known(const struct section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++) {
        if (!strcmp(section->keys[i].name, name))
            return true;
    }
    return false;
}

/* The value at a path of keys, where null is as good as nothing; NULL: it is not there. */
static const json_t *find(const json_t *root, const char *path)
{
    while (root && *path) {
        const size_t length = strcspn(path, ".");
        root = json_object_getn(root, path, length);
        path += length + (path[length] == '.');
    }
    return json_is_null(root) ? NULL : root;
}

static int read_section(struct reading *out, const struct config_format *format,
    const struct section *section, const json_t *root, struct err *err)
{
    const json_t *legacy = section->legacy ? find(root, section->legacy) : NULL;
    const json_t *object = legacy ? legacy : find(root, section->path);
    const char *path = legacy ? section->legacy : section->path;
    char prefix[64];
    if (object && !json_is_object(object))
        return err_set(err, ERR_FORMAT, "'%s' is %s, expected an object", path, value_text(object).text);
    snprintf(prefix, sizeof prefix, "%s%s", path, *path ? "." : "");

    for (size_t i = 0; i < section->count; i++) {
        const struct key *key = &section->keys[i];
        int rc = readers[key->kind](out, prefix, key, object ? find(object, key->name) : NULL, err);
        if (rc)
            return rc;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (format->strict && !is_known(section, name))
            return err_set(err, ERR_UNSUPPORTED, "'%s%s' is not a key that is supported", prefix, name);
    }
    return 0;
}

static int check_block(const char *tower, const struct transformer_config *block, struct err *err)
{
    if (!block->heads || block->width % block->heads)
        return err_set(err, ERR_FORMAT, "the %s width %zu is not a multiple of its %zu heads", tower,
            block->width, block->heads);
    if (!block->mlp_width || block->mlp_width > MLP_MAX)
        return err_set(
            err, ERR_FORMAT, "the %s MLP width is %zu, expected 1 to %d", tower, block->mlp_width, MLP_MAX);
    int rc = transformer_config_check(block, err);
    if (rc)
        err_wrap(err, "the %s tower", tower);
    return rc;
}

static int check_pool(const struct vit_config *config, struct err *err)
{
    const struct transformer_config pool = {.width = config->embed_width, .heads = config->pool_heads};
    const int rc = transformer_config_check(&pool, err);
    if (rc)
        err_wrap(err, "the vision tower's pooling by queries");
    return rc;
}

int model_config_check(const struct model_config *config, struct err *err)
{
    const struct vit_config *vision = &config->vision;
    const struct text_config *text = &config->text;
    int rc = check_block("vision", &vision->block, err);
    if (!rc)
        rc = check_block("text", &text->block, err);
    if (rc)
        return rc;
    if (vision->pooling == VISION_POOL_QUERY && (rc = check_pool(vision, err)))
        return rc;
    if (vision->image_size < vision->patch_size)
        return err_set(err, ERR_FORMAT, "image_size %zu is less than patch_size %zu", vision->image_size,
            vision->patch_size);
    if (vision->embed_width != text->embed_width)
        return err_set(err, ERR_FORMAT, "pictures have an embedding of width %zu and texts one of width %zu",
            vision->embed_width, text->embed_width);
    if (vision->embed_width % 16) /* normalize_rows loads 16 at a time */
        return err_set(
            err, ERR_UNSUPPORTED, "the embedding width %zu is not a multiple of 16", vision->embed_width);
    if (text->embedding.positions && text->context + text->embedding.first > text->embedding.positions)
        return err_set(err, ERR_FORMAT, "%zu positions are too few for texts of %zu tokens",
            text->embedding.positions, text->context);
    if (text->context < 2)
        return err_set(
            err, ERR_FORMAT, "%zu positions leave texts no room for two tokens", text->embedding.positions);
    if (text->eot_rule == EOT_FIRST && (size_t)text->eot_id >= text->vocab)
        return err_set(err, ERR_FORMAT, "the end of text has id %d, past a vocabulary of %zu",
            (int)text->eot_id, text->vocab);
    return 0;
}

size_t model_config_params(const struct model_config *config)
{
    const size_t score = config->score == SCORE_SIGMOID ? 2 : 1; /* scale and bias */
    return vit_params(&config->vision) + text_params(&config->text) + score;
}

int model_config_parse(
    struct model_config *out, const struct config_format *format, const struct json_t *root, struct err *err)
{
    struct reading reading = {0};
    for (size_t i = 0; i < format->count; i++) {
        int rc = read_section(&reading, format, &format->sections[i], root, err);
        if (rc)
            return rc;
    }
    struct model_config *config = &reading.config;
    config->layout = format->layout;
    config->vision.block.eps = (float)reading.vision_eps;
    config->text.block.eps = (float)reading.text_eps;
    config->text.eot_id = (int32_t)reading.eos_id;
    int rc = format->finish(&reading, err);
    if (!rc)
        rc = model_config_check(config, err);
    if (!rc)
        *out = reading.config;
    return rc;
}

/* ---- the formats --------------------------------------------------------------------------------------- */

const struct config_format *const config_formats[] = {&config_hf, &config_hf_metaclip_2,
    &config_hf_chinese_clip, &config_hf_altclip, &config_hf_siglip, &config_hf_siglip2, &config_open_clip,
    NULL};

const char *config_end_key(enum layout layout)
{
    const struct config_format *const *format = config_formats;
    while ((*format)->layout != layout)
        format++;
    return (*format)->end_key;
}

/* The one for a file with these contents. */
static int format_find(
    const struct config_format **out, const char *file, const json_t *root, struct err *err)
{
    const json_t *type = find(root, "model_type");
    const char *word = json_string_value(type);
    for (const struct config_format *const *format = config_formats; *format; format++) {
        const char *wanted = (*format)->model_type;
        if (!strcmp((*format)->file, file) && (!wanted || !type || (word && !strcmp(wanted, word)))) {
            *out = *format;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED, "'model_type' is %s, which is not supported", value_text(type).text);
}

/* ---- the directory ------------------------------------------------------------------------------------- */

static int read_file(
    json_t **out, struct arena *arena, const char *directory, const char *file, struct err *err)
{
    enum { CONFIG_MAX = 1 << 20 };
    const char *path = path_join(arena, directory, file);
    return path ? json_read(out, path, CONFIG_MAX, err) : err_memory(err, strlen(directory));
}

static bool has_file(struct arena *arena, const char *directory, const char *file)
{
    const char *path = path_join(arena, directory, file);
    return path && file_exists(path);
}

static int read_files(struct model_config *out, struct arena *arena, const char *directory, struct err *err)
{
    const char *const hf = config_hf.file, *const open_clip = config_open_clip.file;
    const struct config_format *format = NULL;
    json_t *root = NULL;
    const bool has_open_clip = has_file(arena, directory, open_clip);
    const char *file = has_open_clip && !has_file(arena, directory, hf) ? open_clip : hf;

    int rc = read_file(&root, arena, directory, file, err);
    /* timm's repositories have a config.json of their own kind beside open_clip's. */
    if (!rc && file == hf && has_open_clip && !json_object_get(root, "model_type")) {
        json_decref(root);
        root = NULL;
        file = open_clip;
        rc = read_file(&root, arena, directory, file, err);
    }
    if (!rc &&
        ((rc = format_find(&format, file, root, err)) || (rc = model_config_parse(out, format, root, err))))
        err_wrap(err, "cannot load '%s/%s'", directory, file);
    json_decref(root);
    return rc;
}

/* *found: there are weights of TorchScript, and this is what they say; or they are damaged. */
static int read_weights(bool *found, struct model_config *out, const char *path, struct err *err)
{
    struct weights *weights = NULL;
    int rc = weights_open(&weights, path, err);
    *found = rc ? rc != ERR_IO : weights_script(weights);
    if (!rc && *found && (rc = model_config_of_weights(out, weights, err)))
        err_wrap(err, "cannot load '%s'", path);
    weights_free(weights);
    return rc;
}

int model_config_read(struct model_config *out, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *folder = path;
    bool found = false;
    int rc = path_folder(&folder, path, &arena, err);
    if (!rc && !has_file(&arena, folder, config_hf.file) && !has_file(&arena, folder, config_open_clip.file))
        rc = read_weights(&found, out, path, err);
    if (!found && rc != ERR_MEMORY)
        rc = read_files(out, &arena, folder, err);
    arena_release(&arena);
    return rc;
}

int model_preprocess_read(
    struct preprocess *out, const struct model_config *config, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *folder = path;
    int rc = path_folder(&folder, path, &arena, err);
    const int size = (int)config->vision.image_size;
    struct preprocess otherwise =
        config->layout == LAYOUT_HF ? config->family->preprocess(size) : preprocess_default(size);
    otherwise.patch = (int)config->vision.patch_size;
    if (!rc)
        rc = preprocess_load(out, folder, &otherwise, err);
    if (!rc && out->patch != otherwise.patch)
        rc = err_set(err, ERR_FORMAT, "pictures are prepared in patches of %d pixels, the model takes %d",
            out->patch, otherwise.patch);
    if (!rc && config->no_file) { /* open_clip's way was OpenAI's */
        out->crop_rounding = CROP_HALF_EVEN;
        out->rgb_order = RGB_LAST;
        out->source = "none, as OpenAI's models come";
    }
    arena_release(&arena);
    return rc;
}
