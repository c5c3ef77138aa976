// SPDX-License-Identifier: Apache-2.0
#include "compute/elements.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are read as they lie in the file, which is little-endian"
#endif

enum { CHUNK = 1 << 18 }; /* elements that one thread takes at a time */

static void from_f32(float *out, const uint8_t *data, size_t count)
{
    memcpy(out, data, count * sizeof *out);
}

static uint16_t load_16(const uint8_t *data)
{
    uint16_t bits;
    memcpy(&bits, data, sizeof bits);
    return bits;
}

static void from_f16(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = f16_to_f32(load_16(data + 2 * i));
}

static void from_bf16(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = bf16_to_f32(load_16(data + 2 * i));
}

static const struct reader {
    const char *type;
    size_t size;
    void (*read)(float *out, const uint8_t *data, size_t count);
} readers[] = {
    {"F32", 4, from_f32},
    {"F16", 2, from_f16},
    {"BF16", 2, from_bf16},
};

/* The exponent of infinity and NaN is all ones: adding one to it carries into the sign bit, which a finite
 * number's exponent never reaches. No branch, so the compiler makes vectors of it. */
static bool all_finite(const float *values, size_t count)
{
    const uint32_t exponent = 0x7f800000, one = 0x00800000;
    uint32_t carry = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        carry |= (bits & exponent) + one;
    }
    return carry >> 31 == 0;
}

struct conversion {
    float *out;
    const uint8_t *data;
    size_t count;
    const struct reader *reader;
    atomic_bool not_finite;
};

static void convert_chunk(void *context, size_t chunk)
{
    struct conversion *conversion = context;
    const size_t first = chunk * CHUNK, left = conversion->count - first, count = left < CHUNK ? left : CHUNK;
    float *out = conversion->out + first;
    conversion->reader->read(out, conversion->data + first * conversion->reader->size, count);
    if (!all_finite(out, count))
        atomic_store(&conversion->not_finite, true);
}

enum elements_result elements_to_f32(
    float *out, const uint8_t *data, size_t count, const char *type, size_t *bad)
{
    struct conversion conversion = {.out = out, .data = data, .count = count};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (!strcmp(readers[i].type, type))
            conversion.reader = &readers[i];
    }
    if (!conversion.reader)
        return ELEMENTS_NOT_FLOAT;

    parallel_for((count + CHUNK - 1) / CHUNK, thread_default(), convert_chunk, &conversion);
    if (!conversion.not_finite)
        return ELEMENTS_DONE;
    for (*bad = 0; isfinite(out[*bad]);)
        ++*bad;
    return ELEMENTS_NOT_FINITE;
}
