// SPDX-License-Identifier: Apache-2.0
/* tokenizer_config.json and special_tokens_map.json: what reaches the ids. transformers' CLIPTokenizer takes only
 * model_max_length from there, and lower-cases whatever do_lower_case is. */
#include "text/tokenizer_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_LIMIT = 16 << 20 };

static const char *const role_keys[ROLES] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

/* By the name without "Fast". The first of a class has its defaults. */
static const struct class
{
    const char *name;
    enum tokenizer_class class;
    const char *roles[ROLES];
} classes[] = {
    {"PreTrainedTokenizer", CLASS_OTHER, {0}},
    {"SiglipTokenizer", CLASS_SIGLIP, {[ROLE_EOS] = "</s>", [ROLE_UNK] = "<unk>", [ROLE_PAD] = "</s>"}},
    {"GemmaTokenizer", CLASS_GEMMA,
        {[ROLE_BOS] = "<bos>",
            [ROLE_EOS] = "<eos>",
            [ROLE_UNK] = "<unk>",
            [ROLE_PAD] = "<pad>",
            [ROLE_MASK] = "<mask>"}},
    {"Siglip2Tokenizer", CLASS_GEMMA, {0}},
    {"T5Tokenizer", CLASS_T5, {[ROLE_EOS] = "</s>", [ROLE_UNK] = "<unk>", [ROLE_PAD] = "<pad>"}},
    {"XLMRobertaTokenizer", CLASS_XLM_R,
        {[ROLE_BOS] = "<s>",
            [ROLE_EOS] = "</s>",
            [ROLE_UNK] = "<unk>",
            [ROLE_PAD] = "<pad>",
            [ROLE_MASK] = "<mask>"}},
    {"NllbTokenizer", CLASS_NLLB,
        {[ROLE_BOS] = "<s>",
            [ROLE_EOS] = "</s>",
            [ROLE_UNK] = "<unk>",
            [ROLE_PAD] = "<pad>",
            [ROLE_MASK] = "<mask>"}},
    {"RobertaTokenizer", CLASS_ROBERTA,
        {[ROLE_BOS] = "<s>",
            [ROLE_EOS] = "</s>",
            [ROLE_UNK] = "<unk>",
            [ROLE_SEP] = "</s>",
            [ROLE_PAD] = "<pad>",
            [ROLE_CLS] = "<s>",
            [ROLE_MASK] = "<mask>"}},
    {"BertTokenizer", CLASS_BERT,
        {[ROLE_UNK] = "[UNK]",
            [ROLE_SEP] = "[SEP]",
            [ROLE_PAD] = "[PAD]",
            [ROLE_CLS] = "[CLS]",
            [ROLE_MASK] = "[MASK]"}},
};

enum { CLASSES = sizeof classes / sizeof *classes };

static enum tokenizer_class class_of(const char *name)
{
    const size_t length = name ? strlen(name) : 0;
    const size_t bare = length > 4 && !strcmp(name + length - 4, "Fast") ? length - 4 : length;
    for (size_t i = 0; i < CLASSES; i++)
        if (strlen(classes[i].name) == bare && !memcmp(classes[i].name, name, bare))
            return classes[i].class;
    return CLASS_OTHER;
}

static void default_roles(struct tokenizer_settings *settings)
{
    size_t i = 0;
    while (classes[i].class != settings->class)
        i++;
    for (size_t role = 0; role < ROLES; role++)
        if (!settings->roles[role])
            settings->roles[role] = classes[i].roles[role];
    if (!settings->language)
        settings->language = "eng_Latn";
}

void tokenizer_settings_default(struct tokenizer_settings *settings, enum tokenizer_class class)
{
    *settings = (struct tokenizer_settings){.class = class, .context = SIZE_MAX};
    default_roles(settings);
}

void tokenizer_settings_set_class(struct tokenizer_settings *settings, enum tokenizer_class class)
{
    settings->class = class;
    default_roles(settings);
}

/* Numbers as reals: for "none" transformers writes int(1e30), which is too big for an integer of JSON here. */
static int parse(json_t **out, const char *path, struct err *err)
{
    char *bytes;
    size_t size;
    json_error_t problem;
    int rc = file_read(&bytes, &size, path, CONFIG_LIMIT, err);
    if (rc)
        return rc;
    *out = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &problem);
    free(bytes);
    if (!*out)
        return err_set(err, ERR_FORMAT, "unable to parse '%s': %s (line %d, column %d, byte %d)", path,
            problem.text, problem.line, problem.column, problem.position);
    return 0;
}

