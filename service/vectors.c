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

json_t *bytes_base64(const struct call *call, const void *bytes, size_t size)
{
    const size_t length = BASE64_ENCODE_RAW_LENGTH(size);
    char *text = arena_alloc(&call->request->arena, length);
    if (!text)
        return NULL;
    base64_encode_raw(text, size, bytes);
    return json_stringn_nocheck(text, length);
}

/* The machines that this runs on have float32 little-endian. */
json_t *vector_base64(const struct call *call, const float *vector, size_t width)
{
    return bytes_base64(call, vector, width * sizeof *vector);
}

json_t *vector_lists(const float *vectors, size_t count, size_t width)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, vector_numbers(vectors + i * width, width));
    return list;
}

json_t *vector_bits(const float *vector, size_t width, int offset)
{
    json_t *list = json_array();
    for (size_t first = 0; first < width; first += 8) {
        int byte = 0;
        for (size_t e = first; e < first + 8; e++)
            byte = byte << 1 | (e < width && vector[e] >= 0);
        json_array_append_new(list, json_integer(byte + offset));
    }
    return list;
}

json_t *vector_objects(const struct call *call, const float *embeddings, size_t count, bool base64)
{
    const size_t width = engine_width(call_engine(call));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const float *vector = embeddings + i * width;
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", (int)i, "embedding",
                      base64 ? vector_base64(call, vector, width) : vector_numbers(vector, width)));
    }
    return list;
}
