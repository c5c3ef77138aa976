// SPDX-License-Identifier: Apache-2.0
/* POST /vectorize and what is beside it, as Weaviate's module multi2vec-clip asks its inference container
 * (multi2vec-clip-inference/app.py). */
#include "service/inputs.h"
#include "service/service_internal.h"
#include "service/vectors.h"

/* Of each list, so that both together are no more than a request may hold. */
enum { LIST_MAX = INPUTS_MAX / 2 };

/* Either list may be missing, null or empty; *has says whether there is one. */
static int check_list(bool *has, const struct call *call, const char *name, struct err *err)
{
    const json_t *value = json_object_get(call->body, name);
    *has = value && !json_is_null(value) && !(json_is_array(value) && !json_array_size(value));
    if (json_array_size(value) <= LIST_MAX)
        return 0;
    return err_set(
        err, ERR_LIMIT, "'%s' has %zu parts, the limit is %d", name, json_array_size(value), LIST_MAX);
}

int handle_weaviate_vectorize(struct call *call, struct err *err)
{
    const size_t width = engine_width(call_engine(call));
    struct inputs inputs = {0};
    float *embeddings;
    size_t tokens, texts = 0;
    bool has_texts = false, has_images = false;
    int rc = check_list(&has_texts, call, "texts", err);
    if (!rc)
        rc = check_list(&has_images, call, "images", err);
    if (!rc && !has_texts && !has_images)
        rc = err_set(err, ERR_ARGUMENT, "there is no list 'texts' or 'images'");
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
