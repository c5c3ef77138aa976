// SPDX-License-Identifier: Apache-2.0
/*
 * The names of an adapter's tensors. peft's are those of modules as transformers has them, and what they are to the module:
 *
 *   base_model.model.vision_model.encoder.layers.0.self_attn.q_proj.lora_A.weight
 *   base_model.model.vision_model.post_layernorm.bias                                 trained itself
 *   base_model.model.vision_model.encoder.layers.0.mlp.fc1.base_layer.bias            likewise, below an adapter
 *
 * Who saves a model's state without peft's help gets the adapter's own name in them, "lora_A.default.weight", and
 * "modules_to_save.default.weight". A CLIPTextModel or CLIPVisionModel of transformers 5 has no "text_model." or
 * "vision_model." in its names, so there an adapter does not tell for which tower it is; its config does, but for one with a
 * task_type, and then the widths of its tensors may.
 *
 * kohya-ss has underscores for dots, and in one file what is for several networks:
 *
 *   lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight
 */
#include "joint/adapter.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a name says ---------------------------------------------------------------------------------- */

struct form {
    const char *mark, *rest; /* a name may stand between them */
    enum adapter_part part;
};

static const struct form peft_forms[] = {
    {".lora_A", ".weight", ADAPTER_DOWN},
    {".lora_B", ".weight", ADAPTER_UP},
    {".lora_B", ".bias", ADAPTER_UP_BIAS},
    {".lora_magnitude_vector", ".weight", ADAPTER_MAGNITUDE},
    {".lora_magnitude_vector", "", ADAPTER_MAGNITUDE},
    {".lora_embedding_A", "", ADAPTER_EMBEDDING_DOWN},
    {".lora_embedding_B", "", ADAPTER_EMBEDDING_UP},
};

