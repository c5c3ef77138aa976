// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"
#include "cli/text.h"
#include "joint/joint.h"

#include <stdlib.h>
#include <string.h>

json_t *json_model(const char *option, const struct adapters *adapters)
{
    struct arena arena = {0};
    const char *directory;
    const int rc = model_directory(&directory, option, &arena, NULL);
    json_t *text = rc || model_reference_with(&directory, directory, adapters, &arena, NULL)
                       ? NULL
                       : json_text(directory);
    arena_release(&arena);
    return text;
}

json_t *json_tokenizer_rule(const struct tokenizer *tokenizer)
{
    const struct tokenizer_rule rule = tokenizer_rule(tokenizer);
    return json_pack("{s:s, s:s}", "reference", tokenizer_reference_name(rule.reference), "cleaning",
        text_cleaning_name(rule.cleaning));
}

int json_put(FILE *out, const char *schema, json_t *value, size_t flags, struct err *err)
{
    if (!value || (schema && json_object_set_new(value, "schema", json_string(schema)))) {
        json_decref(value);
        return err_memory(err, 0);
    }
    const size_t float32 = JSON_REAL_PRECISION(7), digits = flags & JSON_REAL_PRECISION(31);
    json_dumpf(value, out, flags | (digits ? 0 : float32));
    fputc('\n', out); /* a failed write shows in ferror(out) */
    json_decref(value);
    return 0;
}

int json_print(const char *schema, json_t *value, size_t flags, struct err *err)
{
    return json_put(stdout, schema, value, flags, err);
}

/* ---- reports as tables --------------------------------------------------------------------------------- */

enum { COLUMNS_MAX = 16 };

/* Each of these writes a text escaped, or nothing where `out` is NULL; and returns the columns that it takes. */
static int put_text(FILE *out, const char *text)
{
    if (out)
        text_escape(out, text);
    return text_width(text);
}

/* Integers from 10,000 with separators: 151,277,313. */
static int put_integer(FILE *out, json_int_t integer)
{
    char digits[32], text[64], *end = text;
    const int length = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, integer);
    for (int i = 0; i < length; i++) {
        if (length > 4 && i && (length - i) % 3 == 0 && digits[i - 1] != '-')
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return put_text(out, text);
}

static int put_value(FILE *out, const json_t *value);

static int put_list(FILE *out, const json_t *list)
{
    size_t i;
    json_t *item;
    int width = 0;
    json_array_foreach(list, i, item)
    {
        width += i ? put_text(out, " ") : 0;
        width += put_value(out, item);
    }
    return width;
}

/* NULL, as of a row that has not the key of a column, is as null is. */
static int put_value(FILE *out, const json_t *value)
{
    char number[32];
    if (!value || json_is_null(value))
        return put_text(out, "-");
    switch (json_typeof(value)) {
    case JSON_STRING:
        return put_text(out, json_string_value(value));
    case JSON_INTEGER:
        return put_integer(out, json_integer_value(value));
    case JSON_REAL:
        snprintf(number, sizeof number, "%.4g", json_real_value(value));
        return put_text(out, number);
    case JSON_ARRAY:
        return put_list(out, value);
    default:
        return put_text(out, json_is_true(value) ? "yes" : "no");
    }
}

/* From a cell that took `used` columns to the next, two blanks away at least; width 0: there is none. */
static void pad(int used, int width)
{
    if (width)
        printf("%*s", width - used + 2, "");
}

static int key_width(const json_t *object)
{
    int width = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (text_width(key) > width)
            width = text_width(key);
    }
    return width;
}

/* The keys that any of the rows has, in the order in which they come; returns how many. */
static int row_keys(const char *keys[COLUMNS_MAX], const json_t *rows)
{
    json_t *row, *value;
    const char *key;
    size_t i;
    int count = 0;
    json_array_foreach(rows, i, row)
    {
        json_object_foreach(row, key, value)
        {
            int at = 0;
            while (at < count && strcmp(keys[at], key) != 0)
                at++;
            if (at == count && count < COLUMNS_MAX)
                keys[count++] = key;
        }
    }
    return count;
}

static int column_width(const json_t *rows, const char *key)
{
    int width = text_width(key);
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        const int used = put_value(NULL, json_object_get(row, key));
        width = used > width ? used : width;
    }
    return width;
}

/* An array of objects: their keys as heads, then a line an object. */
static void put_rows(const json_t *rows, int indent)
{
    const char *keys[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
    const int columns = row_keys(keys, rows);
    json_t *row;
    size_t i;

    for (int c = 0; c < columns; c++)
        widths[c] = c + 1 < columns ? column_width(rows, keys[c]) : 0;
    printf("%*s", indent, "");
    for (int c = 0; c < columns; c++)
        pad(put_text(stdout, keys[c]), widths[c]);
    putchar('\n');
    json_array_foreach(rows, i, row)
    {
        printf("%*s", indent, "");
        for (int c = 0; c < columns; c++)
            pad(put_value(stdout, json_object_get(row, keys[c])), widths[c]);
        putchar('\n');
    }
}

static void put_object(json_t *object, int indent)
{
    const int width = key_width(object);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const bool rows = json_is_array(value) && json_is_object(json_array_get(value, 0));
        printf("%*s", indent, "");
        if (json_is_object(value) || rows) {
            printf("%s\n", key);
            if (rows)
                put_rows(value, indent + 2);
            else
                put_object(value, indent + 2);
        } else {
            pad(put_text(stdout, key), width);
            put_value(stdout, value);
            putchar('\n');
        }
    }
}

int report_print(const char *schema, json_t *report, int format, struct err *err)
{
    if (!report)
        return err_memory(err, 0);
    if (format)
        return json_print(schema, report, JSON_INDENT(2), err);
    put_object(report, 0);
    json_decref(report);
    return 0;
}
