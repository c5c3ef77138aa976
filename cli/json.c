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

enum { CELL_SIZE = 256, COLUMNS_MAX = 16 };

static void cell_text(char cell[CELL_SIZE], const json_t *value);

/* Integers from 10,000 with separators: 151,277,313. */
static void cell_integer(char cell[CELL_SIZE], json_int_t integer)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, integer);
    char *end = cell;
    for (int i = 0; i < length; i++) {
        if (length > 4 && i && (length - i) % 3 == 0 && digits[i - 1] != '-')
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
}

static void cell_list(char cell[CELL_SIZE], const json_t *list)
{
    size_t i, used = 0;
    json_t *item;
    *cell = '\0';
    json_array_foreach(list, i, item)
    {
        char text[CELL_SIZE];
        cell_text(text, item);
        used += (size_t)snprintf(cell + used, CELL_SIZE - used, "%s%s", i ? " " : "", text);
        if (used >= CELL_SIZE)
            return;
    }
}

static void cell_text(char cell[CELL_SIZE], const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        snprintf(cell, CELL_SIZE, "%s", json_string_value(value));
        break;
    case JSON_INTEGER:
        cell_integer(cell, json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(cell, CELL_SIZE, "%.4g", json_real_value(value));
        break;
    case JSON_ARRAY:
        cell_list(cell, value);
        break;
    case JSON_NULL:
        snprintf(cell, CELL_SIZE, "-");
        break;
    default:
        snprintf(cell, CELL_SIZE, "%s", json_is_true(value) ? "yes" : "no");
        break;
    }
}

static void put_cell(const char *cell, int width)
{
    text_escape(stdout, cell);
    if (width)
        printf("%*s", width - text_width(cell) + 2, "");
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

/* An array of objects with the same keys: the keys as heads, then a line an object; numbers stand right. */
static void put_rows(const json_t *rows, int indent)
{
    json_t *first = json_array_get(rows, 0), *row, *value;
    const char *key, *keys[COLUMNS_MAX];
    int widths[COLUMNS_MAX], columns = 0;
    char cell[CELL_SIZE];
    size_t i;

    json_object_foreach(first, key, value)
    {
        if (columns == COLUMNS_MAX)
            break;
        keys[columns] = key;
        widths[columns] = text_width(key);
        json_array_foreach(rows, i, row)
        {
            cell_text(cell, json_object_get(row, key));
            if (text_width(cell) > widths[columns])
                widths[columns] = text_width(cell);
        }
        columns++;
    }
    printf("%*s", indent, "");
    for (int c = 0; c < columns; c++)
        put_cell(keys[c], c + 1 < columns ? widths[c] : 0);
    putchar('\n');
    json_array_foreach(rows, i, row)
    {
        printf("%*s", indent, "");
        for (int c = 0; c < columns; c++) {
            cell_text(cell, json_object_get(row, keys[c]));
            put_cell(cell, c + 1 < columns ? widths[c] : 0);
        }
        putchar('\n');
    }
}

static void put_object(json_t *object, int indent)
{
    const int width = key_width(object);
    const char *key;
    json_t *value;
    char cell[CELL_SIZE];
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
            put_cell(key, width);
            cell_text(cell, value);
            put_cell(cell, 0);
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
