// SPDX-License-Identifier: Apache-2.0
/*
 * Inside joint: how a config file is read.
 *
 * Each kind of model that a file can describe has a config_format, made of tables: the objects of the file,
 * and one row for each key of an object, with the field the key fills, its range and its default. config.c
 * lists the formats and reads by their tables; config_hf.c, config_hf_siglip.c and config_open_clip.c hold them, each
 * with a function that turns what was read into a model_config.
 */
#ifndef DIPTYCH_JOINT_CONFIG_H
#define DIPTYCH_JOINT_CONFIG_H

#include "joint/joint.h"

/* What is read. Sizes land in the config at once; a format's finish puts the rest there when all is known. */
struct reading {
    struct model_config config;
    size_t embed_width, channels, head_width, eos_id, pad_id, projection_size, num_patches;
    size_t vision_activation, text_activation, quick_gelu, no_ln_pre, eot_rule; /* values of struct choice */
    size_t no_causal_mask, proj_bias, no_projection, custom_text;               /* likewise */
    size_t vision_pooling, norm_after_pool, strip_sep;                          /* likewise */
    size_t attentional_pool, embed_cls;                                         /* likewise */
    size_t pool_heads, pool_queries;
    size_t multimodal; /* whether there is a part that writes captions */
    size_t fixed;      /* likewise: of what there is no choice in */
    size_t logit_bias; /* whether there is one */
    const char *timm_pool, *timm_proj;
    const struct timm_model *timm;    /* NULL: the vision tower is not one of timm's */
    const struct hf_text *hf_text;    /* NULL: the text tower is not one of transformers' */
    size_t hf_pooling, hf_projection; /* values of struct choice */
    size_t hf_tokenizer, cleaning;    /* whether one is named; enum text_cleaning, CLEAN_NONE: its default */
    double vision_eps, text_eps, vision_mlp_ratio, text_mlp_ratio;
};

enum key_kind {
    KEY_SIZE,    /* an integer, to a size_t */
    KEY_REAL,    /* to a double */
    KEY_CHOICE,  /* one of a list of words, or true or false, to a size_t */
    KEY_NAME,    /* a text: 1 to a size_t where it is not empty */
    KEY_TEXT,    /* a text, to a const char * that the file owns; "" where it is not there */
    KEY_GIVEN,   /* 1 to a size_t where it is there */
    KEY_LAYERS,  /* a size; a list of them is of a ResNet's stages */
    KEY_TIMM,    /* timm's name of a network, to a const struct timm_model * */
    KEY_HF_TEXT, /* transformers' name of a text model, to a const struct hf_text * */
    KEY_OTHER,   /* of no matter to inference, or an object that has a table of its own */
};

struct choice {
    const char *word; /* NULL ends the list */
    size_t value;
};

struct key {
    const char *name;
    enum key_kind kind;
    size_t field;              /* offset in struct reading */
    double fallback, min, max; /* a size with fallback 0 must be there */
    const struct choice *choices;
};

/* Rows of a table of keys. FIXED is for what the reference can build in several ways and Diptych in one. */
#define SIZE(name, field, fallback, min, max)                                                                \
    {                                                                                                        \
        name, KEY_SIZE, offsetof(struct reading, field), fallback, min, max, NULL                            \
    }
#define LAYERS(name, field, fallback)                                                                        \
    {                                                                                                        \
        name, KEY_LAYERS, offsetof(struct reading, field), fallback, 1, LAYERS_MAX, NULL                     \
    }
#define REAL(name, field, fallback, min, max)                                                                \
    {                                                                                                        \
        name, KEY_REAL, offsetof(struct reading, field), fallback, min, max, NULL                            \
    }
#define CHOICE(name, field, fallback, list)                                                                  \
    {                                                                                                        \
        name, KEY_CHOICE, offsetof(struct reading, field), fallback, 0, 0, list                              \
    }
