// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"
#include "joint/joint.h"

struct inspect {
    const char *model;
    struct adapter_options adapters;
    int format;
};

static const struct argp_option options[] = {
    {"format", 'f', "table|json", 0, "How to print it (default: table)", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct inspect *inspect = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &inspect->adapters;
        return 0;
    case 'f':
        inspect->format = option_choice(state, "format", argument);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num)
            argp_error(state, "'%s' is one argument too many", argument);
        inspect->model = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&adapter_argp, 0, NULL, 0}, {&common_argp, 0, "", -1}, {0}};

const struct argp inspect_argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[MODEL]",
    .doc = "Show what a model directory holds: config, size and work, preprocessing, tokenizer, tensors. "
           "Without MODEL, the one that the other commands use. Needs no OpenCL device.\v"
           "GFLOP count a multiply-add as two, for one picture, and for one text as long as the model "
           "takes.",
    .children = children,
    .help_filter = options_help_filter,
};

/* ---- the parts of the report --------------------------------------------------------------------------- */

static json_t *block_report(const struct transformer_config *block)
{
    static const char *const activations[] = {
        [ACTIVATION_NONE] = "none",
        [ACTIVATION_QUICK_GELU] = "quick_gelu",
        [ACTIVATION_GELU] = "gelu",
        [ACTIVATION_GELU_TANH] = "gelu_tanh",
        [ACTIVATION_RELU] = "relu",
    };
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:f}", "layers", (json_int_t)block->layers, "width",
        (json_int_t)block->width, "heads", (json_int_t)block->heads, "head_width",
        (json_int_t)(block->width / block->heads), "mlp_width", (json_int_t)block->mlp_width, "activation",
        block->gated ? "swiglu" : activations[block->activation], "layer_norm_eps", (double)block->eps);
}

static json_t *vision_report(const struct vit_config *config)
{
    json_t *report = block_report(&config->block);
    json_object_update_new(report,
        json_pack("{s:I, s:I, s:s, s:I, s:f}", "image_size", (json_int_t)config->image_size, "patch_size",
            (json_int_t)config->patch_size, "pooling", vision_pooling_names[config->pooling], "parameters",
            (json_int_t)vit_params(config), "gflop", vit_flops(config) / 1e9));
    return report;
}

static json_t *text_report(const struct text_config *config)
{
    json_t *report = block_report(&config->block);
    const char *mask = config->block.causal ? "causal" : config->packed ? "padding" : "none";
    json_object_update_new(report,
        json_pack("{s:I, s:I, s:s, s:s, s:I, s:f}", "vocabulary", (json_int_t)config->vocab, "context",
            (json_int_t)config->context, "mask", mask, config->packed ? "pooling" : "end_of_text",
            eot_rule_names[config->eot_rule], "parameters", (json_int_t)text_params(config), "gflop",
            text_flops(config, config->context) / 1e9));
    return report;
}

static json_t *triple(const float values[3])
{
    return json_pack("[f, f, f]", (double)values[0], (double)values[1], (double)values[2]);
}

/* What becomes of a picture's size. */
static json_t *resize_report(const struct preprocess *preprocess)
{
    if (preprocess->resize_mode == RESIZE_PATCHES)
        return json_pack("{s:i, s:i}", "patch", preprocess->patch, "max_patches", preprocess->max_patches);
    return json_pack("{s:i, s:i, s:s}", "resize", preprocess->resize, "crop", preprocess->crop,
        "crop_rounding", preprocess->crop_rounding == CROP_FLOOR ? "floor" : "half_even");
}

static json_t *preprocess_report(const struct preprocess *preprocess, const struct family *family)
{
    char assumed[64];
    snprintf(assumed, sizeof assumed, "none: %s's own way is assumed", family->name);
    json_t *report = json_pack("{s:s, s:s}", "file", preprocess->source ? preprocess->source : assumed,
        "resize_mode", resize_mode_names[preprocess->resize_mode]);
    json_object_update_new(report, resize_report(preprocess));
    json_object_update_new(report,
        json_pack("{s:s, s:s, s:f, s:o, s:o}", "resample", resample_names[preprocess->resample], "made_rgb",
            preprocess->rgb_order == RGB_FIRST ? "before resizing, on white" : "after resizing", "scale",
            (double)preprocess->scale, "mean", triple(preprocess->mean), "std", triple(preprocess->std)));
    return report;
}

/* Of special tokens those that there are: SigLIP's texts begin with none. */
static void add_token(json_t *report, const char *key, int32_t id)
{
    if (id >= 0)
        json_object_set_new(report, key, json_integer(id));
}

