// SPDX-License-Identifier: Apache-2.0
/* adapter_config.json: what of LoraConfig says how tensors are to be used. What says how they were trained, or to which modules
 * of the model they belong, is in the names of the tensors too, and is not looked at. */
#include "joint/adapter.h"

#include <jansson.h>
#include <math.h>
#include <regex.h>
#include <string.h>

/* Keys whose value does not matter here. */
static const char *const passed_over[] = {"alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias",
    "corda_config", "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out",
    "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config",
    "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config", "megatron_core", "modules_to_save",
    "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config",
    "target_modules", "task_type", "use_dora", "use_rslora"};

/* Initial values that leave the base weights as they are. The others (PiSSA, OLoRA, CorDA, LoftQ ...) take something out of
 * them, which peft does again whenever it loads such an adapter; saved with path_initial_model_for_weight_conversion it
 * is one of these. */
static const char *const plain_starts[] = {"gaussian", "eva", "orthogonal"};

static bool is_in(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i], text))
            return true;
    return false;
}

#define IS_IN(list, text) is_in(list, sizeof list / sizeof *(list), text)

/* null, false, 0, "", {} and []: what a setting is that is not used. */
static bool is_unset(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_number(value) && !json_number_value(value)) ||
           (json_is_string(value) && !*json_string_value(value)) ||
           (json_is_object(value) && !json_object_size(value)) ||
           (json_is_array(value) && !json_array_size(value));
}

static int check_unknown(const json_t *root, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        if (!IS_IN(passed_over, key) && !is_unset(value))
            return err_set(err, ERR_UNSUPPORTED, "'%s' is set, which is not supported", key);
    }
    return 0;
}

static int check_start(const json_t *root, struct err *err)
{
    const char *start = json_string_value(json_object_get(root, "init_lora_weights"));
    if (!start || IS_IN(plain_starts, start))
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
        "'init_lora_weights' is '%s', so it belongs to weights of which a part was taken out; save it for "
        "those of the "
        "model, with path_initial_model_for_weight_conversion",
        start);
}

static int check_type(const json_t *root, struct err *err)
{
    const char *type = json_string_value(json_object_get(root, "peft_type"));
    if (type && !strcmp(type, "LORA"))
        return 0;
    return err_set(
        err, ERR_UNSUPPORTED, "'peft_type' is '%s', where only LORA is supported", type ? type : "");
}

/* A boolean that may be left out or null. */
static int read_bool(bool *out, const json_t *root, const char *key, struct err *err)
{
    const json_t *value = json_object_get(root, key);
    *out = json_is_true(value);
    if (!value || json_is_boolean(value) || json_is_null(value))
        return 0;
    return err_set(err, ERR_FORMAT, "'%s' is neither true nor false", key);
}

static int read_rank(size_t *out, const json_t *value, const char *key, struct err *err)
{
    enum { RANK_MAX = 1 << 16 };
    const json_int_t rank = json_integer_value(value);
    if (!json_is_integer(value) || rank < 1 || rank > RANK_MAX)
        return err_set(err, ERR_FORMAT, "the rank of '%s' is no number from 1 to %d", key, RANK_MAX);
    *out = (size_t)rank;
    return 0;
}

static int read_alpha(double *out, const json_t *value, const char *key, struct err *err)
{
    *out = json_number_value(value);
    if (!json_is_number(value) || !isfinite(*out))
        return err_set(err, ERR_FORMAT, "the alpha of '%s' is no number", key);
    return 0;
}

static int read_all(struct adapter_config *out, struct err *err)
{
    const json_t *root = out->root;
    int rc;
    if ((rc = check_type(root, err)) || (rc = check_unknown(root, err)) || (rc = check_start(root, err)) ||
        (rc = read_rank(&out->rank, json_object_get(root, "r"), "r", err)) ||
        (rc = read_alpha(&out->alpha, json_object_get(root, "lora_alpha"), "lora_alpha", err)) ||
        (rc = read_bool(&out->rank_stabilized, root, "use_rslora", err)) ||
        (rc = read_bool(&out->dora, root, "use_dora", err)))
        return rc;
    out->base_class =
        json_string_value(json_object_get(json_object_get(root, "auto_mapping"), "base_model_class"));
    out->base_model = json_string_value(json_object_get(root, "base_model_name_or_path"));
    return 0;
}

int adapter_config_read(struct adapter_config *out, const char *path, struct err *err)
{
    enum { CONFIG_MAX = 1 << 20 };
    *out = (struct adapter_config){0};
    int rc = json_read(&out->root, path, CONFIG_MAX, err);
    if (!rc && (rc = read_all(out, err)))
        err_wrap(err, "cannot load '%s'", path);
    return rc;
}

void adapter_config_release(struct adapter_config *config)
{
    json_decref(config->root);
    config->root = NULL;
}

/* ---- patterns ------------------------------------------------------------------------------------------ */

/* Python's regular expression as POSIX has it, of what people write there. false: it says more than that. */
static bool to_posix(char *out, size_t size, const char *python)
{
    const int used = snprintf(out, size, "^(.*\\.)?(");
    size_t length = used > 0 ? (size_t)used : 0;
    for (const char *at = python; *at; at++) {
        const char *piece = at;
        size_t count = 1;
        if (!strncmp(at, "\\d", 2)) {
            piece = "[0-9]";
            count = strlen(piece);
            at++;
        } else if (!strncmp(at, "(?:", 3)) {
            at += 2;
        } else if (!strncmp(at, "(?", 2)) {
            return false;
        } else if (*at == '\\' && at[1]) {
            count = 2;
            at++;
        }
        if (length + count + sizeof ")$" > size)
            return false;
        memcpy(out + length, piece, count);
        length += count;
    }
    strcpy(out + length, ")$");
    return true;
}

/* Whether a module is one that the pattern means: by its name, or the end of it behind a dot. */
static int matches(bool *out, const char *pattern, const char *module, struct err *err)
{
    char posix[1024];
    regex_t compiled;
    if (!to_posix(posix, sizeof posix, pattern) || regcomp(&compiled, posix, REG_EXTENDED | REG_NOSUB))
        return err_set(err, ERR_UNSUPPORTED, "the pattern '%s' is not understood", pattern);
    *out = !regexec(&compiled, module, 0, NULL, 0);
    regfree(&compiled);
    return 0;
}

/* *out: what the first pattern says that means the module; NULL: none does. */
static int find_pattern(
    const json_t **out, const json_t *root, const char *name, const char *module, struct err *err)
{
    json_t *patterns = json_object_get(root, name), *value;
    const char *pattern;
    int rc = 0;
    *out = NULL;
    json_object_foreach(patterns, pattern, value)
    {
        bool is_meant = false;
        if (!*out && !rc)
            rc = matches(&is_meant, pattern, module, err);
        if (is_meant)
            *out = value;
    }
    return rc;
}

int adapter_config_module(
    size_t *rank, double *alpha, const struct adapter_config *config, const char *module, struct err *err)
{
    const json_t *its_rank = NULL, *its_alpha = NULL;
    *rank = config->rank;
    *alpha = config->alpha;
    int rc = find_pattern(&its_rank, config->root, "rank_pattern", module, err);
    if (!rc && its_rank)
        rc = read_rank(rank, its_rank, module, err);
    if (!rc)
        rc = find_pattern(&its_alpha, config->root, "alpha_pattern", module, err);
    if (!rc && its_alpha)
        rc = read_alpha(alpha, its_alpha, module, err);
    if (rc)
        err_wrap(err, "cannot use its adapter_config.json");
    return rc;
}
