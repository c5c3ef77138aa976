// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

char *text_utf8(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    char *copy = mem_new(strlen(text) + 1, strlen(replacement)), *end = copy;
    while (copy && *text) {
        utf8proc_int32_t character;
        const utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &character);
        end = bytes > 0 ? mempcpy(end, text, (size_t)bytes) : stpcpy(end, replacement);
        text += bytes > 0 ? bytes : 1;
    }
    return copy;
}

struct json_t *json_text(const char *text)
{
    char *valid = text_utf8(text);
    json_t *string = valid ? json_string(valid) : NULL;
    free(valid);
    return string;
}
