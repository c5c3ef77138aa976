// SPDX-License-Identifier: Apache-2.0
/* Inside service: how embeddings look in answers. NULL when out of memory. */
#ifndef DIPTYCH_SERVICE_VECTORS_H
#define DIPTYCH_SERVICE_VECTORS_H

#include "service/call.h"

/* A list of numbers. */
json_t *vector_numbers(const float *vector, size_t width);

/* Bytes in base64. */
json_t *bytes_base64(const struct call *call, const void *bytes, size_t size);

/* Little-endian float32 in base64: OpenAI's "encoding_format", Cohere's "embedding_types". */
json_t *vector_base64(const struct call *call, const float *vector, size_t width);

/* Whether each number is not negative, eight to a byte, the first its highest bit; bytes plus an offset. */
json_t *vector_bits(const float *vector, size_t width, int offset);

/* A list of lists of numbers, of vectors (count, width). */
json_t *vector_lists(const float *vectors, size_t count, size_t width);

/* OpenAI's list of objects {"object": "embedding", "index", "embedding"}, of embeddings (count, E). */
json_t *vector_objects(const struct call *call, const float *embeddings, size_t count, bool base64);

#endif
