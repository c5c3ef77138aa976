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
        return err_set(err, ERR_ARGUMENT, "%s is not base64", name);
    return 0;
}

int picture_of_string(
    struct picture_source *out, const struct call *call, const char *text, const char *name, struct err *err)
{
    uint8_t *bytes;
    size_t size;
    if (!strncasecmp(text, "http:", 5) || !strncasecmp(text, "https:", 6) || !strncasecmp(text, "file:", 5))
        return err_set(err, ERR_ARGUMENT,
            "%s is an address: pictures are not fetched; send it as 'data:image/...;base64,...'", name);
    if (!strncasecmp(text, "data:", 5)) {
        const char *comma = strchr(text, ',');
        if (!comma || comma - text < 7 || strncasecmp(comma - 7, ";base64", 7))
            return err_set(err, ERR_ARGUMENT, "%s is a data URI without ';base64,'", name);
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
        const json_t *id = json_array_get(value, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
            return err_set(err, ERR_ARGUMENT, "%s is a list of ids with something else in it", name);
        ids[i] = (int32_t)json_integer_value(id);
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
    size_t i, struct err *err)
{
    char place[32];
    snprintf(place, sizeof place, "input %zu", i);
    const char *name = arena_copy(&call->request->arena, place, strlen(place));
    if (!name)
        return err_memory(err, sizeof place);
    if (json_is_string(value))
        return read_string(out, call, json_string_value(value), modality, name, err);
    if (json_is_object(value))
        return read_object(out, call, value, name, err);
    if (json_is_array(value) && json_array_size(value))
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

int input_of_content(
    struct input *out, const struct call *call, const json_t *content, const char *place, struct err *err)
{
    const char *name = arena_copy(&call->request->arena, place, strlen(place));
    if (!name)
        return err_memory(err, strlen(place));
    if (json_is_string(content))
        return read_string(out, call, json_string_value(content), MODALITY_TEXT, name, err);
    if (json_array_size(content) != 1)
        return err_set(
            err, ERR_ARGUMENT, "%s must have one part: an embedding is of one text or one picture", place);
    return read_part(out, call, json_array_get(content, 0), name, err);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

int inputs_read(
    struct inputs *out, const struct call *call, const char *field, enum modality modality, struct err *err)
{
    const json_t *value = json_object_get(call->body, field);
    const bool list = json_is_array(value) && !json_is_integer(json_array_get(value, 0));
    const size_t count = list ? json_array_size(value) : 1;
    if (!value || !count)
        return err_set(err, ERR_ARGUMENT, "'%s' is missing or empty", field);
    if (count > INPUTS_MAX)
        return err_set(err, ERR_LIMIT, "'%s' has %zu parts, the limit is %d", field, count, INPUTS_MAX);
    int rc = call_alloc(&out->items, call, count, sizeof *out->items, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = read_one(&out->items[i], call, list ? json_array_get(value, i) : value, modality, i, err);
    out->count = count;
    return rc;
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
