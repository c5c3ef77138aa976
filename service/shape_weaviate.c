// SPDX-License-Identifier: Apache-2.0
/* POST /vectorize and what is beside it, as Weaviate's module multi2vec-clip asks its inference container
 * (multi2vec-clip-inference/app.py). */
#include "service/inputs.h"
#include "service/service_internal.h"
#include "service/vectors.h"

/* Either list may be missing or empty. */
int handle_weaviate_vectorize(struct call *call, struct err *err)
{
    const bool has_texts = json_array_size(json_object_get(call->body, "texts")) > 0;
    const bool has_images = json_array_size(json_object_get(call->body, "images")) > 0;
    const size_t width = engine_width(call_engine(call));
    struct inputs inputs = {0};
    float *embeddings;
    size_t tokens, texts = 0;
    int rc = has_texts || has_images ? 0 : err_set(err, ERR_ARGUMENT, "there is no list 'texts' or 'images'");
    if (!rc && has_texts)
        rc = inputs_read(&inputs, call, "texts", MODALITY_TEXT, err);
    texts = inputs.count; /* not the list's length: a list of numbers is the ids of one text */
    if (!rc && has_images)
        rc = inputs_read(&inputs, call, "images", MODALITY_IMAGE, err);
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
