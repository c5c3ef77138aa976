// SPDX-License-Identifier: Apache-2.0
#include "tests/text/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct tokenizer *must_load(const char *directory, struct tokenizer_rule rule)
{
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    if (tokenizer_load(&tokenizer, directory, rule, &err))
        fail_msg("%s", err.msg);
    return tokenizer;
}

size_t golden_unescape(char *text, size_t room, struct span field)
{
    size_t length = 0;
    for (size_t i = 0; i < field.length; i++) {
        assert_true(length < room);
        if (field.data[i] != '\\') {
            text[length++] = field.data[i];
            continue;
        }
        const char digits[] = {field.data[i + 2], field.data[i + 3], '\0'};
        text[length++] = (char)strtol(digits, NULL, 16);
        i += 3;
    }
    return length;
}

void golden_parse_ids(struct golden_ids *out, struct span field)
{
    struct span number;
    for (out->count = 0; cut(&number, &field, ' '); out->count++) {
        assert_true(out->count < GOLDEN_MOST);
        out->ids[out->count] = (int32_t)strtol(number.data, NULL, 10);
    }
}

bool golden_next(struct golden *golden, struct span *rest)
{
    struct span line, field;
    if (!cut(&line, rest, '\n') || !line.length)
        return false;
    assert_true(cut(&field, &line, '\t'));
    golden->length = golden_unescape(golden->text, sizeof golden->text, field);
    for (size_t i = 0; i < GOLDEN_COLUMNS; i++) {
        assert_true(cut(&field, &line, '\t'));
        golden_parse_ids(&golden->columns[i], field);
    }
    return true;
}
