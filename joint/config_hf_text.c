// SPDX-License-Identifier: Apache-2.0
/* The text towers that open_clip takes from transformers: its configs have but a name, by which open_clip asks the hub for
 * the config. Facts: the config.json of each on the hub; hf_model.py in open_clip, by which all mask padding. */
#include "joint/config.h"

#include <string.h>

/* RoBERTa: BERT with places that begin behind the padding's, which is id 1. */
#define ROBERTA(hf_name, hf_family, l, w, h, v)                                                              \
    {                                                                                                        \
        .name = hf_name, .family = &hf_family, .text = {                                                     \
            .block = {.layers = l,                                                                           \
                .width = w,                                                                                  \
                .heads = h,                                                                                  \
                .mlp_width = 4 * w,                                                                          \
                .activation = ACTIVATION_GELU,                                                               \
                .eps = 1e-5f,                                                                                \
                .norm_place = NORM_AFTER},                                                                   \
            .embedding = {.positions = 514, .first = 2, .types = 1, .norm = true},                           \
            .vocab = v,                                                                                      \
            .packed = true,                                                                                  \
            .skips_padding = true,                                                                           \
            .no_final_norm = true                                                                            \
        }                                                                                                    \
    }

/* NLLB's encoder, whose norm comes last; it has no pooler. */
#define NLLB(hf_name, l, m)                                                                                  \
    {                                                                                                        \
        .name = hf_name, .family = &family_nllb, .no_pooler = true, .text = {                                \
            .block = {.layers = l,                                                                           \
                .width = 1024,                                                                               \
                .heads = 16,                                                                                 \
                .mlp_width = m,                                                                              \
                .activation = ACTIVATION_RELU,                                                               \
                .eps = 1e-5f},                                                                               \
            .embedding = {.positions = 1026, .first = 2, .waves = true, .scaled = true},                     \
            .vocab = 256206,                                                                                 \
            .packed = true,                                                                                  \
            .skips_padding = true                                                                            \
        }                                                                                                    \
    }

static const struct hf_text models[] = {
    NLLB("nllb-200-distilled-600M", 12, 4096),
    NLLB("nllb-200-distilled-1.3B", 24, 8192),
    ROBERTA("roberta-base", family_roberta, 12, 768, 12, 50265),
    ROBERTA("xlm-roberta-base", family_xlm_roberta, 12, 768, 12, 250002),
    ROBERTA("xlm-roberta-large", family_xlm_roberta, 24, 1024, 16, 250002),
};

const struct hf_text *hf_text_find(const char *name)
{
    const char *slash = strrchr(name, '/');
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, slash ? slash + 1 : name))
            return &models[i];
    return NULL;
}