static const struct form kohya_forms[] = {
    {".lora_down", ".weight", ADAPTER_DOWN},
    {".lora_up", ".weight", ADAPTER_UP},
    {".alpha", "", ADAPTER_ALPHA},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool ends_so(struct span text, const char *ending)
{
    const size_t length = strlen(ending);
    return text.length >= length && !memcmp(text.data + text.length - length, ending, length);
}

/* The module, and the adapter's own name; false: the form is another one. */
static bool takes_form(
    struct span *module, struct span *name, const struct form *form, const char *key, bool named)
{
    const char *mark = strstr(key, form->mark);
    if (!mark)
        return false;
    struct span behind = span_of(mark + strlen(form->mark));
    if (!ends_so(behind, form->rest))
        return false;
    behind.length -= strlen(form->rest);
    if (named ? !span_take(&behind, ".") || !behind.length || memchr(behind.data, '.', behind.length)
              : behind.length > 0)
        return false;
    *module = (struct span){key, (size_t)(mark - key)};
    *name = behind;
    return true;
}

/* One tensor's name, taken apart. */
struct parsed {
    struct span module, name;
    enum adapter_part part;
};

static struct parsed parse(const char *key, const struct form *forms, size_t count)
{
    struct parsed parsed = {.module = span_of(key), .part = ADAPTER_VALUE};
    for (int named = 0; named < 2; named++)
        for (size_t i = 0; i < count; i++)
            if (takes_form(&parsed.module, &parsed.name, &forms[i], key, named)) {
                parsed.part = forms[i].part;
                return parsed;
            }
    return parsed;
}

/* ---- what the model calls it --------------------------------------------------------------------------- */

static bool is_there(const struct weights *model, const char *name)
{
    size_t shape[WEIGHT_RANK_MAX];
    int rank;
    return weights_shape(&rank, shape, model, name);
}

/* prefix and name without what stands from `at` on, so many characters. */
static char *without(struct arena *arena, const char *prefix, struct span name, size_t at, size_t length)
{
    char *out = arena_alloc(arena, strlen(prefix) + name.length + 1);
    if (out) {
        char *end = stpcpy(out, prefix);
        memcpy(end, name.data, at);
        memcpy(end + at, name.data + at + length, name.length - at - length);
    }
    return out;
}

/* The tensor that such a one takes the place of. */
static char *value_name(
    struct arena *arena, const char *prefix, struct span name, const struct weights *model)
{
    static const char *const inside[] = {".base_layer", ".modules_to_save"};
    char *out = without(arena, prefix, name, 0, 0);
    for (size_t i = 0; i < COUNT(inside) && out; i++) {
        const char *at = memmem(name.data, name.length, inside[i], strlen(inside[i]));
        if (!at)
            continue;
        const size_t before = (size_t)(at - name.data), length = strlen(inside[i]);
        const char *dot = memchr(at + length + 1, '.', name.length - before - length - 1);
        out = without(arena, prefix, name, before, length);
        if (out && dot && !is_there(model, out)) /* the adapter's own name is there, too */
            out = without(arena, prefix, name, before, (size_t)(dot - at));
    }
    return out;
}

/* A tensor of the module: its weight, or that of a MultiheadAttention. */
static bool has_module(const struct weights *model, const char *module, struct arena *arena)
{
    char *weight = without(arena, module, span_of(".weight"), 0, 0);
    char *fused = without(arena, module, span_of(".in_proj_weight"), 0, 0);
    return weight && fused && (is_there(model, weight) || is_there(model, fused));
}

/* NULL where the model has nothing of that name, or there is no memory to say it. */
static const char *find_module(
    struct arena *arena, const char *prefix, const struct parsed *parsed, const struct weights *model)
{
    const bool value = parsed->part == ADAPTER_VALUE;
    char *name = value ? value_name(arena, prefix, parsed->module, model)
                       : without(arena, prefix, parsed->module, 0, 0);
    return name && (value ? is_there(model, name) : has_module(model, name, arena)) ? name : NULL;
}

/* ---- all tensors --------------------------------------------------------------------------------------- */

static int by_module(const void *left, const void *right)
{
    const struct adapter_key *a = left, *b = right;
    const int order = strcmp(a->module, b->module);
    return order ? order : (int)a->part - (int)b->part;
}

static int sort_keys(struct adapter_keys *keys, struct err *err)
{
    if (!keys->count)
        return err_set(err, ERR_FORMAT, "no tensor in it is of an adapter for this model");
    qsort(keys->items, keys->count, sizeof *keys->items, by_module);
    for (size_t i = 1; i < keys->count; i++)
        if (!by_module(&keys->items[i - 1], &keys->items[i]))
            return err_set(err, ERR_FORMAT, "tensors '%s' and '%s' are for the same",
                keys->items[i - 1].tensor->name, keys->items[i].tensor->name);
    return 0;
}

static int new_keys(struct adapter_keys *out, const struct weights *tensors, struct err *err)
{
    const size_t count = weights_count(tensors);
    *out = (struct adapter_keys){.items = mem_new(count, sizeof *out->items)};
    return out->items ? 0 : err_memory(err, count * sizeof *out->items);
}

void adapter_keys_release(struct adapter_keys *keys)
{
    free(keys->items);
    arena_release(&keys->arena);
    *keys = (struct adapter_keys){0};
}

/* ---- peft ---------------------------------------------------------------------------------------------- */

/* Wrapped once more, a model has the prefix once more. */
static struct parsed parse_peft(const struct weight *tensor)
{
    static const char prefix[] = "base_model.model.";
    const char *key = tensor->name;
    while (!strncmp(key, prefix, strlen(prefix)))
        key += strlen(prefix);
    return parse(key, peft_forms, COUNT(peft_forms));
}

/* A file with several adapters' tensors would have to be told which. */
static int check_names(const struct weights *tensors, struct err *err)
{
    struct span first = {0};
    for (size_t i = 0; i < weights_count(tensors); i++) {
        const struct parsed parsed = parse_peft(weights_at(tensors, i));
        if (parsed.part == ADAPTER_VALUE)
            continue;
        if (!first.data)
            first = parsed.name;
        if (!span_equal(first, parsed.name))
            return err_set(err, ERR_UNSUPPORTED, "it has several adapters in it, '%.*s' and '%.*s'",
                (int)first.length, first.data, (int)parsed.name.length, parsed.name.data);
    }
    return 0;
}

/* Whether a tensor has the lengths that the module of the model asks for, whatever the rank. */
static bool fits(const struct weight *tensor, enum adapter_part part, const char *module,
    const struct weights *model, struct arena *arena)
{
    char *name = part == ADAPTER_VALUE ? (char *)module : without(arena, module, span_of(".weight"), 0, 0);
    size_t shape[WEIGHT_RANK_MAX];
    int rank;
    if (!name || !weights_shape(&rank, shape, model, name) || !tensor->rank)
        return false;
    const size_t last = tensor->shape[tensor->rank - 1];
    return part == ADAPTER_DOWN ? last == shape[rank - 1]
           : part == ADAPTER_UP ? tensor->shape[0] == shape[0]
                                : true;
}

/* How a prefix does: 0, a tensor is of no module then; 1, all are; 2, and they fit. */
static int try_prefix(const struct weights *tensors, const char *prefix, const struct weights *model)
{
    struct arena arena = {0};
    int best = 2;
    for (size_t i = 0; i < weights_count(tensors) && best; i++) {
        const struct weight *tensor = weights_at(tensors, i);
        const struct parsed parsed = parse_peft(tensor);
        const char *module = find_module(&arena, prefix, &parsed, model);
        if (!module)
            best = 0;
        else if (!fits(tensor, parsed.part, module, model, &arena))
            best = 1;
    }
    arena_release(&arena);
    return best;
}

/* What the names lack that the model's have. */
static int find_prefix(const char **out, const struct weights *tensors, const struct adapter_config *config,
    const struct weights *model, struct err *err)
{
    static const struct tower {
        const char *prefix, *class;
    } towers[] = {{"text_model.", "TextModel"}, {"vision_model.", "VisionModel"}};
    int best = 0;
    *out = "";
    if (try_prefix(tensors, "", model))
        return 0;
    for (size_t i = 0; i < COUNT(towers); i++) {
        const int done = try_prefix(tensors, towers[i].prefix, model);
        if (done && config->base_class && strstr(config->base_class, towers[i].class)) {
            *out = towers[i].prefix;
            return 0;
        }
        if (done && done == best)
            return err_set(err, ERR_UNSUPPORTED,
                "its tensors may be for either tower, and the 'auto_mapping' of its config does not say for "
                "which");
        if (done > best) {
            best = done;
            *out = towers[i].prefix;
        }
    }
    return 0;
}

int adapter_keys_peft(struct adapter_keys *out, const struct weights *tensors,
    const struct adapter_config *config, const struct weights *model, struct err *err)
{
    const char *prefix;
    int rc = new_keys(out, tensors, err);
    if (!rc)
        rc = check_names(tensors, err);
    if (!rc)
        rc = find_prefix(&prefix, tensors, config, model, err);
    for (size_t i = 0; i < weights_count(tensors) && !rc; i++) {
        const struct weight *tensor = weights_at(tensors, i);
        const struct parsed parsed = parse_peft(tensor);
        const char *module = find_module(&out->arena, prefix, &parsed, model);
        out->items[out->count++] = (struct adapter_key){module, parsed.part, tensor};
        if (!module)
            rc = err_set(err, ERR_FORMAT, "tensor '%s' is for nothing that this model has", tensor->name);
    }
    return rc ? rc : sort_keys(out, err);
}

/* ---- kohya-ss ------------------------------------------------------------------------------------------ */

/* What its files are for: text encoders, in Stable Diffusion XL two of them, and a network that makes pictures. */
static const char *const networks[] = {"lora_te_", "lora_te1_", "lora_te2_", "lora_unet_"};

enum { TEXT_ENCODERS = 3 };

static bool begins_so(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

/* "text_model_encoder_layers_11_mlp_fc1" to its dotted name; NULL where it is no module of a text encoder, or there is no
 * memory. */
static const char *dotted_name(struct arena *arena, struct span module)
{
    static const char *const modules[][2] = {{"self_attn_q_proj", "self_attn.q_proj"},
        {"self_attn_k_proj", "self_attn.k_proj"}, {"self_attn_v_proj", "self_attn.v_proj"},
        {"self_attn_out_proj", "self_attn.out_proj"}, {"mlp_fc1", "mlp.fc1"}, {"mlp_fc2", "mlp.fc2"}};
    uint32_t layer;
    if (span_equal(module, span_of("text_projection")))
        return "text_projection";
    if (!span_take(&module, "text_model_encoder_layers_") || !span_take_number(&layer, &module) ||
        !span_take(&module, "_"))
        return NULL;
    for (size_t i = 0; i < COUNT(modules); i++) {
        char name[128];
        if (!span_equal(module, span_of(modules[i][0])))
            continue;
        const int length =
            snprintf(name, sizeof name, "text_model.encoder.layers.%u.%s", (unsigned)layer, modules[i][1]);
        return arena_copy(arena, name, (size_t)length);
    }
    return NULL;
}

/* The module of a tensor of that network; NULL likewise, or where the model has none. */
static const char *kohya_module(struct arena *arena, enum adapter_part *part, const struct weight *tensor,
    const char *network, const struct weights *model)
{
    const struct parsed parsed = parse(tensor->name, kohya_forms, COUNT(kohya_forms));
    const char *module = dotted_name(arena, span_from(parsed.module, strlen(network)));
    *part = parsed.part;
    return parsed.part != ADAPTER_VALUE && module && has_module(model, module, arena) ? module : NULL;
}

/* Whether a file's tensors for that network fit the model, and there are any. */
static bool network_fits(const struct weights *tensors, const char *network, const struct weights *model)
{
    struct arena arena = {0};
    size_t fitting = 0;
    bool all = true;
    for (size_t i = 0; i < weights_count(tensors) && all; i++) {
        const struct weight *tensor = weights_at(tensors, i);
        enum adapter_part part;
        if (!begins_so(tensor->name, network))
            continue;
        const char *module = kohya_module(&arena, &part, tensor, network, model);
        all = module && (part == ADAPTER_ALPHA || fits(tensor, part, module, model, &arena));
        fitting += all;
    }
    arena_release(&arena);
    return all && fitting;
}

/* The first of the text encoders that fits, or else that is there. */
static const char *find_network(const struct weights *tensors, const struct weights *model)
{
    for (size_t i = 0; i < TEXT_ENCODERS; i++)
        if (network_fits(tensors, networks[i], model))
            return networks[i];
    for (size_t i = 0; i < TEXT_ENCODERS; i++)
        for (size_t k = 0; k < weights_count(tensors); k++)
            if (begins_so(weights_at(tensors, k)->name, networks[i]))
                return networks[i];
    return NULL;
}

static bool is_of_network(const char *name)
{
    for (size_t i = 0; i < COUNT(networks); i++)
        if (begins_so(name, networks[i]))
            return true;
    return false;
}

int adapter_keys_kohya(
    struct adapter_keys *out, const struct weights *tensors, const struct weights *model, struct err *err)
{
    const char *network = find_network(tensors, model);
    int rc = new_keys(out, tensors, err);
    for (size_t i = 0; i < weights_count(tensors) && !rc; i++) {
        const struct weight *tensor = weights_at(tensors, i);
        enum adapter_part part;
        if (!is_of_network(tensor->name)) {
            rc = err_set(err, ERR_UNSUPPORTED,
                "tensor '%s' is of no adapter that Diptych knows: peft's have an adapter_config.json beside "
                "them, and "
                "those of kohya-ss begin with 'lora_te'",
                tensor->name);
            break;
        }
        if (!network || !begins_so(tensor->name, network)) {
            out->others++;
            continue;
        }
        const char *module = kohya_module(&out->arena, &part, tensor, network, model);
        out->items[out->count++] = (struct adapter_key){module, part, tensor};
        if (!module)
            rc = err_set(err, ERR_FORMAT, "tensor '%s' is for nothing that this model has", tensor->name);
    }
    return rc ? rc : sort_keys(out, err);
}
