// SPDX-License-Identifier: Apache-2.0
#include "service/call.h"
#include "service/multipart.h"

#include <string.h>
#include <strings.h>

/* ---- types --------------------------------------------------------------------------------------------- */

enum body_type { TYPE_JSON, TYPE_FORM, TYPE_PICTURE, TYPE_OTHER };

/* Whether a Content-Type is `name`, with parameters behind it or without. */
static bool is_type(const char *type, const char *name)
{
    const size_t length = strlen(name);
    return !strncasecmp(type, name, length) && strchr("; \t", type[length]);
}

static enum body_type type_of(const char *type)
{
    if (!type)
        return TYPE_OTHER;
    if (is_type(type, "application/json"))
        return TYPE_JSON;
    if (is_type(type, "multipart/form-data"))
        return TYPE_FORM;
    return !strncasecmp(type, "image/", 6) && type[6] ? TYPE_PICTURE : TYPE_OTHER;
}

bool body_type_fits(const struct route *route, const char *type)
{
    if (route->body == BODY_NONE || route->body == BODY_ANY || (route->body == BODY_UNNAMED && !type))
        return true;
    const enum body_type found = type_of(type);
    return found == TYPE_JSON || (route->picture && found != TYPE_OTHER);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

const struct body_picture *call_picture(const struct call *call, const char *string)
{
    for (size_t i = 0; i < call->picture_count; i++)
        if (call->pictures[i].string == string)
            return &call->pictures[i];
    return NULL;
}

/* What stands for a picture looks like one of JSON's, and is known by its address, which no body can name. */
static int add_picture(json_t **out, struct call *call, struct span bytes, struct err *err)
{
    *out = json_string("data:image/*;base64,");
    if (!*out)
        return err_memory(err, 0);
    call->pictures[call->picture_count++] = (struct body_picture){json_string_value(*out), bytes};
    return 0;
}

/* ---- values -------------------------------------------------------------------------------------------- */

/* Fields that are no texts. */
static bool is_json_field(const char *name)
{
    static const char *const names[] = {"dimensions", "metadata", "min_score", "region", "terms", "top"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* Values take up to thirty times the memory of the bytes they are written in, so their number has a limit of its own.
 * Each but the first stands behind a comma or a bracket that is in no text. */
static int check_json_size(const struct span body, struct err *err)
{
    enum { VALUES_MAX = 1000000 };
    size_t values = 0;
    bool in_text = false;
    for (size_t i = 0; i < body.length; i++) {
        const char c = body.data[i];
        if (c == '"')
            in_text = !in_text;
        else if (in_text)
            i += c == '\\'; /* what stands behind it ends no text */
        else
            values += c == ',' || c == '[' || c == '{';
    }
    return values <= VALUES_MAX ? 0
                                : err_set(err, ERR_LIMIT, "there are %zu values in the body, the limit is %d",
                                      values, VALUES_MAX);
}

static int read_value(json_t **out, const char *name, struct span value, struct err *err)
{
    if (is_json_field(name)) {
        const int rc = check_json_size(value, err);
        if (rc)
            return rc;
        *out = json_loadb(value.data, value.length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        return *out ? 0 : err_set(err, ERR_FORMAT, "'%.40s' is no JSON", name);
    }
    if (value.length && memchr(value.data, '\0', value.length))
        return err_set(err, ERR_FORMAT, "'%.40s' has a NUL in it", name);
    *out = json_stringn(value.length ? value.data : "", value.length);
    return *out ? 0 : err_set(err, ERR_FORMAT, "'%.40s' is not UTF-8", name);
}

/* Sets a field, or makes it a list where it has a value already. Takes over the value. */
static int add_value(json_t *body, const char *name, json_t *value, struct err *err)
{
    json_t *before = json_object_get(body, name);
    int failed;
    if (!before) {
        failed = json_object_set_new(body, name, value);
    } else if (json_is_array(before) && !is_json_field(name)) {
        failed = json_array_append_new(before, value);
    } else {
        json_t *list = json_array();
        failed = !list || json_array_append(list, before) || json_array_append_new(list, value) ||
                 json_object_set_new(body, name, list);
    }
    return failed ? err_set(err, ERR_FORMAT, "the name of a field is not UTF-8") : 0;
}

/* ---- bodies -------------------------------------------------------------------------------------------- */

static int read_field(struct call *call, const struct form_field *field, struct err *err)
{
    json_t *value;
    int rc;
    if (field->file && strcmp(field->name, call->route->picture))
        return err_set(err, ERR_ARGUMENT, "'%.40s' is a file, which only '%s' can be", field->name,
            call->route->picture);
    if (field->file)
        rc = add_picture(&value, call, field->value, err);
    else
        rc = read_value(&value, field->name, field->value, err);
    return rc ? rc : add_value(call->body, field->name, value, err);
}

static int read_form(struct call *call, struct err *err)
{
    struct http_request *request = call->request;
    const struct span bytes = {request->body, request->size};
    struct form form;
    int rc = form_read(&form, request_header(request, "Content-Type"), bytes, &request->arena, err);
    if (!rc)
        rc = call_alloc(&call->pictures, call, form.count, sizeof *call->pictures, err);
    for (size_t i = 0; i < form.count && !rc; i++)
        rc = read_field(call, &form.fields[i], err);
    return rc;
}

/* A parameter of the query string on its way. */
struct parameter {
    struct call *call;
    struct err *err;
};

static int read_parameter(void *context, const char *name, const char *value)
{
    const struct parameter *parameter = context;
    json_t *json;
    const int rc = read_value(&json, name, span_of(value ? value : ""), parameter->err);
    return rc ? rc : add_value(parameter->call->body, name, json, parameter->err);
}

static int read_picture(struct call *call, struct err *err)
{
    const struct span bytes = {call->request->body, call->request->size};
    struct parameter parameter = {call, err};
    json_t *picture;
    int rc = request_each_query(call->request, read_parameter, &parameter);
    if (!rc)
        rc = call_alloc(&call->pictures, call, 1, sizeof *call->pictures, err);
    if (!rc)
        rc = add_picture(&picture, call, bytes, err);
    return rc ? rc : add_value(call->body, call->route->picture, picture, err);
}

static int read_json(struct call *call, struct err *err)
{
    const struct span body = {call->request->body, call->request->size};
    const int rc = check_json_size(body, err);
    return rc ? rc : json_parse(&call->body, body.data, body.length, "the body", err);
}

static enum body_type type_of_body(const struct call *call)
{
    return call->route->picture ? type_of(request_header(call->request, "Content-Type")) : TYPE_JSON;
}

bool body_in_query(const struct call *call)
{
    return type_of_body(call) == TYPE_PICTURE;
}

int body_read(struct call *call, struct err *err)
{
    const enum body_type type = type_of_body(call);
    if (type == TYPE_JSON)
        return read_json(call, err);
    call->body = json_object();
    if (!call->body)
        return err_memory(err, 0);
    return type == TYPE_FORM ? read_form(call, err) : read_picture(call, err);
}
