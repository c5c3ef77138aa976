// SPDX-License-Identifier: Apache-2.0
#include "service/inputs.h"

#include <nettle/base64.h>
#include <string.h>
#include <strings.h>

/* ---- pictures in strings ------------------------------------------------------------------------------- */

/* The bytes that base64 digits stand for; blanks and line ends among them do not count. */
static int decode_base64(
    uint8_t **out, size_t *size, const struct call *call, const char *text, const char *name, struct err *err)
{
    const size_t length = strlen(text);
    struct base64_decode_ctx decode;
    int rc = call_alloc(out, call, BASE64_DECODE_LENGTH(length) + 1, 1, err);
    if (rc)
        return rc;
    base64_decode_init(&decode);
    *size = BASE64_DECODE_LENGTH(length);
    if (!base64_decode_update(&decode, size, *out, length, text) || !base64_decode_final(&decode))
        return err_set(err, ERR_ARGUMENT, "'%s' is not base64", name);
    return 0;
}

int picture_of_string(
    struct picture_source *out, const struct call *call, const char *text, const char *name, struct err *err)
{
    const struct body_picture *picture = call_picture(call, text);
    uint8_t *bytes;
    size_t size;
    if (picture) {
        *out = picture_bytes(name, span_bytes(picture->bytes), picture->bytes.length);
        return 0;
    }
    if (!strncasecmp(text, "http:", 5) || !strncasecmp(text, "https:", 6) || !strncasecmp(text, "file:", 5))
        return err_set(err, ERR_ARGUMENT,
            "'%s' is an address: pictures are not fetched; send it as 'data:image/...;base64,...'", name);
    if (!strncasecmp(text, "data:", 5)) {
        const char *comma = strchr(text, ',');
        if (!comma || comma - text < 7 || strncasecmp(comma - 7, ";base64", 7))
            return err_set(err, ERR_ARGUMENT, "'%s' is a data URI without ';base64,'", name);
        text = comma + 1;
    }
    int rc = decode_base64(&bytes, &size, call, text, name, err);
    if (!rc)
        *out = picture_bytes(name, bytes, size);
    return rc;
}

/* ---- one input ----------------------------------------------------------------------------------------- */

static int read_string(struct input *out, const struct call *call, const char *text, enum modality modality,
    const char *name, struct err *err)
{
    const bool picture =
        modality == MODALITY_IMAGE || (modality == MODALITY_AUTO && !strncasecmp(text, "data:image/", 11));
    if (picture) {
        out->kind = INPUT_PICTURE;
        return picture_of_string(&out->picture, call, text, name, err);
    }
    *out = (struct input){.kind = INPUT_TEXT, .text = text};
    return *text ? 0 : err_set(err, ERR_ARGUMENT, "%s is empty", name);
}

static int read_ids(
    struct input *out, const struct call *call, const json_t *value, const char *name, struct err *err)
{
    const size_t count = json_array_size(value);
    int32_t *ids;
    int rc = call_alloc(&ids, call, count, sizeof *ids, err);
    for (size_t i = 0; i < count && !rc; i++) {
        json_int_t id;
        if (!field_whole(&id, json_array_get(value, i)) || id < 0 || id > INT32_MAX)
            return err_set(err, ERR_ARGUMENT, "%s is a list of ids with something else in it", name);
        ids[i] = (int32_t)id;
    }
    *out = (struct input){.kind = INPUT_IDS, .ids = ids, .id_count = count};
    return rc;
}

/* Jina's: {"text": "..."} or {"image": "..."}. */
static int read_object(
    struct input *out, const struct call *call, const json_t *value, const char *name, struct err *err)
{
    const char *text = json_string_value(json_object_get(value, "text"));
    const char *image = json_string_value(json_object_get(value, "image"));
    if (!text == !image)
        return err_set(err, ERR_ARGUMENT, "%s is an object without one of 'text' and 'image'", name);
    return read_string(out, call, text ? text : image, text ? MODALITY_TEXT : MODALITY_IMAGE, name, err);
}

static int read_one(struct input *out, const struct call *call, const json_t *value, enum modality modality,
    const char *name, struct err *err)
{
    if (json_is_string(value))
        return read_string(out, call, json_string_value(value), modality, name, err);
    if (json_is_object(value))
        return read_object(out, call, value, name, err);
    if (json_is_array(value) && json_array_size(value) && modality != MODALITY_IMAGE)
        return read_ids(out, call, value, name, err);
    return err_set(err, ERR_ARGUMENT, "%s is neither text, ids, nor an object with 'text' or 'image'", name);
}

/* ---- contents of messages ------------------------------------------------------------------------------ */

static int read_part(
    struct input *out, const struct call *call, const json_t *part, const char *place, struct err *err)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *value = type ? json_object_get(part, type) : NULL;
    const bool text = type && !strcmp(type, "text");
    if (type && !strcmp(type, "image_url") && json_is_object(value))
        value = json_object_get(value, "url");
    else if (!text && (!type || (strcmp(type, "image_url") && strcmp(type, "image_base64"))))
        return err_set(
            err, ERR_ARGUMENT, "%s has a part whose 'type' is none of text, image_url, image_base64", place);
    if (!json_is_string(value))
        return err_set(err, ERR_ARGUMENT, "%s has a part without its '%s'", place, type);
    return read_string(
        out, call, json_string_value(value), text ? MODALITY_TEXT : MODALITY_IMAGE, place, err);
}

