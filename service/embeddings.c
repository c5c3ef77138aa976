// SPDX-License-Identifier: Apache-2.0
/* POST /v1/embeddings, as OpenAI's clients send it (platform.openai.com/docs/api-reference/embeddings), with
 * infinity's "modality" for pictures as data URIs and Jina's objects in "input"; or with vLLM's "messages" in its place
 * (entrypoints/pooling/embed/protocol.py). The answer has vLLM's and infinity's "id" and "created" beside OpenAI's. */
#include "service/inputs.h"
#include "service/vectors.h"

#include <string.h>
#include <time.h>

static int read_modality(enum modality *out, const json_t *body, struct err *err)
{
    const char *word = NULL;
    const int rc = field_text(&word, body, "modality", err);
    *out = MODALITY_AUTO;
    if (rc || !word)
        return rc;
    if (!strcmp(word, "text"))
        *out = MODALITY_TEXT;
    else if (!strcmp(word, "image"))
        *out = MODALITY_IMAGE;
    else
        return err_set(err, ERR_ARGUMENT, "'modality' is '%.40s', it can be text or image", word);
    return 0;
}

static int read_encoding(bool *base64, const json_t *body, struct err *err)
{
    const char *word = "float";
    const int rc = field_text(&word, body, "encoding_format", err);
    if (rc)
        return rc;
    *base64 = !strcmp(word, "base64");
    if (!*base64 && strcmp(word, "float"))
        return err_set(err, ERR_ARGUMENT, "'encoding_format' is '%.40s', it can be float or base64", word);
    return 0;
}

/* The space that a model has cannot be made smaller: its first dimensions alone mean nothing. */
static int check_dimensions(const struct call *call, struct err *err)
{
    const size_t width = engine_width(call_engine(call));
    size_t wanted = width;
    const int rc = field_size(&wanted, call->body, "dimensions", 1, SIZE_MAX / 2, err);
    if (!rc && wanted != width)
        return err_set(err, ERR_ARGUMENT, "'dimensions' is %zu, the embeddings of '%s' have %zu", wanted,
            call_model(call), width);
    return rc;
}

static int read_input(struct inputs *out, const struct call *call, struct err *err)
{
    const json_t *messages = json_object_get(call->body, "messages");
    enum modality modality;
    if (messages && json_array_size(messages) != 1)
        return err_set(err, ERR_ARGUMENT, "'messages' is no list of one message");
    if (messages)
        return inputs_read_contents(out, call, "messages", err);
    const int rc = read_modality(&modality, call->body, err);
    return rc ? rc : inputs_read(out, call, "input", modality, err);
}

int handle_embeddings(struct call *call, struct err *err)
{
    static const char *const known[] = {
        "input", "model", "encoding_format", "dimensions", "user", "modality", NULL};
    struct inputs inputs = {0};
    bool base64 = false;
    float *embeddings;
    struct input_notes *notes;
    size_t tokens;
    /* vLLM's bodies have many fields that mean nothing here; OpenAI's service refuses what it does not know. */
    int rc = json_object_get(call->body, "messages") ? 0 : fields_known(call->body, known, err);
    if (!rc)
        rc = call_check_model(call, err);
    if (!rc)
        rc = read_encoding(&base64, call->body, err);
    if (!rc)
        rc = check_dimensions(call, err);
    if (!rc)
        rc = read_input(&inputs, call, err);
    if (!rc)
        rc = inputs_ask_notes(&notes, call, &inputs, err);
    if (!rc)
        rc = inputs_encode(&embeddings, &tokens, call, &inputs, err);
    if (rc)
        return rc;
    call->answer = json_pack("{s:o, s:s, s:I, s:o, s:s, s:{s:I, s:I}}", "id",
        json_sprintf("embd-%s", call->request->id), "object", "list", "created", (json_int_t)time(NULL),
        "data", vector_objects(call, embeddings, inputs.count, base64), "model", call_model(call), "usage",
        "prompt_tokens", (json_int_t)tokens, "total_tokens", (json_int_t)tokens);
    for (size_t i = 0; i < inputs.count; i++)
        put_notes(json_array_get(json_object_get(call->answer, "data"), i), &notes[i]);
    return 0;
}
