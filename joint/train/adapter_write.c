// SPDX-License-Identifier: Apache-2.0
/* A folder with an adapter, as peft 0.21's save_pretrained writes it. */
#include "joint/train/trained_model.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "joint/internal.h"

/* The targets as a pattern that is to match a module's whole name: as a list of ends of names they would mean modules of a pooling by attention,
 * too, where the model has one. */
static const char *target_pattern(struct arena *arena, unsigned targets)
{
    static const char before[] = ".*\\.encoder\\.layers\\.\\d+\\.(self_attn|mlp)\\.(", behind[] = ")";
    char names[128] = "";
    for (size_t i = 0; i < LORA_TARGETS; i++)
        if (targets >> i & 1) {
            if (*names)
                strcat(names, "|");
            strcat(names, lora_target_names[i]);
        }
    char *out = arena_alloc(arena, sizeof before + strlen(names) + sizeof behind);
    if (out)
        strcpy(stpcpy(stpcpy(out, before), names), behind);
    return out;
}

/* What peft calls alpha is a whole number mostly. */
static json_t *number(double value)
{
    return value == floor(value) && fabs(value) < 1e9 ? json_integer((json_int_t)value) : json_real(value);
}

/* A base that is no UTF-8 cannot stand in JSON: json_string gives NULL then, and what is written is null, as without a base. */
static json_t *config_json(const struct lora_options *lora, const char *base, struct arena *arena)
{
    const char *pattern = target_pattern(arena, lora->targets);
    return !pattern
               ? NULL
               : json_pack(
                     "{s:{}, s:n, s:o?, s:s, s:b, s:b, s:b, s:n, s:n, s:o, s:b, s:f, s:n, s:s, s:I, s:{}, "
                     "s:s, s:n, s:b, s:b}",
                     "alpha_pattern", "auto_mapping", "base_model_name_or_path", json_string(base), "bias",
                     "none", "fan_in_fan_out", 0, "inference_mode", 1, "init_lora_weights", 1,
                     "layers_pattern", "layers_to_transform", "lora_alpha", number(lora->alpha), "lora_bias",
                     0, "lora_dropout", lora->dropout, "modules_to_save", "peft_type", "LORA", "r",
                     (json_int_t)lora->rank, "rank_pattern", "target_modules", pattern, "task_type",
                     "use_dora", 0, "use_rslora", (int)lora->rank_stabilized);
}

static int write_tensors(const struct trained_model *model, enum parameters_kind kind, const char *path,
    enum dtype dtype, struct err *err)
{
    struct weights_writer *writer;
    int rc = weights_writer_open(&writer, path, dtype, NULL, err);
    if (rc)
        return rc;
    if (!(rc = weights_writer_note(writer, "format", "pt", err)) &&
        !(rc = trained_model_save_adapter(model, kind, writer, err)) &&
        !(rc = weights_writer_begin(writer, err)))
        rc = trained_model_save_adapter(model, kind, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    return rc ? rc : closed;
}

int trained_model_write_adapter(const struct trained_model *model, enum parameters_kind kind,
    const char *directory, const char *base, enum dtype dtype, struct err *err)
{
    struct arena arena = {0};
    const char *tensors = path_join(&arena, directory, "adapter_model.safetensors");
    int rc = tensors ? write_tensors(model, kind, tensors, dtype, err) : err_memory(err, strlen(directory));
    if (!rc) {
        json_t *root = config_json(trained_model_lora(model), base, &arena);
        rc = convert_write_json(root, directory, "adapter_config.json", &arena, err);
        json_decref(root);
    }
    arena_release(&arena);
    return rc;
}