#define NAME(name, field)                                                                                    \
    {                                                                                                        \
        name, KEY_NAME, offsetof(struct reading, field), 0, 0, 0, NULL                                       \
    }
#define TEXT(name, field)                                                                                    \
    {                                                                                                        \
        name, KEY_TEXT, offsetof(struct reading, field), 0, 0, 0, NULL                                       \
    }
#define GIVEN(name, field)                                                                                   \
    {                                                                                                        \
        name, KEY_GIVEN, offsetof(struct reading, field), 0, 0, 0, NULL                                      \
    }
#define TIMM(name, field)                                                                                    \
    {                                                                                                        \
        name, KEY_TIMM, offsetof(struct reading, field), 0, 0, 0, NULL                                       \
    }
#define HF_TEXT(name, field)                                                                                 \
    {                                                                                                        \
        name, KEY_HF_TEXT, offsetof(struct reading, field), 0, 0, 0, NULL                                    \
    }
#define FIXED(name, word) CHOICE(name, fixed, 0, ((const struct choice[]){{word, 0}, {NULL, 0}}))
#define OTHER(name)                                                                                          \
    {                                                                                                        \
        name, KEY_OTHER, 0, 0, 0, 0, NULL                                                                    \
    }

/* An object of the file. */
struct section {
    const char *path;   /* keys from the root, with dots; "" is the root */
    const char *legacy; /* read instead of path where it is there; may be NULL */
    const struct key *keys;
    size_t count;
};

#define SECTION(path, legacy, keys)                                                                          \
    {                                                                                                        \
        path, legacy, keys, sizeof keys / sizeof *keys                                                       \
    }

struct config_format {
    const char *file;
    const char *model_type; /* the file's "model_type" must be this; NULL: the file has no such key */
    enum layout layout;
    const char *end_key; /* how the file names the id that ends a text */
    const struct section *sections;
    size_t count;
    bool strict; /* a key that is in no table is refused */
    int (*finish)(struct reading *reading, struct err *err);
};

extern const struct config_format config_hf, config_hf_metaclip_2, config_hf_chinese_clip, config_hf_altclip,
    config_hf_siglip, config_hf_siglip2, config_open_clip;

/* The keys of CLIP's vision_config, and of those whose vision tower is CLIP's. */
#define CONFIG_HF_CLIP_VISION                                                                                \
    SIZE("hidden_size", config.vision.block.width, 768, 1, WIDTH_MAX),                                       \
        SIZE("intermediate_size", config.vision.block.mlp_width, 3072, 1, MLP_MAX),                          \
        SIZE("num_hidden_layers", config.vision.block.layers, 12, 1, LAYERS_MAX),                            \
        SIZE("num_attention_heads", config.vision.block.heads, 12, 1, HEADS_MAX),                            \
        SIZE("num_channels", channels, 3, 3, 3),                                                             \
        SIZE("image_size", config.vision.image_size, 224, 1, IMAGE_MAX),                                     \
        SIZE("patch_size", config.vision.patch_size, 32, 1, IMAGE_MAX),                                      \
        CHOICE("hidden_act", vision_activation, ACTIVATION_QUICK_GELU, config_hf_activations),               \
        REAL("layer_norm_eps", vision_eps, 1e-5, 1e-12, 0.1)
void config_hf_clip_vision_finish(struct reading *reading);

/* The keys that the vision towers of SigLIP and SigLIP 2 have in common. */
#define CONFIG_HF_SIGLIP_VISION                                                                              \
    SIZE("hidden_size", config.vision.block.width, 768, 1, WIDTH_MAX),                                       \
        SIZE("intermediate_size", config.vision.block.mlp_width, 3072, 1, MLP_MAX),                          \
        SIZE("num_hidden_layers", config.vision.block.layers, 12, 1, LAYERS_MAX),                            \
        SIZE("num_attention_heads", config.vision.block.heads, 12, 1, HEADS_MAX),                            \
        SIZE("num_channels", channels, 3, 3, 3),                                                             \
        CHOICE("hidden_act", vision_activation, ACTIVATION_GELU_TANH, config_hf_activations),                \
        REAL("layer_norm_eps", vision_eps, 1e-6, 1e-12, 0.1), FIXED("vision_use_head", "true")

