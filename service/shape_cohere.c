// SPDX-License-Identifier: Apache-2.0
/* POST /v2/embed, as Cohere's clients and vLLM's send it (docs.cohere.com/reference/embed; vLLM's
 * entrypoints/pooling/embed/protocol.py). Fields that are not known are ignored. */
#include "service/inputs.h"
#include "service/vectors.h"

#include <string.h>

/* ---- the body ------------------------------------------------------------------------------------------ */

static int read_inputs(struct inputs *out, const struct call *call, struct err *err)
{
    static const char *const fields[] = {"texts", "images", "inputs"};
    const char *given = NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *value = json_object_get(call->body, fields[i]);
        if (!value || json_is_null(value))
            continue;
        if (given)
            return err_set(err, ERR_ARGUMENT, "there are both '%s' and '%s'", given, fields[i]);
        given = fields[i];
    }
    if (!given || !json_is_array(json_object_get(call->body, given)))
        return err_set(err, ERR_ARGUMENT, "there is no list 'texts', 'images' or 'inputs'");
    if (!strcmp(given, "inputs"))
        return inputs_read_contents(out, call, given, err);
    return inputs_read_strings(out, call, given, *given == 't' ? MODALITY_TEXT : MODALITY_IMAGE, err);
}

static int check_truncate(const struct call *call, const struct inputs *inputs, struct err *err)
{
    const char *word = "END";
    const int rc = field_text(&word, call->body, "truncate", err);
    if (rc || !strcmp(word, "END"))
        return rc;
    if (strcmp(word, "NONE"))
        return err_set(err, ERR_ARGUMENT, "'truncate' is '%.40s', it can be END or NONE", word);
    return inputs_check_lengths(call, inputs, err);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static json_t *vector_of_type(const struct call *call, const char *type, const float *vector)
{
    const size_t width = engine_width(call_engine(call));
    if (!strcmp(type, "float"))
        return vector_numbers(vector, width);
    if (!strcmp(type, "base64"))
        return vector_base64(call, vector, width);
    if (!strcmp(type, "ubinary"))
        return vector_bits(vector, width, 0);
    if (!strcmp(type, "binary"))
        return vector_bits(vector, width, -128);
    return NULL;
}

static int check_types(const json_t *types, struct err *err)
{
    static const char *const known[] = {"float", "base64", "binary", "ubinary"};
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        size_t at = 0;
        while (at < 4 && type && strcmp(type, known[at]))
            at++;
        if (!type || at == 4)
            return err_set(err, ERR_ARGUMENT,
                "'embedding_types' has '%.40s', it can have float, base64, binary and ubinary",
                type ? type : "no text");
    }
    return types && !json_array_size(types)
               ? err_set(err, ERR_ARGUMENT, "'embedding_types' is no list of types")
               : 0;
}

/* {"float": [...], ...}: embeddings (count, E) as each of the types. */
static json_t *embeddings_by_type(
    const struct call *call, const json_t *types, const float *embeddings, size_t count)
{
    const size_t width = engine_width(call_engine(call)), type_count = types ? json_array_size(types) : 1;
    json_t *all = json_object();
    for (size_t t = 0; t < type_count; t++) {
        const char *type = types ? json_string_value(json_array_get(types, t)) : "float";
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(list, vector_of_type(call, type, embeddings + i * width));
        json_object_set_new(all, type, list);
    }
    return all;
}

int handle_cohere_embed(struct call *call, struct err *err)
{
    json_t *types = json_object_get(call->body, "embedding_types");
    const json_t *texts = json_object_get(call->body, "texts");
    struct inputs inputs = {0};
    size_t tokens, dimension = engine_width(call_engine(call));
    float *embeddings;
    types = json_is_null(types) ? NULL : types;
    int rc = call_check_model(call, err);
    if (!rc)
        rc = check_types(types, err);
    if (!rc)
        rc = field_size(&dimension, call->body, "output_dimension", dimension, dimension, err);
    if (!rc)
        rc = read_inputs(&inputs, call, err);
    if (!rc)
        rc = check_truncate(call, &inputs, err);
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (rc)
        return rc;
    const size_t image_tokens = inputs_picture_tokens(call, &inputs);
    call->answer = json_pack("{s:s, s:o, s:s, s:{s:{s:s}, s:{s:I, s:I}}}", "id", call->request->id,
        "embeddings", embeddings_by_type(call, types, embeddings, inputs.count), "response_type",
        "embeddings_by_type", "meta", "api_version", "version", "2", "billed_units", "input_tokens",
        (json_int_t)(tokens - image_tokens), "image_tokens", (json_int_t)image_tokens);
    json_object_set_new(call->answer, "texts", json_is_array(texts) ? json_deep_copy(texts) : json_array());
    return 0;
}
