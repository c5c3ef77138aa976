// SPDX-License-Identifier: Apache-2.0
#include "service/vectors.h"

#include <nettle/base64.h>

json_t *vector_numbers(const float *vector, size_t width)
{
    json_t *list = json_array();
    for (size_t e = 0; e < width; e++)
        json_array_append_new(list, json_real(vector[e]));
    return list;
}

/* The machines that this runs on have float32 little-endian. */
json_t *vector_base64(const struct call *call, const float *vector, size_t width)
{
    const size_t bytes = width * sizeof *vector, length = BASE64_ENCODE_RAW_LENGTH(bytes);
    char *text = arena_alloc(&call->request->arena, length);
    if (!text)
        return NULL;
    base64_encode_raw(text, bytes, (const uint8_t *)vector);
    return json_stringn_nocheck(text, length);
}

json_t *vector_lists(const float *vectors, size_t count, size_t width)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, vector_numbers(vectors + i * width, width));
    return list;
}
