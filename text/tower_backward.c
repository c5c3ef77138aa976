// SPDX-License-Identifier: Apache-2.0
/* The text transformer for training: forward, keeping what gradients need, and backward. text/tower.c is its twin. */
#include "text/tower_tensors.h"

#include <stdlib.h>

struct trained_text {
    struct text_config config;
    enum tower_part part;
    struct text_tensors values, gradients;
    struct trained_transformer *blocks;
    struct {
        struct id_rows rows;
        struct tensor eot;    // (B) int32
        struct tensor x;      // (B, T, W) float32: before the blocks
        struct tensor pooled; // (B, W) float32: the end-of-text tokens after them
    } kept;
};

int trained_text_new(struct trained_text **out, const struct text_config *config,
    struct parameters *parameters, const struct tower_training *training, struct err *err)
{
    if (config->packed || config->no_final_norm)
        return err_set(
            err, ERR_UNSUPPORTED, "text towers with packed texts or without a last norm cannot be trained");
    struct trained_text *text = mem_new(1, sizeof *text);
    if (!text)
        return err_memory(err, sizeof *text);
    text->config = *config;
    text->part = training->part;
    int rc = text_parameters(config, training->part, parameters, &text->values, &text->gradients, err);
    if (!rc)
        rc = trained_transformer_new(
            &text->blocks, &config->block, text_block_prefix, parameters, training, err);
    if (rc)
        trained_text_free(text);
    else
        *out = text;
    return rc;
}

void trained_text_free(struct trained_text *text)
{
    if (!text)
        return;
    trained_transformer_free(text->blocks);
    free(text);
}

int trained_text_forward(struct trained_text *text, struct stream *stream, struct tensor embeddings,
    const int32_t *ids, const int32_t *eot, size_t batch, size_t tokens, struct err *err)
{
    const struct transformer_config *block = &text->config.block;
    const struct tensor none = {0};
    struct tensor rows; // (B, T) ids
    int rc;
    if ((rc = tensor_new(&rows, stream, DTYPE_I32, SHAPE(batch, tokens), err)) ||
        (rc = tensor_new(&text->kept.eot, stream, DTYPE_I32, SHAPE(batch), err)) ||
        (rc = tensor_new(&text->kept.x, stream, DTYPE_F32, SHAPE(batch, tokens, block->width), err)) ||
        (text->part == TOWER_ALL && (rc = id_rows_new(&text->kept.rows, stream, ids, batch * tokens, err))) ||
        (rc = tensor_write(stream, rows, ids, batch * tokens, err)) ||
        (rc = tensor_write(stream, text->kept.eot, eot, batch, err)) ||
        (rc = embed_tokens(stream, text->kept.x, rows, text->values.token_table, 1, none,
             text->values.positions, none, err)) ||
        (rc = trained_transformer_forward(
             text->blocks, stream, &text->kept.pooled, text->kept.x, &text->kept.eot, err)))
        return rc;
    return project_forward(stream, embeddings, text->kept.pooled, &text->values.end, block->eps, err);
}

int trained_text_backward(
    struct trained_text *text, struct stream *stream, struct tensor dembeddings, struct err *err)
{
    const struct text_tensors *gradients = &text->gradients;
    const bool ends = text->part == TOWER_PROJECTION;
    const size_t mark = stream_mark(stream);
    struct tensor dpooled = {0}, dx; // (B, W) and (B, T, W) float32
    int rc;
    if ((!ends && (rc = tensor_new(&dpooled, stream, DTYPE_F32, text->kept.pooled.shape, err))) ||
        (rc = project_backward(stream, dpooled, &gradients->end, dembeddings, text->kept.pooled,
             &text->values.end, text->config.block.eps, err)) ||
        ends || (rc = tensor_new(&dx, stream, DTYPE_F32, text->kept.x.shape, err)) ||
        (rc = trained_transformer_backward(text->blocks, stream, dx, dpooled, err)))
        goto done;
    if (text->part == TOWER_ALL)
        rc = embed_tokens_backward(
            stream, gradients->token_table, gradients->positions, &text->kept.rows, dx, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
