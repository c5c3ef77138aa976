// SPDX-License-Identifier: Apache-2.0
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

static int grow(struct token_rows *rows, size_t context, struct err *err)
{
    const size_t row = context * sizeof *rows->ids;
    size_t room = rows->room; /* of both arrays, whether or not the second can grow */
    const int rc = array_grow(rows->lengths, &room, rows->count + 1, err);
    return rc ? rc : array_grow_bytes(&rows->ids, row, &rows->room, rows->count + 1, err);
}

size_t model_pad_ids(const struct model *model, int32_t *ids, size_t length)
{
    const struct text_config *config = &model_config(model)->text;
    return text_shows_padding(config) ? tokenizer_pad(model_tokenizer(model), ids, length, config->context)
                                      : length;
}

int model_text_ids(const struct model *model, const char *text, int32_t *ids, size_t *length, bool *truncated,
    struct err *err)
{
    const int rc = tokenizer_encode(
        model_tokenizer(model), text, strlen(text), ids, model_context(model), length, truncated, err);
    if (!rc)
        *length = model_pad_ids(model, ids, *length);
    return rc;
}

int token_rows_add(struct token_rows *rows, const struct model *model, const char *text, struct err *err)
{
    const size_t context = model_config(model)->text.context;
    bool truncated;
    if (!model_tokenizer(model))
        return err_set(err, ERR_ARGUMENT, "a model without a tokenizer encodes no strings");
    int rc = rows->count < rows->room ? 0 : grow(rows, context, err);
    if (!rc)
        rc = model_text_ids(
            model, text, rows->ids + rows->count * context, &rows->lengths[rows->count], &truncated, err);
    if (rc)
        return rc;
    rows->count++;
    rows->truncated += truncated;
    return 0;
}

void token_rows_release(struct token_rows *rows)
{
    free(rows->ids);
    free(rows->lengths);
    *rows = (struct token_rows){0};
}