/* A length with no room for start and end cuts nothing in the reference either. */
static int read_length(size_t *out, const json_t *value, const char *path, struct err *err)
{
    const double length = json_real_value(value); /* 0 of what is no number */
    if (value && !json_is_null(value) && !json_is_boolean(value) &&
        (!json_is_real(value) || length < 0 || (length < INT32_MAX && length != (double)(int32_t)length)))
        return err_set(err, ERR_FORMAT, "'%s': model_max_length is not a number of tokens", path);
    if (length >= 2 && length < INT32_MAX)
        *out = (size_t)length;
    return 0;
}

static int read_text(
    const char **out, struct tokenizer_settings *settings, const json_t *value, struct err *err)
{
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    const char *text = json_string_value(content);
    if (*out || !text || !*text)
        return 0;
    *out = arena_copy(&settings->arena, text, strlen(text));
    return *out ? 0 : err_memory(err, strlen(text));
}

static int read_roles(struct tokenizer_settings *settings, const json_t *root, struct err *err)
{
    int rc = 0;
    for (size_t role = 0; !rc && role < ROLES; role++)
        rc = read_text(&settings->roles[role], settings, json_object_get(root, role_keys[role]), err);
    return rc;
}

static int read_side(bool *left, const json_t *value, const char *path, struct err *err)
{
    const char *side = json_string_value(value);
    if (side && strcmp(side, "left") && strcmp(side, "right"))
        return err_set(err, ERR_FORMAT, "'%s': padding_side is '%.40s', not left or right", path, side);
    *left = side && !strcmp(side, "left");
    return 0;
}

static int flag(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    return json_is_boolean(value) ? (json_is_true(value) ? SAYS_YES : SAYS_NO) : SAYS_NOTHING;
}

static int read_settings(
    struct tokenizer_settings *settings, const json_t *root, const char *path, struct err *err)
{
    settings->class = class_of(json_string_value(json_object_get(root, "tokenizer_class")));
    settings->lower = flag(root, "do_lower_case");
    settings->add_bos = flag(root, "add_bos_token");
    settings->add_eos = flag(root, "add_eos_token");
    settings->split_chinese = flag(root, "tokenize_chinese_chars");
    settings->strip_accents = flag(root, "strip_accents");
    settings->add_blank = flag(root, "add_prefix_space");
    if (settings->class == CLASS_NLLB && flag(root, "legacy_behaviour") == SAYS_YES)
        return err_set(err, ERR_UNSUPPORTED,
            "'%s': legacy_behaviour is true, which puts the language behind a text", path);
    int rc = read_length(&settings->context, json_object_get(root, "model_max_length"), path, err);
    if (!rc)
        rc = read_side(&settings->pad_left, json_object_get(root, "padding_side"), path, err);
    if (!rc)
        rc = read_text(&settings->language, settings, json_object_get(root, "src_lang"), err);
    return rc ? rc : read_roles(settings, root, err);
}

static int read_file(json_t **out, struct tokenizer_settings *settings, const char **path,
    const char *directory, const char *name, struct err *err)
{
    *out = NULL;
    *path = path_join(&settings->arena, directory, name);
    if (!*path)
        return err_memory(err, 0);
    return file_exists(*path) ? parse(out, *path, err) : 0;
}

int tokenizer_settings_read(struct tokenizer_settings *settings, const char *directory, struct err *err)
{
    json_t *root, *map = NULL;
    const char *path, *ignored;
    *settings = (struct tokenizer_settings){.context = SIZE_MAX};
    int rc = read_file(&root, settings, &path, directory, "tokenizer_config.json", err);
    if (!rc && root)
        rc = read_settings(settings, root, path, err);
    if (!rc)
        rc = read_file(&map, settings, &ignored, directory, "special_tokens_map.json", err);
    if (!rc)
        rc = read_roles(settings, map, err);
    default_roles(settings);
    json_decref(root);
    json_decref(map);
    return rc;
}

void tokenizer_settings_put(FILE *out, const struct tokenizer_settings *settings)
{
    fprintf(out, "class %d context %zu left %d lower %d bos %d eos %d chinese %d accents %d language %s\n",
        (int)settings->class, settings->context, settings->pad_left, (int)settings->lower,
        (int)settings->add_bos, (int)settings->add_eos, (int)settings->split_chinese,
        (int)settings->strip_accents, settings->language);
    if (settings->add_blank)
        fprintf(out, "blank %d\n", (int)settings->add_blank);
    for (size_t role = 0; role < ROLES; role++)
        if (settings->roles[role])
            fprintf(out, "%s %s\n", role_keys[role], settings->roles[role]);
}

void tokenizer_settings_release(struct tokenizer_settings *settings)
{
    if (settings)
        arena_release(&settings->arena);
}
