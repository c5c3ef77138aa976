// SPDX-License-Identifier: Apache-2.0
#include "tests/service/described.h"
#include "tests/service/client.h"
#include "tests/support/schema.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of the first service that was asked: all say the same. */
static json_t *document;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void document_free(void)
{
    json_decref(document);
}

static const json_t *document_get(int port)
{
    pthread_mutex_lock(&lock);
    if (!document) {
        struct answer answer = client_once(port, "GET", "/openapi.json", NULL, NULL);
        document = answer.status == 200 ? json_loads(answer.body, 0, NULL) : NULL;
        answer_release(&answer);
        atexit(document_free);
    }
    pthread_mutex_unlock(&lock);
    return document;
}

/* Whether a path is that of "/v1/items/{id}", up to its query. */
static bool path_fits(const char *path, const char *described)
{
    for (;; path++, described++) {
        if (*described == '{') {
            path += strcspn(path, "/?");
            described += strcspn(described, "}") + 1;
        }
        if (!*described)
            return !*path || *path == '?';
        if (*path != *described)
            return false;
    }
}

/* What the document says of a JSON answer, or NULL. */
static const json_t *rule_of(const json_t *paths, const char *method, const char *path, int status)
{
    char lower[8] = "", code[8];
    const char *described;
    json_t *methods;
    for (size_t i = 0; method[i] && i + 1 < sizeof lower; i++)
        lower[i] = (char)(method[i] | 0x20);
    snprintf(code, sizeof code, "%d", status);
    json_object_foreach((json_t *)paths, described, methods)
    {
        const json_t *responses = json_object_get(json_object_get(methods, lower), "responses");
        if (path_fits(path, described))
            return json_object_get(
                json_object_get(
                    json_object_get(json_object_get(responses, code), "content"), "application/json"),
                "schema");
    }
    return NULL;
}

void expect_as_described(int port, const char *method, const char *path, int status, const json_t *answer)
{
    struct schema schema = {.document = document_get(port), .closed = true};
    const json_t *rule = rule_of(json_object_get(schema.document, "paths"), method, path, status);
    if (rule && !schema_accepts(&schema, rule, answer))
        fail_msg("%s %s: %d is not as described: %s", method, path, status, schema.problem);
}
