// SPDX-License-Identifier: Apache-2.0
#include "tests/support/safetensors_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

static void add_all(struct weights_writer *writer, const struct weight *tensors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(weights_writer_add_as_is(writer, &tensors[i], NULL), 0);
}

void write_safetensors(const char *path, const struct weight *tensors, size_t count)
{
    struct weights_writer *writer;
    assert_int_equal(weights_writer_open(&writer, path, DTYPE_F32, NULL, NULL), 0);
    add_all(writer, tensors, count);
    assert_int_equal(weights_writer_begin(writer, NULL), 0);
    add_all(writer, tensors, count);
    assert_int_equal(weights_writer_close(writer, true, NULL), 0);
}

void write_raw_safetensors(const char *path, uint64_t length, const char *header, size_t size)
{
    FILE *file = create(path);
    put_header(file, length, header);
    for (size_t i = 0; i < size; i++)
        put(file, "", 1);
    assert_int_equal(fclose(file), 0);
}
