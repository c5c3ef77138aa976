// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>

#include "joint/config.h"
#include "tests/fuzz/fuzz.h"

/* Whatever is accepted can be computed with: no size is zero or leaves its range, nothing divides unevenly. */
static void check_block(const struct transformer_config *block)
{
    FUZZ_CHECK(block->layers > 0 && block->layers <= LAYERS_MAX);
    FUZZ_CHECK(block->width > 0 && block->width <= WIDTH_MAX);
    FUZZ_CHECK(block->mlp_width > 0 && block->mlp_width <= MLP_MAX);
    FUZZ_CHECK(block->heads > 0 && block->width % block->heads == 0);
    FUZZ_CHECK((block->activation == ACTIVATION_NONE) == block->gated);
    FUZZ_CHECK(block->eps > 0 && block->eps <= 0.1f);
}

static void check_config(const struct model_config *config)
{
    check_block(&config->vision.block);
    check_block(&config->text.block);
    FUZZ_CHECK(config->vision.patch_size > 0 && config->vision.image_size <= IMAGE_MAX);
    FUZZ_CHECK(config->vision.patch_size <= config->vision.image_size);
    FUZZ_CHECK(config->vision.embed_width > 0 && config->vision.embed_width == config->text.embed_width);
    FUZZ_CHECK(config->text.vocab >= 2 && config->text.vocab <= VOCAB_MAX);
    FUZZ_CHECK(config->text.context >= 2 && config->text.context <= CONTEXT_MAX);
    FUZZ_CHECK(!config->text.embedding.positions ||
               config->text.embedding.first + config->text.context <= config->text.embedding.positions);
    FUZZ_CHECK(config->text.packed == (config->text.eot_rule >= TEXT_START));
    FUZZ_CHECK(config->text.eot_rule != EOT_FIRST || (size_t)config->text.eot_id < config->text.vocab);
    FUZZ_CHECK(config->vision.pooling != VISION_POOL_QUERY ||
               (config->vision.pool_queries > 0 && config->vision.pool_queries <= QUERIES_MAX &&
                   config->vision.embed_width % config->vision.pool_heads == 0));
    FUZZ_CHECK(config->text.block.unseen == (config->text.eot_rule == TEXT_CLASS));
    FUZZ_CHECK(config->family && config->family->template);
    FUZZ_CHECK(config->vision.projection != PROJECTION_NONE ||
               config->vision.embed_width == config->vision.block.width);
    FUZZ_CHECK(
        config->text.projection != PROJECTION_NONE || config->text.embed_width == config->text.block.width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root;
    if (json_parse(&root, (const char *)data, size, "fuzz", NULL))
        return 0;
    for (const struct config_format *const *format = config_formats; *format; format++) {
        struct model_config config;
        struct err err = {0};
        if (model_config_parse(&config, *format, root, &err))
            FUZZ_CHECK(err.code != ERR_NONE && err.msg[0]);
        else
            check_config(&config);
    }
    json_decref(root);
    return 0;
}
