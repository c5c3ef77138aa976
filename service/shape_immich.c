// SPDX-License-Identifier: Apache-2.0
/* POST /predict and GET /ping, as immich's server asks its machine learning (machine-learning/immich_ml/main.py): a form
 * with "entries", {"clip": {"visual": {"modelName", "options"}}} and a file "image", or {"clip": {"textual": ...}} and
 * a "text". The embedding comes back as a JSON array in a string. */
#include "joint/hub/hub.h"
#include "service/inputs.h"
#include "service/multipart.h"
#include "service/service_internal.h"
#include "service/vectors.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked for --------------------------------------------------------------------------------- */

/* Whether a name, such as "ViT-B-32__openai", is the service's own or finds the model that it has. */
static bool is_our_model(const struct call *call, const char *text)
{
    struct hub_name name;
    const char *directory;
    struct arena *arena = &call->request->arena;
    if (!strcmp(text, call_model(call)))
        return true;
    return !hub_name_parse(&name, text, arena, NULL) && !hub_find(&directory, &name, arena, NULL) &&
           !strcmp(directory, call->service->options.model);
}

/* The one entry, of {"TASK": {"TYPE": {...}}}. ERR_FORMAT, FastAPI's 422, where it is no such thing. */
static int check_entry(bool *visual, const struct call *call, const json_t *entries, struct err *err)
{
    const json_t *clip = json_object_get(entries, "clip");
    *visual = json_object_get(clip, "visual") != NULL;
    const json_t *entry = json_object_get(clip, *visual ? "visual" : "textual");
    const char *name = json_string_value(json_object_get(entry, "modelName"));
    if (json_object_size(entries) == 1 && !clip)
        return err_set(err, ERR_NOT_FOUND, "'%.40s' is not here, 'clip' is",
            json_object_iter_key(json_object_iter((json_t *)entries)));
    if (json_object_size(entries) != 1 || json_object_size(clip) != 1 || !name)
        return err_set(err, ERR_FORMAT,
            "'entries' is not {\"clip\": {\"visual\" or \"textual\": {\"modelName\": \"...\"}}}");
    if (!is_our_model(call, name))
        return err_set(err, ERR_NOT_FOUND, "the model '%.100s' is not here, '%s' is", name, call_model(call));
    return 0;
}

static int read_entries(bool *visual, const struct call *call, const struct form *form, struct err *err)
{
    const struct form_field *field = form_find(form, "entries");
    json_t *entries;
    if (!field)
        return err_set(err, ERR_FORMAT, "'entries' is missing");
    int rc = json_parse(&entries, field->value.data, field->value.length, "entries", err);
    if (rc)
        return rc;
    rc = check_entry(visual, call, entries, err);
    json_decref(entries);
    return rc;
}

/* edges (2): the picture's width and height */
static int read_payload(struct input *out, int *edges, const struct call *call, const struct form *form,
    bool visual, struct err *err)
{
    const char *name = visual ? "image" : "text";
    const struct form_field *field = form_find(form, name);
    if (!field)
        return err_set(err, ERR_ARGUMENT, "'%s' is missing", name);
    *out = (struct input){.kind = visual ? INPUT_PICTURE : INPUT_TEXT};
    if (visual) {
        out->picture = picture_bytes("image", span_bytes(field->value), field->value.length);
        out->edges = edges;
        return 0;
    }
    out->text = arena_copy(&call->request->arena, field->value.data, field->value.length);
    if (!out->text)
        return err_memory(err, field->value.length);
    if (!*out->text || strlen(out->text) != field->value.length)
        return err_set(err, ERR_ARGUMENT, "'text' is empty or has a NUL in it");
    return 0;
}

/* ---- the answers --------------------------------------------------------------------------------------- */

static int answer(struct call *call, const float *embedding, const int *edges, struct err *err)
{
    json_t *numbers = vector_numbers(embedding, engine_width(call_engine(call)));
    char *text = numbers ? json_dumps(numbers, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(numbers);
    if (!text)
        return err_memory(err, 0);
    call->answer = json_pack("{s:s}", "clip", text);
    free(text);
    if (*edges)
        json_object_update_new(
            call->answer, json_pack("{s:i, s:i}", "imageHeight", edges[1], "imageWidth", edges[0]));
    return 0;
}

int handle_immich_predict(struct call *call, struct err *err)
{
    const struct http_request *request = call->request;
    const struct span body = {request->body, request->size};
    struct input input = {0};
    struct inputs inputs = {&input, 1};
    struct form form;
    bool visual = false;
    int edges[2] = {0};
    float *embedding;
    size_t tokens;
    int rc = form_read(&form, request_header(request, "Content-Type"), body, &call->request->arena, err);
    if (!rc)
        rc = read_entries(&visual, call, &form, err);
    if (!rc)
        rc = read_payload(&input, edges, call, &form, visual, err);
    if (!rc)
        rc = inputs_encode(&embedding, &tokens, call, &inputs, err);
    return rc ? rc : answer(call, embedding, edges, err);
}

int handle_immich_ping(struct call *call, struct err *err)
{
    static char pong[] = "pong";
    (void)err;
    call->response->status = 200;
    call->response->body = pong;
    call->response->size = strlen(pong);
    call->response->body_static = true;
    call->response->type = "text/plain; charset=utf-8";
    return 0;
}
