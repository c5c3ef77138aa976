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

int token_rows_add(struct token_rows *rows, const struct model *model, const char *text, struct err *err)
{
    const struct tokenizer *tokenizer = model_tokenizer(model);
    const size_t context = model_config(model)->text.context;
    bool truncated;
    if (!tokenizer)
        return err_set(err, ERR_ARGUMENT, "a model without a tokenizer encodes no strings");
    int rc = rows->count < rows->room ? 0 : grow(rows, context, err);
    if (!rc)
        rc = tokenizer_encode(tokenizer, text, strlen(text), rows->ids + rows->count * context,
            model_context(model), &rows->lengths[rows->count], &truncated, err);
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
