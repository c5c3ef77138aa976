// SPDX-License-Identifier: Apache-2.0
/*
 * The layouts of checkpoints: how each names and stores the tensors that parameter tables name as Hugging Face does.
 *
 * The towers of a checkpoint are named apart from each other: open_clip has a vision tower of its own or one of timm's,
 * and a text tower at the root or, in models with custom_text, below "text.". So there is a row of `namings` for each
 * way to name a tower, with a table of the names that are others than ours.
 */
#include "compute/weights/tensor_name.h"

#include <stdio.h>
#include <string.h>

struct rename {
    const char *ours;
    struct stored theirs;
};

#define RENAME(ours, theirs)                                                                                 \
    {                                                                                                        \
        ours,                                                                                                \
        {                                                                                                    \
            .name = theirs                                                                                   \
        }                                                                                                    \
    }
#define TRANSPOSED(ours, theirs)                                                                             \
    {                                                                                                        \
        ours,                                                                                                \
        {                                                                                                    \
            .name = theirs, .transposed = true                                                               \
        }                                                                                                    \
    }

/* Parts first to first + count of `of` equal ones that the rows of a tensor are. */
#define PART(ours, theirs, first, count, of)                                                                 \
    {                                                                                                        \
        ours,                                                                                                \
        {                                                                                                    \
            .name = theirs, .part = { first, count, of }                                                     \
        }                                                                                                    \
    }

/* Of a MultiheadAttention of PyTorch, which SigLIP's pooling is in transformers. */
static const struct rename hf_vision[] = {
    PART("vision_model.head.attention.q_proj.weight", "vision_model.head.attention.in_proj_weight", 0, 1, 3),
    PART("vision_model.head.attention.q_proj.bias", "vision_model.head.attention.in_proj_bias", 0, 1, 3),
    PART("vision_model.head.attention.{k,v}_proj.weight", "vision_model.head.attention.in_proj_weight", 1, 2,
        3),
    PART("vision_model.head.attention.{k,v}_proj.bias", "vision_model.head.attention.in_proj_bias", 1, 2, 3),
};

/* As transformers 5 saves AltCLIP: on loading it renames the text tower's layers, and on saving all of them back. */
static const struct rename hf_vision_resaved[] = {
    RENAME("vision_model.encoder.layers.%zu.", "vision_model.encoder.layer.%zu.")};

/* The blocks of open_clip's own towers, which are openai/CLIP's too. */
#define OPEN_CLIP_BLOCK                                                                                      \
    RENAME("layer_norm1.weight", "ln_1.weight"), RENAME("layer_norm1.bias", "ln_1.bias"),                    \
        RENAME("layer_norm2.weight", "ln_2.weight"), RENAME("layer_norm2.bias", "ln_2.bias"),                \
        RENAME("self_attn.{q,k,v}_proj.weight", "attn.in_proj_weight"),                                      \
        RENAME("self_attn.{q,k,v}_proj.bias", "attn.in_proj_bias"),                                          \
        RENAME("self_attn.out_proj.weight", "attn.out_proj.weight"),                                         \
        RENAME("self_attn.out_proj.bias", "attn.out_proj.bias"),                                             \
        RENAME("mlp.fc1.weight", "mlp.c_fc.weight"), RENAME("mlp.fc1.bias", "mlp.c_fc.bias"),                \
        RENAME("mlp.fc2.weight", "mlp.c_proj.weight"), RENAME("mlp.fc2.bias", "mlp.c_proj.bias")

