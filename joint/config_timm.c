// SPDX-License-Identifier: Apache-2.0
/* The vision towers that open_clip takes from timm, by the name that its configs have for them: a name alone says the
 * network. Facts: timm/models/vision_transformer.py, vision_transformer_hybrid.py and eva.py in timm 1.0.31. */
#include "joint/config.h"

#include <string.h>

/* SigLIP's: the size and the activation are the name's, and not those of the generation of SigLIP. */
#define SIGLIP(timm_name, size, patch, l, w, h, m, act)                                                      \
    {                                                                                                        \
        .name = timm_name, .family = &family_siglip, .pool = "map", .projection = "none", .vision = {        \
            .block = {.layers = l, .width = w, .heads = h, .mlp_width = m, .activation = act, .eps = 1e-6f}, \
            .image_size = size,                                                                              \
            .patch_size = patch,                                                                             \
            .patch_bias = true,                                                                              \
            .pooling = VISION_POOL_ATTENTION,                                                                \
            .projection = PROJECTION_NONE                                                                    \
        }                                                                                                    \
    }

#define SIGLIP_B(name, size, patch, act) SIGLIP(name, size, patch, 12, 768, 12, 3072, act)
#define SIGLIP_L(name, size, act) SIGLIP(name, size, 16, 24, 1024, 16, 4096, act)
#define SIGLIP_SO400M(name, size, patch, act) SIGLIP(name, size, patch, 27, 1152, 16, 4304, act)
#define SIGLIP_GIANT(name, size, act) SIGLIP(name, size, 16, 40, 1536, 16, 6144, act)

