// SPDX-License-Identifier: Apache-2.0
#include "base/base.h"

#include <string.h>

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float f16_to_f32(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) /* infinity and NaN */
        return bits_float(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    /* Put the half's bits where a float has them: the exponent is then 112 too small, which one product
     * mends, for normal and subnormal halves alike. */
    return bits_float(float_bits(bits_float(magnitude << 13) * 0x1p112f) | sign);
}

uint16_t f32_to_f16(float value)
{
    const uint32_t bits = float_bits(value), magnitude = bits & 0x7fffffff;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000)
        return sign | 0x7e00; /* NaN */
    if (magnitude >= 0x477ff000)
        return sign | 0x7c00;   /* rounds to more than 65504: infinity */
    if (magnitude < 0x38800000) /* below 2^-14: adding 1/2 puts the half's last bit at the float's, rounded */
        return sign | (uint16_t)(float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f));
    const uint32_t odd = magnitude >> 13 & 1;
    return sign | (uint16_t)((magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

float bf16_to_f32(uint16_t bits)
{
    return bits_float((uint32_t)bits << 16);
}

uint16_t f32_to_bf16(float value)
{
    const uint32_t bits = float_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* NaN, kept quiet */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint64_t random_mix(uint64_t bits)
{
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
    return bits ^ bits >> 31;
}

uint64_t random_at(uint64_t seed, uint64_t i)
{
    return random_mix(seed + (i + 1) * 0x9E3779B97F4A7C15u);
}
