// SPDX-License-Identifier: Apache-2.0
/* POST /vectorize and what is beside it, as Weaviate's module multi2vec-clip asks its inference container
 * (multi2vec-clip-inference/app.py). */
#include "service/inputs.h"
#include "service/service_internal.h"
#include "service/vectors.h"

/* Either list may be missing, null or empty. */
static bool has_list(const struct call *call, const char *name)
{
    const json_t *value = json_object_get(call->body, name);
    return value && !json_is_null(value) && !(json_is_array(value) && !json_array_size(value));
}

int handle_weaviate_vectorize(struct call *call, struct err *err)
{
    const bool has_texts = has_list(call, "texts"), has_images = has_list(call, "images");
    const size_t width = engine_width(call_engine(call));
    struct inputs inputs = {0};
    float *embeddings;
    size_t tokens, texts = 0;
    int rc = has_texts || has_images ? 0 : err_set(err, ERR_ARGUMENT, "there is no list 'texts' or 'images'");
    if (!rc && has_texts)
        rc = inputs_read_strings(&inputs, call, "texts", MODALITY_TEXT, err);
    texts = inputs.count;
    if (!rc && has_images)
        rc = inputs_read_strings(&inputs, call, "images", MODALITY_IMAGE, err);
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (!rc)
        call->answer = json_pack("{s:o, s:o}", "textVectors", vector_lists(embeddings, texts, width),
            "imageVectors", vector_lists(embeddings + texts * width, inputs.count - texts, width));
    return rc;
}

int handle_weaviate_meta(struct call *call, struct err *err)
{
    call->answer = json_pack("{s:s, s:I, s:s}", "model", call_model(call), "dimensions",
        (json_int_t)engine_width(call_engine(call)), "version", DIPTYCH_VERSION);
    return call->answer ? 0 : err_memory(err, 0);
}

int handle_weaviate_live(struct call *call, struct err *err)
{
    const int rc = handle_health(call, err);
    json_decref(call->answer);
    call->answer = NULL;
    call->response->status = rc ? 0 : 204;
    return rc;
}

int handle_weaviate_ready(struct call *call, struct err *err)
{
    const int rc = handle_ready(call, err);
    json_decref(call->answer);
    call->answer = NULL;
    call->response->status = rc ? 0 : 204;
    return rc;
}
