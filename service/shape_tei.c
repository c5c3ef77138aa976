// SPDX-License-Identifier: Apache-2.0
/* POST /embed, POST /rerank and GET /info, as clients of text-embeddings-inference send them (router/src/http/types.rs).
 * Fields that are not known are ignored, as there. */
#include "service/inputs.h"
#include "service/service_internal.h"
#include "service/vectors.h"

#include <string.h>

/* ---- texts that are too long --------------------------------------------------------------------------- */

/* Texts are cut where the model ends, unless "truncate" is false. */
static int check_lengths(const struct call *call, const struct inputs *inputs, struct err *err)
{
    bool truncate = true;
    const int rc = field_bool(&truncate, call->body, "truncate", err);
    return rc || truncate ? rc : inputs_check_lengths(call, inputs, err);
}

/* ---- embeddings ---------------------------------------------------------------------------------------- */

/* The model's embeddings have no length that means anything: they are compared by their directions. */
static int check_normalize(const struct call *call, struct err *err)
{
    bool normalize = true;
    const int rc = field_bool(&normalize, call->body, "normalize", err);
    return rc || normalize
               ? rc
               : err_set(err, ERR_ARGUMENT, "'normalize' is false, embeddings here have length 1");
}

int handle_tei_embed(struct call *call, struct err *err)
{
    struct inputs inputs = {0};
    float *embeddings;
    size_t tokens;
    int rc = check_normalize(call, err);
    if (!rc)
        rc = inputs_read(&inputs, call, "inputs", MODALITY_AUTO, err);
    if (!rc)
        rc = check_lengths(call, &inputs, err);
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (!rc)
        call->answer = vector_lists(embeddings, inputs.count, engine_width(call_engine(call)));
    return rc;
}

/* ---- reranking ----------------------------------------------------------------------------------------- */

/* The query first, then the texts. */
static int read_rerank(struct inputs *inputs, const struct call *call, struct err *err)
{
    const json_t *texts = json_object_get(call->body, "texts");
    const char *query = NULL;
    int rc = field_text(&query, call->body, "query", err);
    if (!rc && (!json_is_array(texts) || json_is_number(json_array_get(texts, 0))))
        rc = err_set(err, ERR_ARGUMENT, "'texts' is no list of texts");
    if (!rc)
        rc = inputs_read(inputs, call, "query", MODALITY_AUTO, err);
    return rc ? rc : inputs_read(inputs, call, "texts", MODALITY_AUTO, err);
}

/* TEI's raw scores are a reranker's logits and its others lie between 0 and 1. Here a raw score is the cosine of query
 * and text, from -1 to 1, and the other is (1 + cosine) / 2. */
static double rerank_score(float cosine, bool raw)
{
    return raw ? (double)cosine : (1 + (double)cosine) / 2;
}

int handle_tei_rerank(struct call *call, struct err *err)
{
    struct inputs inputs = {0};
    struct prediction *best = NULL;
    bool raw = false, with_text = false;
    size_t count = 0;
    int rc = field_bool(&raw, call->body, "raw_scores", err);
    if (!rc)
        rc = field_bool(&with_text, call->body, "return_text", err);
    if (!rc)
        rc = read_rerank(&inputs, call, err);
    if (!rc)
        rc = check_lengths(call, &inputs, err);
    if (!rc)
        rc = inputs_rank(&best, &count, call, &inputs, err);
    if (rc)
        return rc;
    const json_t *texts = json_object_get(call->body, "texts");
    call->answer = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_pack(
            "{s:I, s:f}", "index", (json_int_t)best[i].label, "score", rerank_score(best[i].cosine, raw));
        if (with_text)
            json_object_set(one, "text", json_array_get(texts, best[i].label));
        json_array_append_new(call->answer, one);
    }
    return 0;
}

/* ---- the service --------------------------------------------------------------------------------------- */

int handle_tei_info(struct call *call, struct err *err)
{
    static const char *const dtypes[PRECISION_COUNT] = {[PRECISION_F32] = "float32",
        [PRECISION_BF16] = "bfloat16",
        [PRECISION_F16] = "float16",
        [PRECISION_INT8] = "int8"};
    const struct service_options *options = &call->service->options;
    const json_int_t context = (json_int_t)engine_config(call_engine(call))->text.context,
                     batch = (json_int_t)options->batch;
    call->answer = json_pack("{s:s, s:s, s:s, s:{s:{s:s}}, s:i, s:I, s:I, s:I, s:i, s:b, s:i, s:s, s:n, s:n}",
        "model_id", call_model(call), "model_sha", engine_fingerprint(call_engine(call)), "model_dtype",
        dtypes[device_precision(engine_device(call_engine(call)))], "model_type", "embedding", "pooling",
        "last_token", "max_concurrent_requests", options->requests, "max_input_length", context,
        "max_batch_tokens", batch * context, "max_batch_requests", batch, "max_client_batch_size", INPUTS_MAX,
        "auto_truncate", 1, "tokenization_workers", options->requests, "version", DIPTYCH_VERSION, "sha",
        "docker_label");
    return call->answer ? 0 : err_memory(err, 0);
}
