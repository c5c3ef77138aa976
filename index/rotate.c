// SPDX-License-Identifier: Apache-2.0
#include "index/rotate.h"

#include <math.h>
#include <stdint.h>

/* Whether channel i is negated: the top bit of its number, mixed (the finaliser of MurmurHash3). */
static double sign(size_t i)
{
    uint32_t x = (uint32_t)i + 1;
    x = (x ^ x >> 16) * 0x85ebca6b;
    x = (x ^ x >> 13) * 0xc2b2ae35;
    return (x ^ x >> 16) >> 31 ? -1 : 1;
}

static void hadamard(double *v, size_t n)
{
    for (size_t half = n / 2; half; half /= 2)
        for (size_t from = 0; from < n; from += 2 * half)
            for (size_t i = from; i < from + half; i++) {
                const double sum = v[i] + v[i + half], difference = v[i] - v[i + half];
                v[i] = sum;
                v[i + half] = difference;
            }
}

void rotate(double *v, size_t stride)
{
    const size_t piece = stride & (~stride + 1);
    const double norm = 1 / sqrt((double)piece);
    for (size_t i = 0; i < stride; i++)
        v[i] *= sign(i) * norm;
    for (size_t i = 0; i < stride; i += piece)
        hadamard(v + i, piece);
}