static json_t *tokenizer_report(const struct tokenizer *tokenizer)
{
    json_t *report = json_tokenizer_rule(tokenizer);
    json_object_update_new(
        report, json_pack("{s:s, s:s, s:I}", "kind", tokenizer_kind_name(tokenizer), "reading",
                    tokenizer_reading(tokenizer), "vocabulary", (json_int_t)tokenizer_vocab(tokenizer)));
    add_token(report, "start_of_text", tokenizer_start(tokenizer));
    add_token(report, "end_of_text", tokenizer_end(tokenizer));
    add_token(report, "padding", tokenizer_pad_id(tokenizer));
    json_object_set_new(
        report, "padding_side", json_string(tokenizer_pads_left(tokenizer) ? "left" : "right"));
    if (tokenizer_context(tokenizer) != SIZE_MAX)
        json_object_set_new(
            report, "model_max_length", json_integer((json_int_t)tokenizer_context(tokenizer)));
    return report;
}

static json_t *tensors_report(const struct weights *weights)
{
    json_t *tensors = json_array();
    for (size_t i = 0; i < weights_count(weights); i++) {
        const struct weight *weight = weights_at(weights, i);
        json_t *shape = json_array();
        for (int axis = 0; axis < weight->rank; axis++)
            json_array_append_new(shape, json_integer((json_int_t)weight->shape[axis]));
        json_array_append_new(tensors, json_pack("{s:s, s:o, s:o}", "type", weight->type, "shape", shape,
                                           "name", json_text(weight->name)));
    }
    return tensors;
}

static json_t *adapter_report(const struct adapter *adapter)
{
    const struct adapter_counts counts = adapter_counts(adapter);
    const char *base = adapter_base_model(adapter);
    json_t *ranks = json_pack("[I, I]", (json_int_t)counts.rank_min, (json_int_t)counts.rank_max);
    if (counts.rank_min == counts.rank_max)
        json_array_remove(ranks, 1);
    return json_pack("{s:o, s:f, s:o*, s:I, s:o, s:I, s:I, s:I}", "path", json_text(adapter_path(adapter)),
        "weight", (double)adapter_weight(adapter), "trained_on", base && *base ? json_text(base) : NULL,
        "pairs", (json_int_t)counts.pairs, "rank", ranks, "magnitudes", (json_int_t)counts.magnitudes,
        "replaced", (json_int_t)counts.replaced, "of_other_networks", (json_int_t)counts.others);
}

static json_t *adapters_report(
    const struct adapters *adapters, const struct weights *weights, struct err *err)
{
    json_t *reports = json_array();
    for (size_t i = 0; i < adapters->count && reports; i++) {
        struct adapter *adapter;
        if (adapter_open(&adapter, adapters->names[i], weights, err)) {
            json_decref(reports);
            return NULL;
        }
        json_array_append_new(reports, adapter_report(adapter));
        adapter_free(adapter);
    }
    return reports;
}

/* ---- putting them together ----------------------------------------------------------------------------- */

/* Sets key of the report to the part, or, where reading it failed, says why and counts the failure. */
static void add_part(json_t *report, const char *key, json_t *part, const struct err *err, int *failed)
{
    if (part) {
        json_object_set_new(report, key, part);
    } else {
        message("%s", err->msg);
        ++*failed;
    }
}

static json_t *model_report(const char *directory, const char *folder, const struct model_config *config,
    const struct adapters *adapters, int *failed)
{
    struct preprocess preprocess;
    struct tokenizer *tokenizer = NULL;
    struct weights *weights = NULL;
    struct err err = {0};
    json_t *report = json_pack("{s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "model", json_text(directory),
        "layout", layout_name(config->layout), "family", config->family->name, "score",
        score_names[config->score], "template", config->family->template, "embedding",
        (json_int_t)config->vision.embed_width, "parameters", (json_int_t)model_config_params(config),
        "vision", vision_report(&config->vision), "text", text_report(&config->text));

    int rc = model_preprocess_read(&preprocess, config, directory, &err);
    add_part(report, "preprocess", rc ? NULL : preprocess_report(&preprocess, config->family), &err, failed);
    rc = tokenizer_load(&tokenizer, folder, config->tokenizer, &err);
    add_part(report, "tokenizer", rc ? NULL : tokenizer_report(tokenizer), &err, failed);
    rc = weights_open(&weights, directory, &err);
    if (adapters->count)
        add_part(report, "adapters", rc ? NULL : adapters_report(adapters, weights, &err), &err, failed);
    add_part(report, "tensors", rc ? NULL : tensors_report(weights), &err, failed);
    weights_free(weights);
    tokenizer_free(tokenizer);
    return report;
}

int cmd_inspect(int argc, char **argv)
{
    struct inspect inspect = {0};
    struct arena arena = {0};
    struct model_config config;
    struct err err = {0};
    const char *directory, *folder = NULL;
    int failed = 0;
    options_parse(&inspect_argp, argc, argv, &inspect);

    int rc = model_directory(&directory, inspect.model, &arena, &err);
    if (!rc)
        rc = path_folder(&folder, directory, &arena, &err);
    if (!rc)
        rc = model_config_read(&config, directory, &err);
    if (!rc)
        rc = report_print("inspect/1",
            model_report(directory, folder, &config, &inspect.adapters.all, &failed), inspect.format, &err);
    if (rc)
        message("cannot inspect the model: %s", err.msg);
    arena_release(&arena);
    return rc ? STATUS_CANNOT : failed ? STATUS_SOME_FAILED : STATUS_DONE;
}