/* Those that end in a layer for the embedding. */
#define TRUNK(timm_name, timm_family, timm_pool, size, patch, ...)                                           \
    {                                                                                                        \
        .name = timm_name, .family = &timm_family, .pool = timm_pool, .projection = "", .vision = {          \
            .image_size = size,                                                                              \
            .patch_size = patch,                                                                             \
            .projection = PROJECTION_LAYER,                                                                  \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

#define SIZES(l, w, h, m, act, block_eps)                                                                    \
    .layers = l, .width = w, .heads = h, .mlp_width = m, .activation = act, .eps = block_eps

/* EVA-02 of sizes B and L: coordinates as if the grid were 16 patches wide. */
#define EVA02(name, size, patch, l, w, h, m)                                                                 \
    TRUNK(name, family_eva, "token", size, patch, .patch_bias = true, .class_token = true,                   \
        .block = {SIZES(l, w, h, m, ACTIVATION_NONE, 1e-6f), .gated = true, .inner_norm = true,              \
            .rotary = {.grid = (size) / (patch), .class_tokens = 1, .scale = 16.0f / ((size) / (patch))}})

/* Perception Encoder: with a class token coordinates begin at 1. */
#define PE(name, size, patch, with_class, l, w, h, m)                                                        \
    TRUNK(name, family_pe, "map", size, patch, .class_token = with_class, .pre_norm = true,                  \
        .pooling = VISION_POOL_ATTENTION, .pool_heads = 8, .pool_mlp_width = 4 * (w),                        \
        .block = {SIZES(l, w, h, m, ACTIVATION_GELU, 1e-5f), .rotary = {.grid = (size) / (patch),            \
                                                                 .class_tokens = with_class,                 \
                                                                 .first = with_class,                        \
                                                                 .scale = 1,                                 \
                                                                 .x_first = true}})

static const struct timm_model models[] = {
    SIGLIP_B("vit_base_patch32_siglip_256", 256, 32, ACTIVATION_GELU_TANH),
    SIGLIP_B("vit_base_patch16_siglip_224", 224, 16, ACTIVATION_GELU),
    SIGLIP_B("vit_base_patch16_siglip_256", 256, 16, ACTIVATION_GELU),
    SIGLIP_B("vit_base_patch16_siglip_384", 384, 16, ACTIVATION_GELU),
    SIGLIP_B("vit_base_patch16_siglip_512", 512, 16, ACTIVATION_GELU),
    SIGLIP_L("vit_large_patch16_siglip_256", 256, ACTIVATION_GELU),
    SIGLIP_L("vit_large_patch16_siglip_384", 384, ACTIVATION_GELU),
    SIGLIP_L("vit_large_patch16_siglip_512", 512, ACTIVATION_GELU_TANH),
    SIGLIP_SO400M("vit_so400m_patch14_siglip_224", 224, 14, ACTIVATION_GELU),
    SIGLIP_SO400M("vit_so400m_patch14_siglip_378", 378, 14, ACTIVATION_GELU),
    SIGLIP_SO400M("vit_so400m_patch14_siglip_384", 384, 14, ACTIVATION_GELU),
    SIGLIP_SO400M("vit_so400m_patch16_siglip_256", 256, 16, ACTIVATION_GELU_TANH),
    SIGLIP_SO400M("vit_so400m_patch16_siglip_384", 384, 16, ACTIVATION_GELU_TANH),
    SIGLIP_SO400M("vit_so400m_patch16_siglip_512", 512, 16, ACTIVATION_GELU_TANH),
    SIGLIP_GIANT("vit_giantopt_patch16_siglip_256", 256, ACTIVATION_GELU_TANH),
    SIGLIP_GIANT("vit_giantopt_patch16_siglip_384", 384, ACTIVATION_GELU_TANH),
    EVA02("eva02_base_patch16_clip_224", 224, 16, 12, 768, 12, 2048),
    EVA02("eva02_large_patch14_clip_224", 224, 14, 24, 1024, 16, 2730),
    EVA02("eva02_large_patch14_clip_336", 336, 14, 24, 1024, 16, 2730),
    TRUNK("eva_giant_patch14_224", family_eva, "token", 224, 14, .patch_bias = true, .class_token = true,
        .block = {SIZES(40, 1408, 16, 6144, ACTIVATION_GELU, 1e-6f)}),
    TRUNK("eva02_enormous_patch14_clip_224", family_eva, "token", 224, 14, .patch_bias = true,
        .class_token = true,
        .block = {SIZES(64, 1792, 16, 15360, ACTIVATION_GELU, 1e-6f), .norm_place = NORM_OF_BRANCH}),
    PE("vit_pe_core_tiny_patch16_384", 384, 16, true, 12, 192, 3, 768),
    PE("vit_pe_core_small_patch16_384", 384, 16, true, 12, 384, 6, 1536),
    PE("vit_pe_core_base_patch16_224", 224, 16, true, 12, 768, 12, 3072),
    PE("vit_pe_core_large_patch14_336", 336, 14, true, 24, 1024, 16, 4096),
    PE("vit_pe_core_gigantic_patch14_448", 448, 14, false, 50, 1536, 16, 8960),
    TRUNK("vit_base_mci_224", family_mobileclip, "token", 224, 16, .stem = true, .class_token = true,
        .class_unplaced = true, .block = {SIZES(12, 768, 12, 3072, ACTIVATION_GELU, 1e-6f)}),
    TRUNK("vit_large_patch14_clip_224", family_mobileclip, "token", 224, 14, .class_token = true,
        .pre_norm = true,
        .block = {SIZES(24, 1024, 16, 4096, ACTIVATION_GELU, 1e-5f)}), /* MobileCLIP2-L-14 */
};

/* How the names of other networks begin, and what these are. */
static const struct {
    const char *begins, *kind;
} others[] = {
    {"convnext", "a ConvNeXt, made of convolutions"},
    {"fastvit", "a FastViT, made of convolutions"},
    {"mobilenet", "a MobileNet, made of convolutions"},
    {"resnet", "a ResNet, made of convolutions"},
    {"vitamin", "a ViTamin, made of convolutions and transformer blocks"},
    {"swin", "a Swin, a transformer of shifted windows"},
};

const struct timm_model *timm_model_find(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, name))
            return &models[i];
    return NULL;
}

const char *timm_model_kind(const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(others[i].begins, name, strlen(others[i].begins)))
            return others[i].kind;
    return "another network of timm's";
}
