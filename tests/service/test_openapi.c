// SPDX-License-Identifier: Apache-2.0
/* /openapi.json says what there is: routes, fields, and how requests fail. tests/service/schemathesis.sh tries out the
 * rest of it. */
#include "service/call.h"
#include "tests/service/described.h"
#include "tests/service/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *document;

static int open_document(void **state)
{
    if (served_open(state))
        return -1;
    struct answer answer = client_once(served.port, "GET", "/openapi.json", NULL, NULL);
    if (answer.status != 200)
        fail_msg("%s", answer.body);
    document = json_loads(answer.body, 0, NULL);
    assert_non_null(document);
    answer_release(&answer);
    return 0;
}

static int close_document(void **state)
{
    json_decref(document);
    return served_close(state);
}

/* ---- finding one's way --------------------------------------------------------------------------------- */

/* "/v1/items/7/image" of a route with a star, or with "{id}" as the document has it. */
static void fill_path(char out[128], const char *path, const char *id)
{
    const char *star = strchr(path, '*');
    snprintf(out, 128, "%.*s%s%s", star ? (int)(star - path) : (int)strlen(path), path, star ? id : "",
        star ? star + 1 : "");
}

static const json_t *operation_of(const struct route *route)
{
    char path[128], method[8] = "";
    fill_path(path, route->path, "{id}");
    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)(route->method[i] | 0x20);
    return json_object_get(json_object_get(json_object_get(document, "paths"), path), method);
}

/* What a value's "$ref" names; the value itself where it has none. */
static const json_t *follow(const json_t *value)
{
    const char *name = json_string_value(json_object_get(value, "$ref"));
    if (!name)
        return value;
    assert_int_equal(strncmp(name, "#/", 2), 0);
    const json_t *found = document;
    for (const char *part = name + 2; found; part += strcspn(part, "/") + 1) {
        char key[128];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(part, "/"), part);
        found = json_object_get(found, key);
        if (!part[strcspn(part, "/")])
            break;
    }
    if (!found)
        fail_msg("'%s' leads nowhere", name);
    return found;
}

static void follow_all(const json_t *value)
{
    const char *key;
    json_t *part;
    size_t i;
    follow(value);
    json_object_foreach((json_t *)value, key, part) follow_all(part);
    json_array_foreach(value, i, part) follow_all(part);
}

/* ---- what it says -------------------------------------------------------------------------------------- */

static void every_route_is_described(void **state)
{
    (void)state;
    size_t count = 0, described = 0;
    const char *path;
    json_t *methods;
    for (const struct route *route = routes; route->method; route++, count++) {
        const json_t *operation = operation_of(route);
        if (!operation)
            fail_msg("%s %s is not described", route->method, route->path);
        assert_string_equal(json_string_value(json_object_get(operation, "summary")), route->summary);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body != BODY_NONE);
        assert_int_equal(
            json_array_size(json_object_get(operation, "parameters")) > 0 || !strchr(route->path, '*'), 1);
    }
    json_object_foreach(json_object_get(document, "paths"), path, methods) described +=
        json_object_size(methods);
    assert_int_equal(described, count);
    follow_all(document);
}

/* The names in a message such as "'x' is not known here; there are a, b, c". */
static void expect_names(const json_t *properties, const char *message, const char *path)
{
    const char *begin = strstr(message, "; there are "), *key;
    json_t *value;
    size_t listed = 0;
    char names[600];
    assert_non_null(begin);
    snprintf(names, sizeof names, ", %s, ", begin + strlen("; there are "));
    for (const char *at = names + 2; (at = strstr(at, ", ")); at += 2)
        listed++;
    json_object_foreach((json_t *)properties, key, value)
    {
        char part[64];
        snprintf(part, sizeof part, ", %s, ", key);
        if (!strstr(names, part))
            fail_msg("%s takes no '%s': %s", path, key, message);
    }
    if (listed != json_object_size(properties))
        fail_msg("%s: %zu fields are described of %s", path, json_object_size(properties), message);
}

