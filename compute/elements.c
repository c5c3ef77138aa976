// SPDX-License-Identifier: Apache-2.0
#include "compute/elements.h"

#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are read as they lie in the file, which is little-endian"
#endif

enum { CHUNK = 1 << 14 }; /* elements converted at a time, to be looked at while they are in the cache */

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

static void from_f64(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, data + 8 * i, sizeof value);
        out[i] = (float)value;
    }
}

/* Eight bits: a sign, an exponent that is `bias` for 1, and `mantissa` bits behind the point, which have a one
 * before it unless the exponent is 0. What is no number differs from kind to kind. */
static float f8_to_f32(uint8_t bits, int mantissa, int bias)
{
    const int exponent = (bits & 0x7f) >> mantissa, one = 1 << mantissa, fraction = bits & (one - 1);
    const float value = exponent ? ldexpf((float)(one + fraction), exponent - bias - mantissa)
                                 : ldexpf((float)fraction, 1 - bias - mantissa);
    return bits >> 7 ? -value : value;
}

static void from_e4m3(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (data[i] & 0x7f) == 0x7f ? NAN : f8_to_f32(data[i], 3, 7);
}

static void from_e5m2(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = f16_to_f32((uint16_t)(data[i] << 8)); /* the upper half of one */
}

/* FNUZ: no infinities, and a NaN in place of the negative zero */
static void from_e4m3fnuz(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = data[i] == 0x80 ? NAN : f8_to_f32(data[i], 3, 8);
}

static void from_e5m2fnuz(float *out, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = data[i] == 0x80 ? NAN : f8_to_f32(data[i], 2, 16);
}

static const struct reader {
    const char *type;
    size_t size;
    void (*read)(float *out, const uint8_t *data, size_t count);
    uint32_t exponent; /* its bits in an element; 0: such elements are not looked at where they lie */
} readers[] = {
    {"F32", 4, from_f32, 0x7f800000},
    {"F16", 2, from_f16, 0x7c00},
    {"BF16", 2, from_bf16, 0x7f80},
    {"F64", 8, from_f64, 0},
    {"F8_E4M3", 1, from_e4m3, 0},
    {"F8_E5M2", 1, from_e5m2, 0},
    {"F8_E4M3FNUZ", 1, from_e4m3fnuz, 0},
    {"F8_E5M2FNUZ", 1, from_e5m2fnuz, 0},
};

static const struct reader *reader_of(const char *type)
{
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (!strcmp(readers[i].type, type))
            return &readers[i];
    return NULL;
}

/* The exponent of infinity and NaN is all ones: adding one to it carries into the sign bit, which a finite
 * number's exponent never reaches. No branch, so the compiler makes vectors of it. */
static bool all_finite_32(const uint8_t *data, size_t count, uint32_t exponent)
{
    const uint32_t one = exponent & -exponent;
    uint32_t carry = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, data + 4 * i, sizeof bits);
        carry |= (bits & exponent) + one;
    }
    return carry >> 31 == 0;
}

static bool all_finite_16(const uint8_t *data, size_t count, uint16_t exponent)
{
    const uint16_t one = exponent & -exponent;
    uint16_t carry = 0;
    for (size_t i = 0; i < count; i++)
        carry |= (uint16_t)((load_16(data + 2 * i) & exponent) + one);
    return carry >> 15 == 0;
}

static bool all_finite(const uint8_t *data, size_t count, const struct reader *reader)
{
    return reader->size == 4 ? all_finite_32(data, count, reader->exponent)
                             : all_finite_16(data, count, (uint16_t)reader->exponent);
}

enum elements_result elements_check(const uint8_t *data, size_t count, const char *type, size_t *bad)
{
    const struct reader *reader = reader_of(type);
    if (!reader || !reader->exponent)
        return ELEMENTS_NOT_FLOAT;
    if (all_finite(data, count, reader))
        return ELEMENTS_DONE;
    for (*bad = 0; all_finite(data + *bad * reader->size, 1, reader);)
        ++*bad;
    return ELEMENTS_NOT_FINITE;
}

enum elements_result elements_to_f32(
    float *out, const uint8_t *data, size_t count, const char *type, size_t *bad)
{
    const struct reader *reader = reader_of(type);
    if (!reader)
        return ELEMENTS_NOT_FLOAT;

    bool finite = true;
    for (size_t at = 0; at < count; at += CHUNK) {
        const size_t some = count - at < CHUNK ? count - at : CHUNK;
        reader->read(out + at, data + at * reader->size, some);
        finite &= elements_check((const uint8_t *)(out + at), some, "F32", bad) == ELEMENTS_DONE;
    }
    return finite ? ELEMENTS_DONE : elements_check((const uint8_t *)out, count, "F32", bad);
}
