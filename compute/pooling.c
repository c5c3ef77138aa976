// SPDX-License-Identifier: Apache-2.0
/* Pooling: from the states of all tokens of a sequence to one. */
#include "compute/transformer.h"

/* In the last block the other tokens are keys and values only, so nothing else of them is computed there. */
int pool_token(const struct transformer *transformer, struct stream *stream, struct tensor pooled,
    struct tensor x, struct tensor pick, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct block *last = &transformer->blocks[config->layers - 1];
    const size_t mark = stream_mark(stream);
    struct tensor context; // (B, W): of the picked tokens
    struct workspace workspace;
    int rc;
    if ((rc = workspace_new(&workspace, config, stream, x.shape, err)) ||
        (rc = tensor_new(&context, stream, stream_dtype(stream), pooled.shape, err)) ||
        (rc = block_attend(last, config, stream, &workspace, x, err)) ||
        (rc = gather_rows(stream, pooled, x, pick, err)) ||
        (rc = gather_rows(stream, context, workspace.context, pick, err)))
        goto done;
    rc = block_finish(last, config, stream, &workspace, pooled, context, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