static int read_content(
    struct input *out, const struct call *call, const json_t *content, const char *place, struct err *err)
{
    if (json_is_string(content))
        return read_string(out, call, json_string_value(content), MODALITY_TEXT, place, err);
    if (json_array_size(content) != 1)
        return err_set(
            err, ERR_ARGUMENT, "%s must have one part: an embedding is of one text or one picture", place);
    return read_part(out, call, json_array_get(content, 0), place, err);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* How messages call an input, in the arena. */
static const char *name_input(const struct call *call, size_t i)
{
    char name[32];
    const int length = snprintf(name, sizeof name, "input %zu", i);
    return arena_copy(&call->request->arena, name, (size_t)length);
}

/* Makes `more` inputs of a field, behind those that are there. */
static int make_room(
    struct inputs *out, const struct call *call, const char *field, size_t more, struct err *err)
{
    const struct input *before = out->items;
    if (!more)
        return err_set(err, ERR_ARGUMENT, "'%s' is missing or empty", field);
    if (out->count + more > INPUTS_MAX)
        return err_set(err, ERR_LIMIT, "'%s' has %zu parts, the limit is %d", field, more, INPUTS_MAX);
    const int rc = call_alloc(&out->items, call, out->count + more, sizeof *out->items, err);
    if (!rc && out->count)
        memcpy(out->items, before, out->count * sizeof *before);
    return rc;
}

int inputs_read(
    struct inputs *out, const struct call *call, const char *field, enum modality modality, struct err *err)
{
    const json_t *value = json_object_get(call->body, field);
    const bool list = json_is_array(value) && !json_is_number(json_array_get(value, 0));
    const size_t count = list ? json_array_size(value) : value != NULL;
    int rc = make_room(out, call, field, count, err);
    for (size_t i = 0; i < count && !rc; i++, out->count++) {
        const char *name = name_input(call, out->count);
        rc = name ? read_one(&out->items[out->count], call, list ? json_array_get(value, i) : value, modality,
                        name, err)
                  : err_memory(err, 0);
    }
    return rc;
}

int inputs_read_strings(
    struct inputs *out, const struct call *call, const char *field, enum modality modality, struct err *err)
{
    const json_t *list = json_object_get(call->body, field), *value;
    size_t i;
    bool strings = json_is_array(list);
    json_array_foreach(list, i, value) strings = strings && json_is_string(value);
    return strings ? inputs_read(out, call, field, modality, err)
                   : err_set(err, ERR_ARGUMENT, "'%s' is no list of strings", field);
}

int inputs_read_contents(struct inputs *out, const struct call *call, const char *field, struct err *err)
{
    const json_t *list = json_object_get(call->body, field);
    const size_t count = json_array_size(list);
    int rc = make_room(out, call, field, count, err);
    for (size_t i = 0; i < count && !rc; i++, out->count++) {
        const char *name = name_input(call, out->count);
        rc = name ? read_content(&out->items[out->count], call,
                        json_object_get(json_array_get(list, i), "content"), name, err)
                  : err_memory(err, 0);
    }
    return rc;
}

int inputs_check_lengths(const struct call *call, const struct inputs *inputs, struct err *err)
{
    struct engine *engine = call_engine(call);
    const size_t context = engine_config(engine)->text.context;
    const struct model *model;
    int32_t *ids; // (context)
    int rc = call_alloc(&ids, call, context, sizeof *ids, err);
    if (!rc)
        rc = engine_hold(&model, engine, &call->request->job, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < inputs->count && !rc; i++) {
        const struct input *input = &inputs->items[i];
        bool truncated = false;
        size_t count;
        if (input->kind != INPUT_TEXT)
            continue;
        rc = tokenizer_encode(
            model_tokenizer(model), input->text, strlen(input->text), ids, context, &count, &truncated, err);
        if (!rc && truncated)
            rc = err_set(
                err, ERR_ARGUMENT, "input %zu has more than %zu tokens, and may not be cut", i, context);
    }
    engine_let_go(engine);
    return rc;
}

size_t inputs_picture_tokens(const struct call *call, const struct inputs *inputs)
{
    size_t pictures = 0;
    for (size_t i = 0; i < inputs->count; i++)
        pictures += inputs->items[i].kind == INPUT_PICTURE;
    return pictures * engine_picture_tokens(call_engine(call));
}

int inputs_ask_notes(
    struct input_notes **notes, const struct call *call, struct inputs *inputs, struct err *err)
{
    const int rc = call_alloc(notes, call, inputs->count, sizeof **notes, err);
    for (size_t i = 0; i < inputs->count && !rc; i++) {
        (*notes)[i] = (struct input_notes){0};
        inputs->items[i].notes = &(*notes)[i];
    }
    return rc;
}

void put_notes(json_t *object, const struct input_notes *notes)
{
    if (notes->outside)
        json_object_set_new(object, "outside", json_true());
    if (*notes->warning)
        json_object_set_new(object, "warning", json_text(notes->warning));
}

int inputs_encode(
    float **embeddings, size_t *tokens, const struct call *call, const struct inputs *inputs, struct err *err)
{
    struct engine *engine = call_engine(call);
    int rc = call_alloc(embeddings, call, inputs->count, engine_width(engine) * sizeof **embeddings, err);
    if (!rc)
        rc = engine_encode(
            engine, *embeddings, inputs->items, inputs->count, tokens, &call->request->job, err);
    return rc;
}

int inputs_rank(struct prediction **best, size_t *count, const struct call *call, const struct inputs *inputs,
    struct err *err)
{
    const struct engine *engine = call_engine(call);
    const size_t width = engine_width(engine);
    float *embeddings; // (inputs->count, E)
    size_t tokens;
    *count = inputs->count - 1;
    int rc = inputs_encode(&embeddings, &tokens, call, inputs, err);
    if (!rc)
        rc = call_alloc(best, call, *count, sizeof **best, err);
    if (!rc)
        rank_rows(*best, *count, embeddings, embeddings + width, *count, width, engine_score(engine));
    return rc;
}
