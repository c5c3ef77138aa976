// SPDX-License-Identifier: Apache-2.0
/*
 * GET /openapi.json: the table of routes as an OpenAPI 3.1 document.
 *
 * What bodies and answers look like is said in openapi/NAME.json, a file for each shape of service, in OpenAPI's own words:
 *
 *   {"paths": {"/v1/rank": {"post": {"requestBody", "parameters", "responses": {"200": ...}}}},
 *    "schemas": {NAME: ...}, "parameters": {NAME: ...}}
 *
 * The rest follows from what the program knows: which routes there are, what they are for, how they fail and what that
 * looks like, the names of the model and of the indexes, and the sizes of the model.
 */
#include "service/service_internal.h"

#include "openapi_files.h"

#include <string.h>

/* ---- the files ----------------------------------------------------------------------------------------- */

/* Adds what `from` has to the object of that name in `to`, a level deeper where both have the same. */
static void merge(json_t *to, const char *name, json_t *from)
{
    json_t *known = json_object_get(to, name), *value;
    const char *key;
    if (!known)
        json_object_set_new(to, name, known = json_object());
    json_object_foreach(from, key, value)
    {
        if (json_object_get(known, key))
            json_object_update(json_object_get(known, key), value);
        else
            json_object_set(known, key, value);
    }
}

/* All files as one. */
static int read_files(json_t **out, struct err *err)
{
    int rc = 0;
    *out = json_object();
    for (size_t i = 0; openapi_files[i].name && !rc; i++) {
        json_t *file;
        rc = json_parse(
            &file, openapi_files[i].text, strlen(openapi_files[i].text), openapi_files[i].name, err);
        if (rc)
            break;
        merge(*out, "paths", json_object_get(file, "paths"));
        merge(*out, "schemas", json_object_get(file, "schemas"));
        merge(*out, "parameters", json_object_get(file, "parameters"));
        json_decref(file);
    }
    return rc;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static const char *const error_schemas[] = {
    [MANNERS_OPENAI] = "ErrorOpenAI",
    [MANNERS_TEI] = "ErrorTEI",
    [MANNERS_DETAIL] = "ErrorDetail",
    [MANNERS_PLAIN] = "ErrorPlain",
    [MANNERS_MESSAGE] = "ErrorMessage",
};

static const char *describe_status(int status)
{
    static const struct {
        int status;
        const char *means;
    } descriptions[] = {
        {400, "Something in the request makes no sense"},
        {401, "The token is missing or wrong"},
        {403, "It takes a token that may write, or comes from another site's page, or to another name"},
        {404, "What is named is not there"},
        {409, "Others write to the index"},
        {413, "Larger than what is taken here"},
        {415, "Of a kind that is not taken here"},
        {422, "Something in the request makes no sense"},
        {424, "It has taken too long, or a file cannot be read"},
        {429, "Too much is waiting already"},
        {500, "A file cannot be read"},
        {503, "The model is not loaded, or the device has failed"},
        {504, "It has taken too long"},
        {507, "The disk is full, or is not to be written to"},
    };
    size_t i = 0;
    while (i + 1 < sizeof descriptions / sizeof *descriptions && descriptions[i].status != status)
        i++;
    return descriptions[i].means;
}

static void add_error(json_t *responses, const struct route *route, int status)
{
    char key[8];
    snprintf(key, sizeof key, "%d", status);
    if (json_object_get(responses, key))
        return;
    json_object_set_new(responses, key,
        json_pack("{s:s, s:{s:{s:{s:o}}}}", "description", describe_status(status), "content",
            "application/json", "schema", "$ref",
            json_sprintf("#/components/schemas/%s", error_schemas[route->manners])));
}

/* What functions of a route with a body may end in; the others look for what a path names. */
static void add_errors(json_t *operation, const struct route *route)
{
    static const int any[] = {ERR_BUSY, ERR_CANCELLED, ERR_DEVICE, ERR_IO},
                     of_body[] = {ERR_ARGUMENT, ERR_FORMAT, ERR_UNSUPPORTED, ERR_LIMIT, ERR_NOT_FOUND};
    json_t *responses = json_object_get(operation, "responses");
    const bool body = route->body != BODY_NONE;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        add_error(responses, route, error_status(route, any[i]));
    for (size_t i = 0; i < sizeof of_body / sizeof *of_body && body; i++)
        add_error(responses, route, error_status(route, of_body[i]));
    if (json_object_get(operation, "parameters")) {
        add_error(responses, route, error_status(route, ERR_ARGUMENT));
        add_error(responses, route, error_status(route, ERR_NOT_FOUND));
    }
    if (route->writes) {
        add_error(responses, route, 409);
        add_error(responses, route, 507);
    }
    if (!route->open)
        add_error(responses, route, 401);
    add_error(responses, route, 403);
    add_error(responses, route, 413);
    if (body)
        add_error(responses, route, 415);
    add_error(responses, route, 429);
    add_error(responses, route, 503);
}

/* ---- routes -------------------------------------------------------------------------------------------- */

/* "/v1/items/{id}" of "/v1/items/" and a star. */
static const char *template_path(struct call *call, const char *path)
{
    char text[128];
    const char *star = strchr(path, '*');
    const int length = star ? snprintf(text, sizeof text, "%.*s{id}%s", (int)(star - path), path, star + 1)
                            : snprintf(text, sizeof text, "%s", path);
    return arena_copy(&call->request->arena, text, (size_t)length);
}

/* Bodies of the route that are no JSON: forms with fields of the same names, and pictures, with the fields in the query
 * string. Of these only the picture is described. */
static void add_bodies(json_t *operation, const struct route *route)
{
    json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
    if (!route->picture)
        return;
    json_object_set_new(content, "multipart/form-data",
        json_pack("{s:{s:s, s:{s:{s:s, s:s}}}}", "schema", "type", "object", "properties", route->picture,
            "type", "string", "format", "binary"));
    json_object_set_new(
        content, "image/*", json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "format", "binary"));
}

