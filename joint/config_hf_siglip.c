// SPDX-License-Identifier: Apache-2.0
/* Hugging Face's config.json of SigLIP, and of SigLIP 2 at a fixed resolution, which says that it is SigLIP. Facts:
 * SiglipConfig, SiglipTextConfig, SiglipVisionConfig in transformers. */
#include "joint/config.h"

static const struct key vision[] = {
    CONFIG_HF_SIGLIP_VISION,
    SIZE("image_size", config.vision.image_size, 224, 1, IMAGE_MAX),
    SIZE("patch_size", config.vision.patch_size, 16, 1, IMAGE_MAX),
};

static const struct key text[] = {CONFIG_HF_SIGLIP_TEXT};

static const struct section sections[] = {
    SECTION("vision_config", NULL, vision),
    SECTION("text_config", NULL, text),
};

void config_hf_siglip_finish(struct reading *reading)
{
    struct vit_config *pictures = &reading->config.vision;
    struct text_config *texts = &reading->config.text;
    reading->config.family = &family_siglip;
    reading->config.score = SCORE_SIGMOID;
    pictures->block.activation = (enum activation)reading->vision_activation;
    pictures->patch_bias = true;
    pictures->pooling = VISION_POOL_ATTENTION;
    pictures->projection = PROJECTION_NONE;
    pictures->embed_width = pictures->block.width;
    texts->block.activation = (enum activation)reading->text_activation;
    texts->eot_rule = EOT_LAST;
    texts->projection = PROJECTION_LAYER;
    texts->embed_width = reading->projection_size ? reading->projection_size : texts->block.width;
}

static int finish(struct reading *reading, struct err *err)
{
    (void)err;
    config_hf_siglip_finish(reading);
    return 0;
}

const struct config_format config_hf_siglip = {
    .file = "config.json",
    .model_type = "siglip",
    .layout = LAYOUT_HF,
    .end_key = "eos_token_id",
    .sections = sections,
    .count = sizeof sections / sizeof *sections,
    .finish = finish,
};
