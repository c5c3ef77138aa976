// SPDX-License-Identifier: Apache-2.0
/* validate_json SCHEMAS FILE...: whether each JSON value of the files, which lie one behind the other, is an object that says
 * "schema": "NAME/VERSION" and is what SCHEMAS/NAME.json says, and has nothing that it does not say. Prints the names, once each. */
#include "tests/support/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
static struct known {
    char name[64];
    json_t *document;
} known[MOST];
static size_t known_count;

/* The document of "classify/1", NULL where there is none. */
static json_t *document_of(const char *folder, const char *schema)
{
    char path[512];
    const int length = (int)strcspn(schema, "/");
    for (size_t i = 0; i < known_count; i++)
        if (!strncmp(known[i].name, schema, (size_t)length) && !known[i].name[length])
            return known[i].document;
    snprintf(path, sizeof path, "%s/%.*s.json", folder, length, schema);
    json_t *document = json_load_file(path, 0, NULL);
    if (document && known_count < MOST) {
        snprintf(known[known_count].name, sizeof known[0].name, "%.*s", length, schema);
        known[known_count++].document = document;
    }
    return document;
}

static bool validate(const char *folder, const char *file, const json_t *value)
{
    const char *name = json_string_value(json_object_get(value, "schema"));
    struct schema schema = {.document = name ? document_of(folder, name) : NULL, .closed = true};
    if (schema.document && schema_accepts(&schema, schema.document, value))
        return true;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    printf("%s: %s\n  %.300s\n", file,
        schema.document ? schema.problem
        : name          ? "its schema is none of ours"
                        : "it says no schema",
        text);
    free(text);
    return false;
}

static bool validate_file(const char *folder, const char *path)
{
    FILE *file = fopen(path, "r");
    bool good = file != NULL;
    for (int c; file && (c = getc(file)) != EOF;) {
        if (c == '\n' || c == ' ' || c == '\0')
            continue;
        ungetc(c, file);
        json_error_t problem;
        json_t *value = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &problem);
        if (!value) {
            printf("%s: no JSON: %s\n", path, problem.text);
            good = false;
            break;
        }
        good &= validate(folder, path, value);
        json_decref(value);
    }
    if (file)
        fclose(file);
    return good;
}

int main(int argc, char **argv)
{
    bool good = argc > 2;
    for (int i = 2; i < argc; i++)
        good &= validate_file(argv[1], argv[i]);
    for (size_t i = 0; i < known_count; i++) {
        puts(known[i].name);
        json_decref(known[i].document);
    }
    return good ? 0 : 1;
}
