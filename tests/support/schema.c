// SPDX-License-Identifier: Apache-2.0
#include "tests/support/schema.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* A value under examination, and where it is. */
struct spot {
    const json_t *value;
    const char *path;
};

static bool check(struct schema *schema, const json_t *rule, struct spot spot);

static bool refuse(struct schema *schema, struct spot spot, const char *what, const char *subject)
{
    snprintf(schema->problem, sizeof schema->problem, "%s: %s %s", spot.path, what, subject);
    return false;
}

/* ---- keywords: each takes its argument, and the rule that it stands in --------------------------------- */

typedef bool keyword_check(
    struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot);

static bool is_of_type(const json_t *value, const char *type)
{
    static const struct {
        const char *name;
        json_type type, other;
    } types[] = {{"object", JSON_OBJECT, JSON_OBJECT}, {"array", JSON_ARRAY, JSON_ARRAY},
        {"string", JSON_STRING, JSON_STRING}, {"integer", JSON_INTEGER, JSON_INTEGER},
        {"number", JSON_REAL, JSON_INTEGER}, {"boolean", JSON_TRUE, JSON_FALSE},
        {"null", JSON_NULL, JSON_NULL}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, type) &&
            (json_typeof(value) == types[i].type || json_typeof(value) == types[i].other))
            return true;
    return false;
}

static bool check_type(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    if (json_is_string(argument))
        return is_of_type(spot.value, json_string_value(argument)) ||
               refuse(schema, spot, "is no", json_string_value(argument));
    for (size_t i = 0; i < json_array_size(argument); i++)
        if (is_of_type(spot.value, json_string_value(json_array_get(argument, i))))
            return true;
    return refuse(schema, spot, "is of no type of", "those that are allowed");
}

static bool check_const(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return json_equal(argument, spot.value) || refuse(schema, spot, "is not", json_string_value(argument));
}

static bool check_enum(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    for (size_t i = 0; i < json_array_size(argument); i++)
        if (json_equal(json_array_get(argument, i), spot.value))
            return true;
    return refuse(schema, spot, "is none of", "its \"enum\"");
}

static bool check_ref(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    const json_t *found = schema->document;
    const char *name = json_string_value(argument);
    (void)rule;
    if (!name || name[0] != '#')
        return refuse(schema, spot, "leads out of the document:", name ? name : "$ref");
    for (const char *part = name + 1; *part == '/' && found;) {
        char key[128];
        const size_t length = strcspn(part + 1, "/");
        snprintf(key, sizeof key, "%.*s", (int)length, part + 1);
        found = json_object_get(found, key);
        part += 1 + length;
    }
    return found ? check(schema, found, spot) : refuse(schema, spot, "there is no", name);
}

/* How many of the rules accept the value. */
static size_t count_accepting(struct schema *schema, const json_t *rules, struct spot spot)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(rules); i++)
        count += check(schema, json_array_get(rules, i), spot);
    return count;
}

static bool check_any_of(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return count_accepting(schema, argument, spot) > 0; /* the problem is the last one's */
}

static bool check_one_of(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    const size_t count = count_accepting(schema, argument, spot);
    (void)rule;
    return count == 1 || (count > 1 && refuse(schema, spot, "is several of", "its \"oneOf\""));
}

static bool check_all_of(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return count_accepting(schema, argument, spot) == json_array_size(argument);
}

static bool check_required(
    struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    for (size_t i = 0; i < json_array_size(argument) && json_is_object(spot.value); i++) {
        const char *key = json_string_value(json_array_get(argument, i));
        if (!json_object_get(spot.value, key))
            return refuse(schema, spot, "has no", key);
    }
    return true;
}

