// SPDX-License-Identifier: Apache-2.0
/* Whether JSON is what a JSON Schema (draft 2020-12) says, for the keywords that ours and those of OpenAPI have: a keyword that is
 * not known here is an error, and none is passed over. */
#ifndef DIPTYCH_TESTS_SCHEMA_H
#define DIPTYCH_TESTS_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct schema {
    const json_t *document; /* "#/..." of "$ref" leads into it */
    bool
        closed; /* what an object has beside its "properties" is an error, also where the schema lets readers expect more */
    char problem[512]; /* "$.labels[1].label: is no number" */
};

/* Whether value is what `rule`, a part of the document, says. */
bool schema_accepts(struct schema *schema, const json_t *rule, const json_t *value);

#endif
