// SPDX-License-Identifier: Apache-2.0
/* The published CLIP shapes, with the activation their best known weights were trained with: OpenAI's B and
 * L, LAION's H and bigG. Facts: model_configs in open_clip. */
#include "joint/joint.h"

#define BLOCK(l, w, h, m, act, is_causal)                                                                    \
    {                                                                                                        \
        .layers = l, .width = w, .heads = h, .mlp_width = m, .activation = act, .eps = 1e-5f,                \
        .causal = is_causal                                                                                  \
    }

#define VISION(size, patch, embed, l, w, h, m, act)                                                          \
    {                                                                                                        \
        .block = BLOCK(l, w, h, m, act, false), .image_size = size, .patch_size = patch,                     \
        .embed_width = embed, .class_token = true, .pre_norm = true                                          \
    }

#define TEXT(embed, l, w, h, act)                                                                            \
    {                                                                                                        \
        .block = BLOCK(l, w, h, 4 * w, act, true), .vocab = 49408, .context = 77, .embed_width = embed,      \
        .eot_rule = EOT_FIRST, .eot_id = 49407                                                               \
    }

#define B_TEXT TEXT(512, 12, 512, 8, ACTIVATION_QUICK_GELU)
#define L_TEXT TEXT(768, 12, 768, 12, ACTIVATION_QUICK_GELU)
#define H_TEXT TEXT(1024, 24, 1024, 16, ACTIVATION_GELU)
#define BIGG_TEXT TEXT(1280, 32, 1280, 20, ACTIVATION_GELU)

#define HF(tower, texts)                                                                                     \
    {                                                                                                        \
        .layout = LAYOUT_HF, .family = &family_clip, .vision = tower, .text = texts, .tokenizer = {          \
            TOKENIZER_HF,                                                                                    \
            CLEAN_NONE,                                                                                      \
            false                                                                                            \
        }                                                                                                    \
    }

const struct model_shape model_shapes[] = {
    {"vit-b-32", HF(VISION(224, 32, 512, 12, 768, 12, 3072, ACTIVATION_QUICK_GELU), B_TEXT)},
    {"vit-b-16", HF(VISION(224, 16, 512, 12, 768, 12, 3072, ACTIVATION_QUICK_GELU), B_TEXT)},
    {"vit-l-14", HF(VISION(224, 14, 768, 24, 1024, 16, 4096, ACTIVATION_QUICK_GELU), L_TEXT)},
    {"vit-l-14-336", HF(VISION(336, 14, 768, 24, 1024, 16, 4096, ACTIVATION_QUICK_GELU), L_TEXT)},
    {"vit-h-14", HF(VISION(224, 14, 1024, 32, 1280, 16, 5120, ACTIVATION_GELU), H_TEXT)},
    {"vit-bigg-14", HF(VISION(224, 14, 1280, 48, 1664, 16, 8192, ACTIVATION_GELU), BIGG_TEXT)},
    {.name = NULL},
};
