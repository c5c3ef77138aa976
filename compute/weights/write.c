// SPDX-License-Identifier: Apache-2.0
/* Weights to a safetensors file: compute/weights/safetensors.c draws the format. Its header comes first and has every offset,
 * so tensors are announced before they are written. */
#include "compute/weights/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/elements.h"

struct weights_writer {
    enum dtype dtype;
    struct new_file file;
    json_t *header;
    size_t announced, written; /* tensors */
    size_t end;                /* of the data announced so far */
    bool begun;                /* the header is written, and tensors follow */
    const struct job *job;
};

static const char *type_name(enum dtype dtype)
{
    return dtype == DTYPE_F16 ? "F16" : dtype == DTYPE_BF16 ? "BF16" : "F32";
}

int weights_writer_open(
    struct weights_writer **out, const char *path, enum dtype dtype, const struct job *job, struct err *err)
{
    struct weights_writer *writer = mem_new(1, sizeof *writer);
    if (!writer)
        return err_memory(err, sizeof *writer);
    *writer = (struct weights_writer){.dtype = dtype, .job = job};
    writer->header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt"); /* transformers asks for it */
    int rc = writer->header ? new_file_open(&writer->file, path, err) : err_memory(err, 0);
    if (rc)
        weights_writer_close(writer, false, NULL);
    else
        *out = writer;
    return rc;
}

int weights_writer_note(struct weights_writer *writer, const char *name, const char *text, struct err *err)
{
    json_t *notes = json_object_get(writer->header, "__metadata__");
    return json_object_set_new(notes, name, json_string(text)) ? err_memory(err, strlen(text)) : 0;
}

/* The bytes of a tensor; false where they are too many to count. */
static bool tensor_bytes(size_t *out, const char *type, int rank, const size_t *shape)
{
    *out = type_bits(type) / 8;
    for (int axis = 0; axis < rank; axis++)
        if (!size_mul(out, *out, shape[axis]))
            return false;
    return true;
}

static int announce(struct weights_writer *writer, const char *name, const char *type, int rank,
    const size_t *shape, struct err *err)
{
    json_t *lengths = json_array();
    size_t bytes, end;
    if (!tensor_bytes(&bytes, type, rank, shape) || !size_add(&end, writer->end, bytes)) {
        json_decref(lengths);
        return err_set(err, ERR_LIMIT, "tensor '%s' is too large for a file", name);
    }
    for (int axis = 0; axis < rank; axis++)
        json_array_append_new(lengths, json_integer((json_int_t)shape[axis]));
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", type, "shape", lengths, "data_offsets",
        (json_int_t)writer->end, (json_int_t)end);
    if (!entry || json_object_set_new(writer->header, name, entry))
        return err_memory(err, bytes);
    writer->end = end;
    writer->announced++;
    return 0;
}

static int step(struct weights_writer *writer, struct err *err)
{
    writer->written++;
    return job_step(writer->job, "tensors", writer->written, writer->announced, err);
}

/* A piece at a time, in 16 bits or as it is. */
static int write_values(
    struct weights_writer *writer, const char *name, const float *values, size_t count, struct err *err)
{
    enum { PIECE = 4096 };
    uint16_t bits[PIECE];
    for (size_t at = 0; at < count; at += PIECE) {
        const size_t some = count - at < PIECE ? count - at : PIECE;
        for (size_t i = 0; i < some; i++) {
            const float value = values[at + i];
            if (!isfinite(dtype_round(value, writer->dtype)))
                return err_set(err, ERR_LIMIT, "element %zu of tensor '%s' is %g, which %s does not hold",
                    at + i, name, (double)value, type_name(writer->dtype));
            bits[i] = writer->dtype == DTYPE_F16 ? f32_to_f16(value) : f32_to_bf16(value);
        }
        if (writer->dtype == DTYPE_F32)
            fwrite(values + at, sizeof *values, some, writer->file.stream);
        else
            fwrite(bits, sizeof *bits, some, writer->file.stream);
    }
    return step(writer, err);
}

int weights_writer_add(struct weights_writer *writer, const char *name, int rank, const size_t *shape,
    const float *values, struct err *err)
{
    size_t count = 1;
    if (!writer->begun)
        return announce(writer, name, type_name(writer->dtype), rank, shape, err);
    for (int axis = 0; axis < rank; axis++)
        count *= shape[axis]; /* counted when it was announced */
    return write_values(writer, name, values, count, err);
}

int weights_writer_add_as_is(struct weights_writer *writer, const struct weight *tensor, struct err *err)
{
    size_t bytes;
    if (!writer->begun)
        return announce(writer, tensor->name, tensor->type, tensor->rank, tensor->shape, err);
    if (tensor_bytes(&bytes, tensor->type, tensor->rank, tensor->shape))
        fwrite(tensor->data, 1, bytes, writer->file.stream);
    return step(writer, err);
}

bool weights_writer_wants(const struct weights_writer *writer)
{
    return writer->begun;
}

int weights_writer_begin(struct weights_writer *writer, struct err *err)
{
    enum { ALIGN = 8 };
    char *text = json_dumps(writer->header, JSON_COMPACT);
    if (!text)
        return err_memory(err, 0);
    const size_t length = strlen(text), blanks = (ALIGN - length % ALIGN) % ALIGN;
    for (int i = 0; i < 8; i++)
        fputc((int)((uint64_t)(length + blanks) >> 8 * i & 0xff), writer->file.stream);
    fprintf(writer->file.stream, "%s%*s", text, (int)blanks, "");
    free(text);
    writer->begun = true;
    return 0;
}

int weights_writer_close(struct weights_writer *writer, bool keep, struct err *err)
{
    if (!writer)
        return 0;
    const int rc = new_file_close(&writer->file, keep, err);
    json_decref(writer->header);
    free(writer);
    return rc;
}

/* ---- weights as they are ------------------------------------------------------------------------------- */

static bool is_float(const struct weight *weight)
{
    size_t bad;
    return elements_to_f32(NULL, NULL, 0, weight->type, &bad) != ELEMENTS_NOT_FLOAT;
}

enum dtype weights_dtype(const struct weights *weights)
{
    const char *type = NULL;
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = &weights->items[i];
        if (is_float(weight) && type && strcmp(type, weight->type))
            return DTYPE_F32;
        if (is_float(weight))
            type = weight->type;
    }
    return !type                   ? DTYPE_F32
           : !strcmp(type, "F16")  ? DTYPE_F16
           : !strcmp(type, "BF16") ? DTYPE_BF16
                                   : DTYPE_F32;
}

int weights_save_tensor(const struct weights *weights, const struct weight *weight,
    struct weights_writer *writer, struct err *err)
{
    float *values = NULL;
    int rc = 0;
    if (!is_float(weight))
        return 0;
    if (writer->begun) {
        values = mem_new(weight->count, sizeof *values);
        rc = values ? weights_fetch(values, weights, weight->name, weight->rank, weight->shape, err)
                    : err_memory(err, weight->count * sizeof *values);
    }
    if (!rc)
        rc = weights_writer_add(writer, weight->name, weight->rank, weight->shape, values, err);
    free(values);
    return rc;
}

int weights_save(const struct weights *weights, struct weights_writer *writer, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < weights->count && !rc; i++)
        rc = weights_save_tensor(weights, &weights->items[i], writer, err);
    return rc;
}