/* Where a schema allows nothing else, its fields are those that the route knows, and no others. */
static void expect_fields(const struct route *route, const json_t *schema)
{
    const json_t *parts = json_object_get(schema, "anyOf");
    json_t *part;
    size_t i;
    json_array_foreach(parts, i, part) expect_fields(route, follow(part));
    if (!json_is_false(json_object_get(schema, "additionalProperties")))
        return;
    char path[128];
    fill_path(path, route->path, "1");
    struct answer answer = client_once(served.port, route->method, path, NULL, "{\"no such field\": 1}");
    if (!answer.body || !strstr(answer.body, "'no such field' is not known here"))
        fail_msg("%s: %s", path, answer.body);
    json_t *root = json_loads(answer.body, 0, NULL);
    const json_t *message = json_object_get(json_object_get(root, "error"), "message");
    expect_names(json_object_get(schema, "properties"), json_string_value(message), path);
    json_decref(root);
    answer_release(&answer);
}

static const json_t *schema_of_body(const struct route *route)
{
    const json_t *content = json_object_get(json_object_get(operation_of(route), "requestBody"), "content");
    return follow(json_object_get(json_object_get(content, "application/json"), "schema"));
}

static void fields_are_those_that_are_known(void **state)
{
    (void)state;
    size_t strict = 0;
    for (const struct route *route = routes; route->method; route++) {
        const json_t *schema = schema_of_body(route);
        strict += json_is_false(json_object_get(schema, "additionalProperties"));
        if (schema)
            expect_fields(route, schema);
    }
    assert_true(strict >= 3);
}

/* ---- whether it is so ---------------------------------------------------------------------------------- */

/* Asks a route, and looks whether the status and the type of the answer are described. */
static void expect_described(const struct route *route, const char *id, const char *headers, const char *body)
{
    char path[128], status[8], type[128];
    fill_path(path, route->path, id);
    struct answer answer = client_once(served.port, route->method, path, headers, body);
    snprintf(status, sizeof status, "%d", answer.status);
    const json_t *response = json_object_get(json_object_get(operation_of(route), "responses"), status);
    const json_t *content = json_object_get(response, "content");
    if (!response)
        fail_msg("%s %s: %d is not described: %s", route->method, path, answer.status, answer.body);
    if (content) {
        if (!answer_header(&answer, "Content-Type", type, sizeof type))
            fail_msg("%s %s: %d has no type", route->method, path, answer.status);
        type[strcspn(type, ";")] = '\0';
        if (!json_object_get(content, type) &&
            !(!strncmp(type, "image/", 6) && json_object_get(content, "image/*")))
            fail_msg("%s %s: %d is %s", route->method, path, answer.status, type);
    }
    json_t *value = json_loads(answer.body ? answer.body : "", 0, NULL);
    if (value)
        expect_as_described(served.port, route->method, path, answer.status, value);
    json_decref(value);
    answer_release(&answer);
}

static void answers_are_those_that_are_described(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "{}", "[1]", "{\"input\": \"a\", \"model\": \"other\"}",
        "{\"inputs\": \"a\", \"texts\": \"a\", \"text\": \"a\", \"query\": \"b\"}", "\xff"};
    for (const struct route *route = routes; route->method; route++) {
        const bool body = route->body != BODY_NONE;
        expect_described(route, "1", NULL, body ? "{}" : NULL);
        expect_described(route, "999999", NULL, body ? "{}" : NULL);
        expect_described(route, "1", "Origin: http://evil.example\r\n", body ? "{}" : NULL);
        expect_described(route, "1", "Range: bytes=0-1\r\n", body ? "{}" : NULL);
        expect_described(route, "1", "Range: bytes=999999999-\r\n", body ? "{}" : NULL);
        expect_described(route, "1", "If-None-Match: *\r\n", body ? "{}" : NULL);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
            expect_described(route, "1", NULL, wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(fields_are_those_that_are_known),
        cmocka_unit_test(answers_are_those_that_are_described),
    };
    return cmocka_run_group_tests(tests, open_document, close_document);
}
