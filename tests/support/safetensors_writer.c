// SPDX-License-Identifier: Apache-2.0
#include "tests/support/safetensors_writer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        fail_msg("unable to create '%s'", path);
    return file;
}

static void put(FILE *file, const void *bytes, size_t size)
{
    assert_int_equal(fwrite(bytes, 1, size, file), size);
}

static void put_header(FILE *file, uint64_t length, const char *header)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> 8 * i);
    put(file, bytes, sizeof bytes);
    put(file, header, strlen(header));
}

void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = create(path);
    put(file, bytes, size);
    assert_int_equal(fclose(file), 0);
}

void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static size_t bytes_of(const struct weight *tensor)
{
    size_t bytes = !strcmp(tensor->type, "F32") ? 4 : !strcmp(tensor->type, "I64") ? 8 : 2;
    for (int axis = 0; axis < tensor->rank; axis++)
        bytes *= tensor->shape[axis];
    return bytes;
}

void write_safetensors(const char *path, const struct weight *tensors, size_t count)
{
    json_t *header = json_object();
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weight *tensor = &tensors[i];
        const size_t end = offset + bytes_of(tensor);
        json_t *shape = json_array();
        for (int axis = 0; axis < tensor->rank; axis++)
            json_array_append_new(shape, json_integer((json_int_t)tensor->shape[axis]));
        json_object_set_new(header, tensor->name,
            json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor->type, "shape", shape, "data_offsets",
                (json_int_t)offset, (json_int_t)end));
        offset = end;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    FILE *file = create(path);
    put_header(file, strlen(text), text);
    for (size_t i = 0; i < count; i++)
        put(file, tensors[i].data, bytes_of(&tensors[i]));
    assert_int_equal(fclose(file), 0);
    free(text);
    json_decref(header);
}

void write_raw_safetensors(const char *path, uint64_t length, const char *header, size_t size)
{
    FILE *file = create(path);
    put_header(file, length, header);
    for (size_t i = 0; i < size; i++)
        put(file, "", 1);
    assert_int_equal(fclose(file), 0);
}
