// SPDX-License-Identifier: Apache-2.0
/*
 * The layouts of checkpoints: how each names and stores the tensors that parameter tables name as Hugging
 * Face does. A layout is a row of `layouts`, and a table of the names that are others than ours.
 */
#include "compute/weights.h"

#include <stdio.h>
#include <string.h>

struct rename {
    const char *ours;
    struct stored theirs;
};

/* open_clip's, which are openai/CLIP's too. It multiplies x @ proj, so its projections are stored transposed. */
static const struct rename open_clip[] = {
    {"vision_model.embeddings.patch_embedding.weight", {"visual.conv1.weight", false}},
    {"vision_model.embeddings.class_embedding", {"visual.class_embedding", false}},
    {"vision_model.embeddings.position_embedding.weight", {"visual.positional_embedding", false}},
    {"vision_model.pre_layrnorm.weight", {"visual.ln_pre.weight", false}},
    {"vision_model.pre_layrnorm.bias", {"visual.ln_pre.bias", false}},
    {"vision_model.post_layernorm.weight", {"visual.ln_post.weight", false}},
    {"vision_model.post_layernorm.bias", {"visual.ln_post.bias", false}},
    {"visual_projection.weight", {"visual.proj", true}},

    {"text_model.embeddings.token_embedding.weight", {"token_embedding.weight", false}},
    {"text_model.embeddings.position_embedding.weight", {"positional_embedding", false}},
    {"text_model.final_layer_norm.weight", {"ln_final.weight", false}},
    {"text_model.final_layer_norm.bias", {"ln_final.bias", false}},
    {"text_projection.weight", {"text_projection", true}},

    {"vision_model.encoder.layers.%zu.", {"visual.transformer.resblocks.%zu.", false}},
    {"text_model.encoder.layers.%zu.", {"transformer.resblocks.%zu.", false}},
    {"layer_norm1.weight", {"ln_1.weight", false}},
    {"layer_norm1.bias", {"ln_1.bias", false}},
    {"layer_norm2.weight", {"ln_2.weight", false}},
    {"layer_norm2.bias", {"ln_2.bias", false}},
    {"self_attn.{q,k,v}_proj.weight", {"attn.in_proj_weight", false}},
    {"self_attn.{q,k,v}_proj.bias", {"attn.in_proj_bias", false}},
    {"self_attn.out_proj.weight", {"attn.out_proj.weight", false}},
    {"self_attn.out_proj.bias", {"attn.out_proj.bias", false}},
    {"mlp.fc1.weight", {"mlp.c_fc.weight", false}},
    {"mlp.fc1.bias", {"mlp.c_fc.bias", false}},
    {"mlp.fc2.weight", {"mlp.c_proj.weight", false}},
    {"mlp.fc2.bias", {"mlp.c_proj.bias", false}},
};

/* In the order in which a checkpoint is tried: a tensor whose name begins with one of `marks` tells it. */
static const struct layout_row {
    const char *name;
    const char *marks[2];
    const struct rename *renames;
    size_t count;
} layouts[LAYOUT_COUNT] = {
    [LAYOUT_HF] = {"hugging face", {"vision_model.", "text_model."}, NULL, 0},
    [LAYOUT_OPEN_CLIP] = {"open_clip", {"visual."}, open_clip, sizeof open_clip / sizeof *open_clip},
};

const char *layout_name(enum layout layout)
{
    return layouts[layout].name;
}

struct stored layout_stored(enum layout layout, const char *name)
{
    const struct layout_row *row = &layouts[layout];
    for (size_t i = 0; i < row->count; i++)
        if (!strcmp(row->renames[i].ours, name))
            return row->renames[i].theirs;
    return (struct stored){.name = name};
}

static bool any_begins(const struct weights *weights, const char *mark)
{
    for (size_t i = 0; i < weights->count; i++)
        if (!strncmp(weights->items[i].name, mark, strlen(mark)))
            return true;
    return false;
}

int layout_tell(struct weights *weights, struct err *err)
{
    char marks[LAYOUT_COUNT * 32] = "";
    for (int i = 0; i < LAYOUT_COUNT; i++) {
        const struct layout_row *row = &layouts[i];
        const size_t used = strlen(marks);
        for (int m = 0; m < 2 && row->marks[m]; m++)
            if (any_begins(weights, row->marks[m])) {
                weights->layout = (enum layout)i;
                return 0;
            }
        snprintf(marks + used, sizeof marks - used, "%s'%s'", i ? " or " : "", row->marks[0]);
    }
    return err_set(err, ERR_UNSUPPORTED,
        "cannot load '%s': not a CLIP model, no tensor's name begins with %s", weights->source, marks);
}
