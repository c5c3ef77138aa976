// SPDX-License-Identifier: Apache-2.0
/* POST /v1/multimodalembeddings, as Voyage's clients send it (voyageai-python, object/multimodal_embeddings.py). */
#include "service/inputs.h"
#include "service/vectors.h"

#include <string.h>

static int read_encoding(bool *base64, const struct call *call, struct err *err)
{
    const char *word = NULL;
    const int rc = field_text(&word, call->body, "output_encoding", err);
    *base64 = word && !strcmp(word, "base64");
    if (!rc && word && !*base64)
        return err_set(err, ERR_ARGUMENT, "'output_encoding' is '%.40s', it can be base64", word);
    return rc;
}

static int check_truncation(const struct call *call, const struct inputs *inputs, struct err *err)
{
    bool truncation = true;
    const int rc = field_bool(&truncation, call->body, "truncation", err);
    return rc || truncation ? rc : inputs_check_lengths(call, inputs, err);
}

int handle_voyage_embed(struct call *call, struct err *err)
{
    struct inputs inputs = {0};
    int(*edges)[2]; // (count, 2)
    float *embeddings;
    size_t tokens, pixels = 0;
    bool base64 = false;
    int rc = call_check_model(call, err);
    if (!rc)
        rc = read_encoding(&base64, call, err);
    if (!rc)
        rc = inputs_read_contents(&inputs, call, "inputs", err);
    if (!rc)
        rc = check_truncation(call, &inputs, err);
    if (!rc)
        rc = call_alloc(&edges, call, inputs.count, sizeof *edges, err);
    for (size_t i = 0; i < inputs.count && !rc; i++)
        inputs.items[i].edges = edges[i];
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < inputs.count; i++)
        pixels += (size_t)edges[i][0] * (size_t)edges[i][1];
    call->answer = json_pack("{s:s, s:o, s:s, s:{s:I, s:I, s:I}}", "object", "list", "data",
        vector_objects(call, embeddings, inputs.count, base64), "model", call_model(call), "usage",
        "text_tokens", (json_int_t)(tokens - inputs_picture_tokens(call, &inputs)), "image_pixels",
        (json_int_t)pixels, "total_tokens", (json_int_t)tokens);
    return 0;
}
