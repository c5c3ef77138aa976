// SPDX-License-Identifier: Apache-2.0
/* The validator refuses what each keyword forbids. */
#include "tests/support/schema.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* good is accepted, and bad refused with that problem. */
static void each_keyword_refuses(void **state)
{
    static const struct {
        const char *rule, *good, *bad, *problem;
    } cases[] = {
        {"{\"type\": \"integer\"}", "1", "1.5", "$: is no integer"},
        {"{\"type\": \"number\"}", "1", "true", "$: is no number"},
        {"{\"type\": [\"string\", \"null\"]}", "null", "1", "$: is of no type of those that are allowed"},
        {"{\"const\": \"a/1\"}", "\"a/1\"", "\"a/2\"", "$: is not a/1"},
        {"{\"enum\": [1, \"x\"]}", "\"x\"", "\"y\"", "$: is none of its \"enum\""},
        {"{\"required\": [\"a\"]}", "{\"a\": 1}", "{\"b\": 1}", "$: has no a"},
        {"{\"properties\": {\"a\": {\"type\": \"null\"}}}", "{\"a\": null}", "{\"a\": 1}", "$.a: is no null"},
        {"{\"properties\": {\"a\": {}}}", "{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "$: has an unknown b"},
        {"{\"additionalProperties\": {\"type\": \"string\"}}", "{\"a\": \"\"}", "{\"a\": 1}",
            "$.a: is no string"},
        {"{\"additionalProperties\": false}", "{}", "{\"a\": 1}", "$: has an unknown a"},
        {"{\"items\": {\"type\": \"string\"}}", "[\"\"]", "[\"\", 1]", "$[1]: is no string"},
        {"{\"pattern\": \"^a+$\"}", "\"aa\"", "\"ab\"", "$: does not match ^a+$"},
        {"{\"minItems\": 1}", "[1]", "[]", "$: is outside its bounds"},
        {"{\"maxItems\": 1}", "[1]", "[1, 2]", "$: is outside its bounds"},
        {"{\"minimum\": 0}", "0", "-1", "$: is outside its bounds"},
        {"{\"maximum\": 1}", "1", "1.5", "$: is outside its bounds"},
        {"{\"anyOf\": [{\"type\": \"null\"}, {\"type\": \"string\"}]}", "null", "1", "$: is no string"},
        {"{\"oneOf\": [{\"type\": \"integer\"}, {\"type\": \"number\"}]}", "1.5", "1",
            "$: is several of its \"oneOf\""},
        {"{\"allOf\": [{\"type\": \"number\"}, {\"minimum\": 1}]}", "1", "0", "$: is outside its bounds"},
        {"{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"type\": \"null\"}}}", "null", "1", "$: is no null"},
        {"{\"$ref\": \"#/none\"}", NULL, "1", "$: there is no #/none"},
        {"{\"patternProperties\": {}}", NULL, "1",
            "$: is under a keyword that is not known: patternProperties"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *rule = json_loads(cases[i].rule, 0, NULL);
        json_t *good = cases[i].good ? json_loads(cases[i].good, JSON_DECODE_ANY, NULL) : NULL;
        json_t *bad = json_loads(cases[i].bad, JSON_DECODE_ANY, NULL);
        struct schema schema = {.document = rule, .closed = true};
        assert_non_null(rule);
        if (good && !schema_accepts(&schema, rule, good))
            fail_msg("%s: %s", cases[i].rule, schema.problem);
        assert_false(schema_accepts(&schema, rule, bad));
        assert_string_equal(schema.problem, cases[i].problem);
        json_decref(rule), json_decref(good), json_decref(bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_keyword_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