/* The keys of SigLIP's and SigLIP 2's text_config, which are the same, and what their towers have in common. */
#define CONFIG_HF_SIGLIP_TEXT                                                                                \
    SIZE("hidden_size", config.text.block.width, 768, 1, WIDTH_MAX),                                         \
        SIZE("intermediate_size", config.text.block.mlp_width, 3072, 1, MLP_MAX),                            \
        SIZE("num_hidden_layers", config.text.block.layers, 12, 1, LAYERS_MAX),                              \
        SIZE("num_attention_heads", config.text.block.heads, 12, 1, HEADS_MAX),                              \
        SIZE("vocab_size", config.text.vocab, 32000, 2, VOCAB_MAX),                                          \
        SIZE("max_position_embeddings", config.text.context, 64, 2, CONTEXT_MAX),                            \
        SIZE("projection_size", projection_size, 0, 0, WIDTH_MAX), /* not there: hidden_size */              \
        CHOICE("hidden_act", text_activation, ACTIVATION_GELU_TANH, config_hf_activations),                  \
        REAL("layer_norm_eps", text_eps, 1e-6, 1e-12, 0.1)
void config_hf_siglip_finish(struct reading *reading);

/* transformers' names for activations. */
extern const struct choice config_hf_activations[];

/* transformers' name for it, which is none of ACTIVATION_NONE's. */
const char *config_hf_activation(enum activation activation);

/* All of them; NULL ends the list. The first of a file is also for one that does not say its model_type. */
extern const struct config_format *const config_formats[];

/* A vision tower of timm's, with what open_clip's config says beside its name. The width of the embedding is not its. */
struct timm_model {
    const char *name;
    const struct family *family;
    const char *pool, *projection; /* timm_pool and timm_proj */
    struct vit_config vision;
};

/* NULL where the name is not in the table; then timm_model_kind says what kind of network it is. */
const struct timm_model *timm_model_find(const char *name);
const char *timm_model_kind(const char *name);

/* A text model of transformers' that open_clip takes, by the last part of its name on the hub. Context, embedding and what
 * comes after the last block are open_clip's to say. */
struct hf_text {
    const char *name;
    const struct family *family;
    bool no_pooler; /* of its own, a layer behind the first token's state */
    struct text_config text;
};
const struct hf_text *hf_text_find(const char *name); /* NULL: it is not in the table */

/* No published model comes near these; what they keep out is files that ask for all the memory there is. */
enum {
    WIDTH_MAX = 1 << 14,
    MLP_MAX = 1 << 16,
    LAYERS_MAX = 1 << 8,
    HEADS_MAX = 1 << 10,
    IMAGE_MAX = 1 << 12,
    VOCAB_MAX = 1 << 24,
    CONTEXT_MAX = 1 << 12,
    PATCHES_MAX = 1 << 12,
    TYPES_MAX = 1 << 10,
    PATCH_MAX = 1 << 8,
    QUERIES_MAX = 1 << 12,
};

/* How configs of a layout name the id that ends a text, for messages. */
const char *config_end_key(enum layout layout);

/* What no key can say alone: ERR_FORMAT, ERR_UNSUPPORTED. */
int model_config_check(const struct model_config *config, struct err *err);

/* Of weights in open_clip's layout that nothing describes: OpenAI's. ERR_UNSUPPORTED where they are others. */
int model_config_of_weights(struct model_config *out, const struct weights *weights, struct err *err);

/* Reads the root object of a file of that format. Errors are model_config_read's; messages name key and value,
 * not the file. */
int model_config_parse(
    struct model_config *out, const struct config_format *format, const struct json_t *root, struct err *err);

#endif
