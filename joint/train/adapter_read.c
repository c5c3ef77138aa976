// SPDX-License-Identifier: Apache-2.0
/* An adapter that training goes on with: what it was trained with is read from its config and from which matrices it changes. */
#include "joint/adapter.h"
#include "joint/train/trained_model.h"

#include <string.h>

/* What is known of an adapter so far. */
struct reading {
    struct lora_options lora; /* rank 0: of no module yet */
    size_t changed[LORA_TARGETS];
};

/* The target that a module is, of a block of either tower; false: it is none. */
static bool target_of(enum lora_target *out, const char *module)
{
    static const char *const parts[] = {"self_attn.", "mlp."};
    struct span rest = span_of(module);
    uint32_t layer;
    const bool in_tower = span_take(&rest, "text_model.") || span_take(&rest, "vision_model.");
    if (!in_tower || !span_take(&rest, "encoder.layers.") || !span_take_number(&layer, &rest) ||
        !span_take(&rest, ".") || !(span_take(&rest, parts[0]) || span_take(&rest, parts[1])))
        return false;
    for (unsigned i = 0; i < LORA_TARGETS; i++)
        if (span_equal(rest, span_of(lora_target_names[i]))) {
            *out = (enum lora_target)i;
            return true;
        }
    return false;
}

static int add_key(struct reading *reading, const struct adapter_key *key,
    const struct adapter_config *config, struct err *err)
{
    struct lora_options *lora = &reading->lora;
    enum lora_target target;
    size_t rank;
    double alpha;
    if ((key->part != ADAPTER_DOWN && key->part != ADAPTER_UP) || !target_of(&target, key->module))
        return err_set(err, ERR_UNSUPPORTED,
            "'%s' is of no matrix that training changes: q_proj, k_proj, v_proj, out_proj, fc1 and fc2 of "
            "blocks",
            key->tensor->name);
    const int rc = adapter_config_module(&rank, &alpha, config, key->module, err);
    if (rc)
        return rc;
    if (lora->rank && (lora->rank != rank || lora->alpha != alpha))
        return err_set(err, ERR_UNSUPPORTED,
            "rank %zu and alpha %g of '%s' are not the %zu and %g of others: training has one for all", rank,
            alpha, key->module, lora->rank, lora->alpha);
    lora->rank = rank;
    lora->alpha = alpha;
    lora->targets |= 1u << target;
    reading->changed[target] += key->part == ADAPTER_UP;
    return 0;
}

/* What is trained of a kind is trained in all blocks. */
static int check_blocks(const struct reading *reading, const struct model_config *config, struct err *err)
{
    const size_t blocks = config->vision.block.layers + config->text.block.layers;
    for (unsigned i = 0; i < LORA_TARGETS; i++)
        if (reading->changed[i] && reading->changed[i] != blocks)
            return err_set(err, ERR_UNSUPPORTED,
                "it changes %zu of the %zu matrices %s of both towers: training changes all or none",
                reading->changed[i], blocks, lora_target_names[i]);
    return 0;
}

static int read_keys(struct reading *reading, const struct weights *tensors,
    const struct adapter_config *config, const struct weights *model, struct err *err)
{
    struct adapter_keys keys = {0};
    int rc = config->dora ? err_set(err, ERR_UNSUPPORTED, "it is DoRA, which is used and not trained here")
                          : adapter_keys_peft(&keys, tensors, config, model, err);
    for (size_t i = 0; i < keys.count && !rc; i++)
        rc = add_key(reading, &keys.items[i], config, err);
    adapter_keys_release(&keys);
    return rc;
}

static int read_files(struct reading *reading, struct weights **tensors, const char *path,
    const struct model_config *config, const struct weights *model, struct err *err)
{
    struct arena arena = {0};
    struct adapter_config settings = {0};
    const char *tensors_path = NULL, *config_path = NULL;
    int rc = adapter_find_files(&tensors_path, &config_path, path, &arena, err);
    if (!rc && !config_path)
        rc = err_set(err, ERR_UNSUPPORTED, "it has no 'adapter_config.json' of peft's beside it");
    if (!rc)
        rc = adapter_config_read(&settings, config_path, err);
    if (!rc)
        rc = weights_open_tensors(tensors, tensors_path, err);
    if (!rc)
        rc = read_keys(reading, *tensors, &settings, model, err);
    if (!rc)
        rc = check_blocks(reading, config, err);
    reading->lora.rank_stabilized = settings.rank_stabilized;
    adapter_config_release(&settings);
    arena_release(&arena);
    return rc;
}

int trained_adapter_open(struct lora_options *lora, struct weights **tensors, const char *path,
    const struct model_config *config, const struct weights *model, struct err *err)
{
    struct reading reading = {.lora = {.dropout = lora->dropout, .seed = lora->seed}};
    *tensors = NULL;
    const int rc = read_files(&reading, tensors, path, config, model, err);
    if (rc) {
        weights_free(*tensors);
        *tensors = NULL;
        err_wrap(err, "cannot go on with adapter '%s'", path);
        return rc;
    }
    *lora = reading.lora;
    return 0;
}
