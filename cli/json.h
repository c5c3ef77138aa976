// SPDX-License-Identifier: Apache-2.0
/* JSON on stdout, and the same values as a table for people. */
#ifndef DIPTYCH_CLI_JSON_H
#define DIPTYCH_CLI_JSON_H

#include "joint/joint.h"

#include <jansson.h>

/* The directory of the model: what --model, the option, or DIPTYCH_MODEL names, or the default; with adapters
 * as model_reference_with has them. */
json_t *json_model(const char *option, const struct adapters *adapters);

/* {"reference", "cleaning"}: by which rule the tokenizer of a model reads texts; text.h says what they mean. */
json_t *json_tokenizer_rule(const struct tokenizer *tokenizer);

/* Prints value, an object that is given up, on a line, or on as many as `flags` of json_dumpf make; numbers have the 7
 * digits of a float32 where flags do not say otherwise. A value that is NULL, as jansson gives where there is
 * no memory, is ERR_MEMORY.
 *
 * schema, "classify/1", goes into it as "schema": which of assets/schemas says what is in it, and in which version. In lines each
 * has it, since each may go its own way: lines are sorted, picked and put together with others. NULL: a form that others have
 * defined. The number grows when something is taken away or comes to mean another thing, and not when something is added. */
int json_print(const char *schema, json_t *value, size_t flags, struct err *err);
int json_put(FILE *out, const char *schema, json_t *value, size_t flags,
    struct err *err); /* the same, somewhere else */

/* What a command reports: an object as for json_print, printed as a --format of table|json has it and given up. As a
 * table, a value stands behind its key, an object below it, and an array of objects as rows below the keys that any of
 * them has. */
int report_print(const char *schema, json_t *report, int format, struct err *err);

#endif