/* It multiplies x @ proj, so its projections are stored transposed. */
static const struct rename open_clip_vision[] = {
    RENAME("vision_model.embeddings.patch_embedding.weight", "conv1.weight"),
    RENAME("vision_model.embeddings.class_embedding", "class_embedding"),
    RENAME("vision_model.embeddings.position_embedding.weight", "positional_embedding"),
    RENAME("vision_model.pre_layrnorm.weight", "ln_pre.weight"),
    RENAME("vision_model.pre_layrnorm.bias", "ln_pre.bias"),
    RENAME("vision_model.post_layernorm.weight", "ln_post.weight"),
    RENAME("vision_model.post_layernorm.bias", "ln_post.bias"),
    TRANSPOSED("visual_projection.weight", "proj"),
    RENAME("vision_model.head.probe", "attn_pool.query"),
    RENAME("vision_model.head.query_layernorm.weight", "attn_pool.ln_q.weight"),
    RENAME("vision_model.head.query_layernorm.bias", "attn_pool.ln_q.bias"),
    RENAME("vision_model.head.token_layernorm.weight", "attn_pool.ln_k.weight"),
    RENAME("vision_model.head.token_layernorm.bias", "attn_pool.ln_k.bias"),
    RENAME("vision_model.head.attention.q_proj.weight", "attn_pool.attn.q_proj_weight"),
    RENAME("vision_model.head.attention.{k,v}_proj.weight", "attn_pool.attn.{k,v}_proj_weight"),
    PART("vision_model.head.attention.q_proj.bias", "attn_pool.attn.in_proj_bias", 0, 1, 3),
    PART("vision_model.head.attention.{k,v}_proj.bias", "attn_pool.attn.in_proj_bias", 1, 2, 3),
    RENAME("vision_model.head.attention.out_proj.weight", "attn_pool.attn.out_proj.weight"),
    RENAME("vision_model.head.attention.out_proj.bias", "attn_pool.attn.out_proj.bias"),
    RENAME("vision_model.encoder.layers.%zu.", "transformer.resblocks.%zu."),
    OPEN_CLIP_BLOCK,
};

/* What all of timm's transformers have: the ends, the pooling by attention, and of blocks what is not in the tables
 * below. */
#define TIMM                                                                                                 \
    RENAME("vision_model.embeddings.patch_embedding.weight", "patch_embed.proj.weight"),                     \
        RENAME("vision_model.embeddings.patch_embedding.bias", "patch_embed.proj.bias"),                     \
        RENAME("vision_model.embeddings.class_embedding", "cls_token"),                                      \
        RENAME("vision_model.embeddings.position_embedding.weight", "pos_embed"),                            \
        RENAME("vision_model.pre_layrnorm.weight", "norm_pre.weight"),                                       \
        RENAME("vision_model.pre_layrnorm.bias", "norm_pre.bias"),                                           \
        RENAME("vision_model.post_layernorm.weight", "norm.weight"),                                         \
        RENAME("vision_model.post_layernorm.bias", "norm.bias"),                                             \
        RENAME("visual_projection.weight", "head.weight"), RENAME("visual_projection.bias", "head.bias"),    \
        RENAME("vision_model.head.probe", "attn_pool.latent"),                                               \
        RENAME("vision_model.head.attention.q_proj.weight", "attn_pool.q.weight"),                           \
        RENAME("vision_model.head.attention.q_proj.bias", "attn_pool.q.bias"),                               \
        RENAME("vision_model.head.attention.{k,v}_proj.weight", "attn_pool.kv.weight"),                      \
        RENAME("vision_model.head.attention.{k,v}_proj.bias", "attn_pool.kv.bias"),                          \
        RENAME("vision_model.head.attention.out_proj.weight", "attn_pool.proj.weight"),                      \
        RENAME("vision_model.head.attention.out_proj.bias", "attn_pool.proj.bias"),                          \
        RENAME("vision_model.head.layernorm.weight", "attn_pool.norm.weight"),                               \
        RENAME("vision_model.head.layernorm.bias", "attn_pool.norm.bias"),                                   \
        RENAME("vision_model.head.mlp.fc1.weight", "attn_pool.mlp.fc1.weight"),                              \
        RENAME("vision_model.head.mlp.fc1.bias", "attn_pool.mlp.fc1.bias"),                                  \
        RENAME("vision_model.head.mlp.fc2.weight", "attn_pool.mlp.fc2.weight"),                              \
        RENAME("vision_model.head.mlp.fc2.bias", "attn_pool.mlp.fc2.bias"),                                  \
        RENAME("vision_model.encoder.layers.%zu.", "blocks.%zu."),                                           \
        RENAME("layer_norm1.weight", "norm1.weight"), RENAME("layer_norm1.bias", "norm1.bias"),              \
        RENAME("layer_norm2.weight", "norm2.weight"), RENAME("layer_norm2.bias", "norm2.bias"),              \
        RENAME("self_attn.out_proj.weight", "attn.proj.weight"),                                             \
        RENAME("self_attn.out_proj.bias", "attn.proj.bias")