static int add_route(
    struct call *call, json_t *paths, const json_t *described, const struct route *route, struct err *err)
{
    char method[8] = "";
    const char *path = template_path(call, route->path);
    if (!path)
        return err_memory(err, strlen(route->path));
    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)(route->method[i] | 0x20);
    const json_t *operation = json_object_get(json_object_get(described, path), method);
    if (!operation)
        return err_set(
            err, ERR_UNSUPPORTED, "no file of service/openapi describes %s %s", route->method, path);
    json_t *one = json_deep_copy(operation);
    json_object_set_new(one, "summary", json_string(route->summary));
    add_bodies(one, route);
    add_errors(one, route);
    if (route->open)
        json_object_set_new(one, "security", json_array());
    if (!json_object_get(paths, path))
        json_object_set_new(paths, path, json_object());
    json_object_set_new(json_object_get(paths, path), method, one);
    return 0;
}

/* What is described must be there. */
static int check_all(const json_t *paths, json_t *described, struct err *err)
{
    const char *path, *method;
    json_t *methods, *operation;
    json_object_foreach(described, path, methods)
    {
        json_object_foreach(methods, method, operation)
        {
            if (!json_object_get(json_object_get(paths, path), method))
                return err_set(err, ERR_UNSUPPORTED,
                    "service/openapi describes '%s' of %s, which is no route", method, path);
        }
    }
    return 0;
}

/* ---- what only a running service knows ----------------------------------------------------------------- */

/* Nothing else is this value; it may be left out, or null. */
static json_t *only(json_t *value)
{
    return json_pack("{s:[o, n]}", "enum", value);
}

static void add_names(struct call *call, json_t *schemas)
{
    const struct service_options *options = &call->service->options;
    json_t *names = json_array();
    for (size_t i = 0; i < options->index_count; i++)
        json_array_append_new(names, json_text(options->index_names[i]));
    json_t *or_null = json_copy(names);
    json_array_append_new(or_null, json_null());
    json_object_set_new(schemas, "Model", only(json_text(call_model(call))));
    json_object_set_new(schemas, "Index", json_pack("{s:o}", "enum", or_null));
    json_object_set_new(
        schemas, "IndexName", options->index_count ? json_pack("{s:o}", "enum", names) : json_false());
    if (!options->index_count)
        json_decref(names);
    if (!options->probe)
        json_array_append_new(
            json_object_get(json_object_get(schemas, "Classify"), "required"), json_string("labels"));
}

static void add_sizes(struct call *call, json_t *schemas)
{
    const bool ready = service_ready(call->service);
    const struct model_config *config = ready ? engine_config(call_engine(call)) : NULL;
    const json_int_t width = config ? (json_int_t)engine_width(call_engine(call)) : 0;
    json_t *vector = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "number");
    json_t *id = json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
    if (config) {
        const struct text_config *text = &config->text;
        json_object_set_new(vector, "minItems", json_integer(width));
        json_object_set_new(vector, "maxItems", json_integer(width));
        json_object_set_new(id, "maximum", json_integer((json_int_t)text->vocab - 1));
        json_object_set_new(
            json_object_get(schemas, "Ids"), "maxItems", json_integer((json_int_t)text->context));
    }
    json_object_set_new(schemas, "Query", vector);
    json_object_set_new(schemas, "Id", id);
    json_object_set_new(schemas, "Dimensions",
        config ? only(json_integer(width)) : json_pack("{s:[s, s]}", "type", "integer", "null"));
}

int handle_openapi(struct call *call, struct err *err)
{
    const struct service_options *options = &call->service->options;
    json_t *files, *paths = json_object();
    int rc = read_files(&files, err);
    json_t *described = json_object_get(files, "paths"), *schemas = json_object_get(files, "schemas");
    for (const struct route *route = routes; route->method && !rc; route++)
        rc = add_route(call, paths, described, route, err);
    if (!rc)
        rc = check_all(paths, described, err);
    if (!rc) {
        add_names(call, schemas);
        add_sizes(call, schemas);
        call->answer = json_pack("{s:s, s:{s:s, s:s}, s:[{s:s}], s:O, s:{s:O, s:O}}", "openapi", "3.1.0",
            "info", "title", "Diptych", "version", DIPTYCH_VERSION, "servers", "url",
            *options->base_path ? options->base_path : "/", "paths", paths, "components", "schemas", schemas,
            "parameters", json_object_get(files, "parameters"));
        if (options->token || options->token_file || options->write_token || options->write_token_file) {
            json_object_set_new(json_object_get(call->answer, "components"), "securitySchemes",
                json_pack("{s:{s:s, s:s}}", "token", "type", "http", "scheme", "bearer"));
            json_object_set_new(call->answer, "security", json_pack("[{s:[]}]", "token"));
        }
    }
    json_decref(paths);
    json_decref(files);
    return rc || call->answer ? rc : err_memory(err, 0);
}
