// SPDX-License-Identifier: Apache-2.0
/* An item of an index as a JSON object, and back. */
#include "index/exchange.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NANOSECONDS = 1000000000 };

/* ---- to JSON ------------------------------------------------------------------------------------------- */

static json_t *number_or_null(int64_t number)
{
    return number ? json_integer(number) : NULL;
}

static bool has_place(const struct index_item *item)
{
    return item->lat != 0 || item->lon != 0;
}

json_t *index_capture_json(const struct index_item *item)
{
    return json_pack("{s:o*, s:o*, s:o*, s:o*, s:o*}", "taken", item->taken ? json_text(item->taken) : NULL,
        "camera", item->camera ? json_text(item->camera) : NULL, "lens",
        item->lens ? json_text(item->lens) : NULL, "lat", has_place(item) ? json_real(item->lat) : NULL,
        "lon", has_place(item) ? json_real(item->lon) : NULL);
}

json_t *index_item_json(const struct index_item *item)
{
    json_t *object = json_pack("{s:I, s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:s*}", "id",
        (json_int_t)item->id, "kind", index_kind_names[item->kind], "path",
        item->path ? json_text(item->path) : NULL, "size", number_or_null(item->size), "mtime",
        number_or_null(item->mtime_ns / NANOSECONDS), "width", number_or_null(item->width), "height",
        number_or_null(item->height), item->kind == INDEX_IMAGE ? "caption" : "text",
        item->caption ? json_text(item->caption) : NULL, "picture",
        item->picture ? json_text(item->picture) : NULL, "metadata",
        item->metadata ? json_loads(item->metadata, 0, NULL) : NULL, "hash", item->hash);
    json_t *capture = index_capture_json(item);
    if (!object || !capture || json_object_update(object, capture)) {
        json_decref(object);
        object = NULL;
    }
    json_decref(capture);
    return object;
}

const char *index_item_name(const struct index_item *item)
{
    const char *name = item->kind == INDEX_TEXT && item->caption ? item->caption : item->path;
    return name ? name : "";
}

json_t *index_item_name_json(const struct index_item *item)
{
    return json_pack("{s:I, s:s, s:o}", "id", (json_int_t)item->id, "kind", index_kind_names[item->kind],
        item->kind == INDEX_IMAGE ? "path" : "text", json_text(index_item_name(item)));
}

void index_item_json_forget_schema(json_t *object)
{
    static const char *const ours[] = {"index-list/", "index-export/", "embed/"};
    const char *schema = json_string_value(json_object_get(object, "schema"));
    for (size_t i = 0; schema && i < sizeof ours / sizeof *ours; i++)
        if (!strncmp(schema, ours[i], strlen(ours[i]))) {
            json_object_del(object, "schema");
            return;
        }
}

static bool is_utf8(const char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    json_decref(string);
    return !text || string;
}

/* The time to the nanosecond, which index_item_json does not say. */
static json_t *with_nanoseconds(json_t *object, const struct index_item *item)
{
    if (!object || !item->mtime_ns)
        return object;
    json_object_del(object, "mtime");
    if (!json_object_set_new(object, "mtime_ns", json_integer(item->mtime_ns)))
        return object;
    json_decref(object);
    return NULL;
}

static bool has_other_bytes(const struct index_item *item)
{
    return !is_utf8(item->path) || !is_utf8(item->caption) || !is_utf8(item->picture);
}

json_t *exchange_json(const struct index_item *item, bool *lossy)
{
    *lossy = has_other_bytes(item);
    return with_nanoseconds(index_item_json(item), item);
}

int exchange_put(FILE *out, const struct index_item *item, bool *lossy, struct err *err)
{
    json_t *object = index_item_json(item);
    const bool said = object && !json_object_set_new(object, "schema", json_string("index-export/1"));
    object = with_nanoseconds(object, item);
    *lossy = has_other_bytes(item);
    if (said && object)
        json_dumpf(object, out, 0);
    json_decref(object);
    return said && object ? 0 : err_memory(err, 0);
}

/* ---- from JSON: each takes a key that it understands out of the object --------------------------------- */

/* Leaves *out as it is where it has something already, or the key has no string. */
static int take_text(const char **out, json_t *object, const char *key, struct arena *arena, struct err *err)
{
    json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (*out || (!text && !json_is_null(value)))
        return 0;
    if (text && *text && !(*out = arena_copy(arena, text, strlen(text))))
        return err_memory(err, strlen(text));
    json_object_del(object, key);
    return 0;
}