static const struct rename timm[] = {
    TIMM,
    RENAME("vision_model.embeddings.stem.%zu.", "patch_embed.backbone.%zu."),
    RENAME("self_attn.{q,k,v}_proj.weight", "attn.qkv.weight"),
    RENAME("self_attn.{q,k,v}_proj.bias", "attn.qkv.bias"),
};

/* EVA's keys have no bias. */
static const struct rename timm_eva[] = {
    TIMM,
    RENAME("self_attn.{q,k,v}_proj.weight", "attn.qkv.weight"),
    RENAME("self_attn.{q,k,v}_proj.bias", "attn.{q,,v}_bias"),
};

static const struct rename timm_eva02[] = {
    TIMM,
    RENAME("self_attn.{q,k,v}_proj.weight", "attn.{q,k,v}_proj.weight"),
    RENAME("self_attn.{q,k,v}_proj.bias", "attn.{q,,v}_proj.bias"),
    RENAME("self_attn.inner_norm.weight", "attn.norm.weight"),
    RENAME("self_attn.inner_norm.bias", "attn.norm.bias"),
    RENAME("mlp.{gate,fc1}.weight", "mlp.fc1_{g,x}.weight"),
    RENAME("mlp.{gate,fc1}.bias", "mlp.fc1_{g,x}.bias"),
    RENAME("mlp.inner_norm.weight", "mlp.norm.weight"),
    RENAME("mlp.inner_norm.bias", "mlp.norm.bias"),
};

