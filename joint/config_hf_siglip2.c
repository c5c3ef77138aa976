// SPDX-License-Identifier: Apache-2.0
/* Hugging Face's config.json of SigLIP 2 NaFlex, which takes pictures of any aspect ratio. What is not here is as in
 * SigLIP's. Facts: Siglip2Config, Siglip2TextConfig, Siglip2VisionConfig in transformers. */
#include "joint/config.h"

static const struct key vision[] = {
    CONFIG_HF_SIGLIP_VISION,
    SIZE("num_patches", num_patches, 256, 1, PATCHES_MAX),
    SIZE("patch_size", config.vision.patch_size, 16, 1, PATCH_MAX),
};

static const struct key text[] = {CONFIG_HF_SIGLIP_TEXT};

static const struct section sections[] = {
    SECTION("vision_config", NULL, vision),
    SECTION("text_config", NULL, text),
};

static int finish(struct reading *reading, struct err *err)
{
    struct vit_config *tower = &reading->config.vision;
    size_t side = 1;
    while (side * side < reading->num_patches)
        side++;
    if (side * side != reading->num_patches)
        return err_set(
            err, ERR_FORMAT, "'vision_config.num_patches' is %zu, which is no square", reading->num_patches);
    config_hf_siglip_finish(reading);
    reading->config.family = &family_siglip2;
    tower->any_size = true;
    tower->image_size = side * tower->patch_size;
    return 0;
}

const struct config_format config_hf_siglip2 = {
    .file = "config.json",
    .model_type = "siglip2",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = sections,
    .count = sizeof sections / sizeof *sections,
    .finish = finish,
};