/* The number times `scale`, if that is a whole one, or is one to a precision beyond the unit, up to `max`. */
static int64_t take_number(json_t *object, const char *key, int64_t scale, int64_t max)
{
    const json_t *value = json_object_get(object, key);
    const int64_t integer = json_integer_value(value), limit = max / scale;
    const double real = json_real_value(value);
    int64_t number = 0;
    if (json_is_integer(value) && integer >= -limit && integer <= limit)
        number = integer * scale;
    else if (json_is_real(value) && fabs(real) < (double)limit && (scale > 1 || real == floor(real)))
        number = (int64_t)llround(real * (double)scale);
    else if (!json_is_null(value))
        return 0;
    json_object_del(object, key);
    return number;
}

static int take_kind(enum index_kind *kind, json_t *object, struct err *err)
{
    const json_t *value = json_object_get(object, "kind");
    const char *name = json_string_value(value);
    if (name && !strcmp(name, index_kind_names[INDEX_IMAGE]))
        *kind = INDEX_IMAGE;
    else if (name && !strcmp(name, index_kind_names[INDEX_TEXT]))
        *kind = INDEX_TEXT;
    else if (value && !json_is_null(value))
        return err_set(err, ERR_FORMAT, "\"kind\" is neither \"image\" nor \"text\"");
    json_object_del(object, "kind");
    return 0;
}

static int take_texts(struct index_item *out, json_t *object, struct arena *arena, struct err *err)
{
    const bool image = out->kind == INDEX_IMAGE;
    const struct {
        const char **field, *key;
    } texts[] = {
        {&out->path, "path"},
        {&out->picture, "picture"},
        {image ? &out->path : &out->picture, "image_path"},
        {&out->caption, image ? "caption" : "text"},
        {&out->caption, image ? "text" : "caption"},
        {&out->hash, "hash"},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !rc; i++)
        rc = take_text(texts[i].field, object, texts[i].key, arena, err);
    return rc;
}

/* What says when, where and with what a picture was taken, where it does so as this program writes it. */
static int take_capture(struct index_item *out, json_t *object, struct arena *arena, struct err *err)
{
    const char *taken = json_string_value(json_object_get(object, "taken"));
    const json_t *lat = json_object_get(object, "lat"), *lon = json_object_get(object, "lon");
    const bool dated = taken && strspn(taken, "0123456789") == 4 && (!taken[4] || taken[4] == '-');
    int rc = dated ? take_text(&out->taken, object, "taken", arena, err) : 0;
    if (!rc)
        rc = take_text(&out->camera, object, "camera", arena, err);
    if (!rc)
        rc = take_text(&out->lens, object, "lens", arena, err);
    if (rc || !json_is_number(lat) || !json_is_number(lon))
        return rc;
    out->lat = json_number_value(lat);
    out->lon = json_number_value(lon);
    json_object_del(object, "lat");
    json_object_del(object, "lon");
    return 0;
}

/* All that is left of the object, which joins what it has as metadata. */
static int take_metadata(const char **out, json_t *object, struct arena *arena, struct err *err)
{
    json_t *metadata = json_incref(json_object_get(object, "metadata"));
    int rc = 0;
    if (json_is_object(metadata) || json_is_null(metadata))
        json_object_del(object, "metadata");
    if (json_is_object(metadata) && json_object_update_missing(object, metadata))
        rc = err_memory(err, 0);
    json_decref(metadata);
    char *text = !rc && json_object_size(object) ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text)
        *out = arena_copy(arena, text, strlen(text));
    if (!rc && json_object_size(object) && !*out)
        rc = err_memory(err, 0);
    free(text);
    return rc;
}

int exchange_item(
    struct index_item *out, struct json_t *object, enum index_kind kind, struct arena *arena, struct err *err)
{
    *out = (struct index_item){.kind = kind};
    index_item_json_forget_schema(object);
    int rc = take_kind(&out->kind, object, err);
    if (!rc)
        rc = take_texts(out, object, arena, err);
    if (!rc && out->kind == INDEX_IMAGE)
        rc = take_capture(out, object, arena, err);
    if (!rc && out->kind == INDEX_TEXT && !out->caption)
        rc = err_set(err, ERR_FORMAT, "a text without words: neither \"text\" nor \"caption\"");
    if (rc)
        return rc;
    if (json_is_integer(json_object_get(object, "id")))
        json_object_del(object, "id");
    out->size = take_number(object, "size", 1, INT64_MAX);
    out->width = (int)take_number(object, "width", 1, INT_MAX);
    out->height = (int)take_number(object, "height", 1, INT_MAX);
    out->mtime_ns = take_number(object, "mtime_ns", 1, INT64_MAX);
    if (!out->mtime_ns)
        out->mtime_ns = take_number(object, "mtime", NANOSECONDS, INT64_MAX);
    return take_metadata(&out->metadata, object, arena, err);
}