static const struct rename open_clip_text[] = {
    RENAME("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    RENAME("text_model.embeddings.class_embedding", "cls_emb"),
    RENAME("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    RENAME("text_model.final_layer_norm.weight", "ln_final.weight"),
    RENAME("text_model.final_layer_norm.bias", "ln_final.bias"),
    TRANSPOSED("text_projection.weight", "text_projection"),
    RENAME("text_model.head.weight", "text_projection.weight"), /* a layer, where it has a bias */
    RENAME("text_model.head.bias", "text_projection.bias"),
    RENAME("text_model.encoder.layers.%zu.", "transformer.resblocks.%zu."),
    OPEN_CLIP_BLOCK,
};

/* A BertModel of transformers. */
#define BERT(model)                                                                                          \
    RENAME("text_model.embeddings.token_embedding.weight", model "embeddings.word_embeddings.weight"),       \
        RENAME("text_model.embeddings.position_embedding.weight",                                            \
            model "embeddings.position_embeddings.weight"),                                                  \
        RENAME("text_model.embeddings.token_type_embedding.weight",                                          \
            model "embeddings.token_type_embeddings.weight"),                                                \
        RENAME("text_model.embeddings.layer_norm.weight", model "embeddings.LayerNorm.weight"),              \
        RENAME("text_model.embeddings.layer_norm.bias", model "embeddings.LayerNorm.bias"),                  \
        RENAME("text_model.encoder.layers.%zu.", model "encoder.layer.%zu."),                                \
        RENAME("self_attn.{q,k,v}_proj.weight", "attention.self.{query,key,value}.weight"),                  \
        RENAME("self_attn.{q,k,v}_proj.bias", "attention.self.{query,key,value}.bias"),                      \
        RENAME("self_attn.out_proj.weight", "attention.output.dense.weight"),                                \
        RENAME("self_attn.out_proj.bias", "attention.output.dense.bias"),                                    \
        RENAME("layer_norm1.weight", "attention.output.LayerNorm.weight"),                                   \
        RENAME("layer_norm1.bias", "attention.output.LayerNorm.bias"),                                       \
        RENAME("mlp.fc1.weight", "intermediate.dense.weight"),                                               \
        RENAME("mlp.fc1.bias", "intermediate.dense.bias"), RENAME("mlp.fc2.weight", "output.dense.weight"),  \
        RENAME("mlp.fc2.bias", "output.dense.bias"),                                                         \
        RENAME("layer_norm2.weight", "output.LayerNorm.weight"),                                             \
        RENAME("layer_norm2.bias", "output.LayerNorm.bias")

static const struct rename hf_bert[] = {BERT("text_model.")};

static const struct rename hf_altclip[] = {
    BERT("text_model.roberta."),
    RENAME("text_model.final_layer_norm.weight", "text_model.pre_LN.weight"),
    RENAME("text_model.final_layer_norm.bias", "text_model.pre_LN.bias"),
    RENAME("text_model.neck.weight", "text_model.transformation.weight"),
    RENAME("text_model.neck.bias", "text_model.transformation.bias"),
};

/* open_clip's HFTextEncoder, whose projection is one layer, or two with a GELU between. */
static const struct rename open_clip_bert[] = {
    BERT("transformer."),
    RENAME("text_projection.weight", "proj.weight"),
};

static const struct rename open_clip_bert_mlp[] = {
    BERT("transformer."),
    RENAME("text_model.neck.weight", "proj.0.weight"),
    RENAME("text_projection.weight", "proj.2.weight"),
};

/* The encoder of an M2M100Model, whose blocks have the names of its towers and norms of their own. */
static const struct rename open_clip_m2m100[] = {
    RENAME("text_model.embeddings.token_embedding.weight", "transformer.embed_tokens.weight"),
    RENAME("text_model.encoder.layers.%zu.", "transformer.layers.%zu."),
    RENAME("layer_norm1.weight", "self_attn_layer_norm.weight"),
    RENAME("layer_norm1.bias", "self_attn_layer_norm.bias"),
    RENAME("layer_norm2.weight", "final_layer_norm.weight"),
    RENAME("layer_norm2.bias", "final_layer_norm.bias"),
    RENAME("mlp.fc1.weight", "fc1.weight"),
    RENAME("mlp.fc1.bias", "fc1.bias"),
    RENAME("mlp.fc2.weight", "fc2.weight"),
    RENAME("mlp.fc2.bias", "fc2.bias"),
    RENAME("text_model.final_layer_norm.weight", "transformer.layer_norm.weight"),
    RENAME("text_model.final_layer_norm.bias", "transformer.layer_norm.bias"),
    RENAME("text_projection.weight", "proj.weight"),
};

struct naming {
    enum tower tower;
    enum layout layout;
    const char *mark;  /* a tensor whose name begins so tells it; NULL: that the other tower has the layout */
    const char *outer; /* what stands before all of the names */
    const struct rename *renames;
    size_t count;
};

#define NAMING(tower, layout, mark, outer, renames)                                                          \
    {                                                                                                        \
        tower, layout, mark, outer, renames, sizeof(renames) / sizeof *(renames)                             \
    }

/* In the order in which a checkpoint is tried, tower by tower. */
static const struct naming namings[] = {
    NAMING(TOWER_VISION, LAYOUT_HF, "vision_model.encoder.layer.", "", hf_vision_resaved),
    NAMING(TOWER_VISION, LAYOUT_HF, "vision_model.", "", hf_vision),
    NAMING(TOWER_VISION, LAYOUT_OPEN_CLIP, "visual.trunk.blocks.0.attn.q_proj.", "visual.trunk.", timm_eva02),
    NAMING(TOWER_VISION, LAYOUT_OPEN_CLIP, "visual.trunk.blocks.0.attn.q_bias", "visual.trunk.", timm_eva),
    NAMING(TOWER_VISION, LAYOUT_OPEN_CLIP, "visual.trunk.", "visual.trunk.", timm),
    NAMING(TOWER_VISION, LAYOUT_OPEN_CLIP, "visual.", "visual.", open_clip_vision),
    NAMING(TOWER_TEXT, LAYOUT_HF, "text_model.encoder.layer.", "", hf_bert),
    NAMING(TOWER_TEXT, LAYOUT_HF, "text_model.roberta.", "", hf_altclip),
    {TOWER_TEXT, LAYOUT_HF, "text_model.", "", NULL, 0},
    NAMING(TOWER_TEXT, LAYOUT_OPEN_CLIP, "text.transformer.embed_tokens.", "text.", open_clip_m2m100),
    NAMING(TOWER_TEXT, LAYOUT_OPEN_CLIP, "text.proj.0.", "text.", open_clip_bert_mlp),
    NAMING(TOWER_TEXT, LAYOUT_OPEN_CLIP, "text.transformer.embeddings.", "text.", open_clip_bert),
    NAMING(TOWER_TEXT, LAYOUT_OPEN_CLIP, "text.", "text.", open_clip_text),
    NAMING(TOWER_TEXT, LAYOUT_OPEN_CLIP, NULL, "", open_clip_text),
};

enum { NAMINGS = sizeof namings / sizeof *namings };

const char *layout_name(enum layout layout)
{
    static const char *const names[LAYOUT_COUNT] = {
        [LAYOUT_HF] = "hugging face", [LAYOUT_OPEN_CLIP] = "open_clip"};
    return names[layout];
}

/* Whose names these are; NULL: of neither tower, and the same in all layouts. */
static const struct naming *naming_of(const struct weights *weights, const char *prefix, const char *name)
{
    const char *full = *prefix ? prefix : name;
    if (!strncmp(full, "vis", 3)) /* vision_model and visual_projection */
        return weights->namings[TOWER_VISION];
    return !strncmp(full, "text_", 5) ? weights->namings[TOWER_TEXT] : NULL;
}

static struct stored renamed(const struct naming *naming, const char *name)
{
    for (size_t i = 0; naming && i < naming->count; i++)
        if (!strcmp(naming->renames[i].ours, name))
            return naming->renames[i].theirs;
    return (struct stored){.name = name};
}

struct stored layout_stored(const struct weights *weights, const char *prefix, const char *name)
{
    const struct naming *naming = naming_of(weights, prefix, name);
    struct stored stored = renamed(naming, name);
    stored.outer = naming ? naming->outer : "";
    stored.prefix = renamed(naming, prefix).name;
    return stored;
}

struct stored layout_stored_item(
    size_t *item, size_t *items, const struct weights *weights, const char *prefix, const char *name)
{
    const struct naming *naming = naming_of(weights, prefix, name);
    for (size_t i = 0; naming && i < naming->count; i++) {
        const char *ours = naming->renames[i].ours;
        *item = name_item(ours, name);
        *items = name_tensors(ours);
        if (*item != SIZE_MAX)
            return layout_stored(weights, prefix, ours);
    }
    *item = 0;
    *items = 1;
    return layout_stored(weights, prefix, name);
}

bool weights_begins(const struct weights *weights, const char *mark)
{
    for (size_t i = 0; i < weights->count; i++)
        if (!strncmp(weights->items[i].name, mark, strlen(mark)))
            return true;
    return false;
}

/* The naming of a tower whose mark is there, or else the last of that layout. */
static const struct naming *tower_naming(
    const struct weights *weights, enum tower tower, const enum layout *layout)
{
    const struct naming *fallback = NULL;
    for (size_t i = 0; i < NAMINGS; i++) {
        const struct naming *naming = &namings[i];
        if (naming->tower != tower || (layout && naming->layout != *layout))
            continue;
        if (naming->mark && weights_begins(weights, naming->mark))
            return naming;
        if (layout)
            fallback = naming;
    }
    return fallback;
}

void layout_set(struct weights *weights, enum layout layout)
{
    weights->layout = layout;
    for (int tower = 0; tower < TOWERS; tower++)
        weights->namings[tower] = tower_naming(weights, (enum tower)tower, &layout);
}

int layout_tell(struct weights *weights, struct err *err)
{
    for (int tower = 0; tower < TOWERS; tower++) {
        const struct naming *naming = tower_naming(weights, (enum tower)tower, NULL);
        if (naming) {
            layout_set(weights, naming->layout);
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED,
        "cannot load '%s': not a CLIP model, no tensor's name begins with 'vision_model.' or 'visual.'",
        weights->source);
}
