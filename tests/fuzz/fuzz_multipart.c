// SPDX-License-Identifier: Apache-2.0
#include "service/multipart.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* The first line is the Content-Type, the rest the body. Fields lie in the body, one behind the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct err err = {0};
    struct form form;
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    if (!end)
        return 0;
    const size_t length = (size_t)(end - data);
    const char *type = arena_copy(&arena, (const char *)data, length);
    const struct span body = {(const char *)end + 1, size - length - 1};
    FUZZ_CHECK(type);
    const int rc = form_read(&form, type, body, &arena, &err);
    FUZZ_CHECK(rc == 0 || rc == ERR_FORMAT || rc == ERR_UNSUPPORTED || rc == ERR_LIMIT);
    FUZZ_CHECK(rc == (int)err.code && !rc == !err.msg[0] && form.count <= FORM_FIELDS_MAX);
    const char *at = body.data;
    for (size_t i = 0; i < form.count; i++) {
        const struct form_field *field = &form.fields[i];
        FUZZ_CHECK(field->name && field->value.data > at);
        at = field->value.data + field->value.length;
        FUZZ_CHECK(at < body.data + body.length);
        const struct form_field *found = form_find(&form, field->name);
        FUZZ_CHECK(found && found <= field);
    }
    arena_release(&arena);
    return 0;
}
