// SPDX-License-Identifier: Apache-2.0
/* The vision towers that open_clip takes from timm, by the name that its configs have for them: a name alone says the
 * network. Facts: timm/models/vision_transformer.py in timm 1.0.31. */
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
};

/* How the names of other networks begin, and why these are not built. */
static const struct {
    const char *begins, *lacks;
} others[] = {
    {"convnext", "a convolutional network (ConvNeXt)"},
    {"fastvit", "a convolutional network (FastViT)"},
    {"mobilenet", "a convolutional network (MobileNet)"},
    {"resnet", "a convolutional network (ResNet)"},
    {"vitamin", "a network with convolutional stages (ViTamin)"},
    {"swin", "a network with shifted windows (Swin)"},
};

const struct timm_model *timm_model_find(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, name))
            return &models[i];
    return NULL;
}

const char *timm_model_lacks(const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strncmp(others[i].begins, name, strlen(others[i].begins)))
            return others[i].lacks;
    return "no network of timm's that is built";
}