/* The members, and by "additionalProperties" those that "properties" does not name. */
static bool check_members(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    const json_t *properties = json_object_get(rule, "properties"),
                 *others = json_object_get(rule, "additionalProperties");
    const char *key;
    json_t *value;
    (void)argument;
    if (!json_is_object(spot.value))
        return true;
    json_object_foreach((json_t *)spot.value, key, value)
    {
        const json_t *known = json_object_get(properties, key);
        char path[256];
        snprintf(path, sizeof path, "%s.%s", spot.path, key);
        if (!known && (json_is_false(others) || (!others && schema->closed)))
            return refuse(schema, spot, "has an unknown", key);
        if (!known)
            known = json_is_object(others) ? others : NULL;
        if (known && !check(schema, known, (struct spot){value, path}))
            return false;
    }
    return true;
}

static bool check_items(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    for (size_t i = 0; i < json_array_size(spot.value); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s[%zu]", spot.path, i);
        if (!check(schema, argument, (struct spot){json_array_get(spot.value, i), path}))
            return false;
    }
    return true;
}

static bool check_bound(struct schema *schema, struct spot spot, double value, double least, double most)
{
    return (value >= least && value <= most) || refuse(schema, spot, "is outside", "its bounds");
}

static bool check_minimum(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return !json_is_number(spot.value) ||
           check_bound(schema, spot, json_number_value(spot.value), json_number_value(argument), INFINITY);
}

static bool check_maximum(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return !json_is_number(spot.value) ||
           check_bound(schema, spot, json_number_value(spot.value), -INFINITY, json_number_value(argument));
}

static bool check_min_items(
    struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return !json_is_array(spot.value) || check_bound(schema, spot, (double)json_array_size(spot.value),
                                             json_number_value(argument), INFINITY);
}

static bool check_max_items(
    struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    (void)rule;
    return !json_is_array(spot.value) ||
           check_bound(schema, spot, (double)json_array_size(spot.value), 0, json_number_value(argument));
}

static bool check_pattern(struct schema *schema, const json_t *argument, const json_t *rule, struct spot spot)
{
    regex_t pattern;
    (void)rule;
    if (!json_is_string(spot.value))
        return true;
    if (regcomp(&pattern, json_string_value(argument), REG_EXTENDED | REG_NOSUB))
        return refuse(schema, spot, "is to match what cannot be read:", json_string_value(argument));
    const bool fits = !regexec(&pattern, json_string_value(spot.value), 0, NULL, 0);
    regfree(&pattern);
    return fits || refuse(schema, spot, "does not match", json_string_value(argument));
}

/* NULL: it says nothing of what is valid. */
static const struct {
    const char *name;
    keyword_check *check;
} keywords[] = {
    {"$schema", NULL},
    {"$id", NULL},
    {"$defs", NULL},
    {"title", NULL},
    {"description", NULL},
    {"default", NULL},
    {"example", NULL},
    {"examples", NULL},
    {"format", NULL},
    {"contentEncoding", NULL},
    {"$ref", check_ref},
    {"type", check_type},
    {"const", check_const},
    {"enum", check_enum},
    {"anyOf", check_any_of},
    {"oneOf", check_one_of},
    {"allOf", check_all_of},
    {"required", check_required},
    {"properties", check_members},
    {"additionalProperties", check_members},
    {"items", check_items},
    {"minItems", check_min_items},
    {"maxItems", check_max_items},
    {"pattern", check_pattern},
    {"minimum", check_minimum},
    {"maximum", check_maximum},
};

static bool check(struct schema *schema, const json_t *rule, struct spot spot)
{
    const char *name;
    json_t *argument;
    if (json_is_true(rule))
        return true;
    json_object_foreach((json_t *)rule, name, argument)
    {
        size_t i = 0;
        while (i < sizeof keywords / sizeof *keywords && strcmp(keywords[i].name, name) != 0)
            i++;
        if (i == sizeof keywords / sizeof *keywords)
            return refuse(schema, spot, "is under a keyword that is not known:", name);
        if (keywords[i].check && !keywords[i].check(schema, argument, rule, spot))
            return false;
    }
    return true;
}

bool schema_accepts(struct schema *schema, const json_t *rule, const json_t *value)
{
    *schema->problem = '\0';
    return check(schema, rule, (struct spot){value, "$"});
}
