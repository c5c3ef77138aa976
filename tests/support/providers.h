// SPDX-License-Identifier: Apache-2.0
/* Whether the CPU has what a provider of products needs in that precision, both by their names. */
#ifndef DIPTYCH_TESTS_PROVIDERS_H
#define DIPTYCH_TESTS_PROVIDERS_H

#include <string.h>

#include "compute/gemm/amx.h"
#include "compute/gemm/avx512.h"
#include "compute/gemm/floats.h"

static inline bool cpu_has(const char *gemm, const char *precision)
{
    const enum precision words = strcmp(precision, "int8") ? PRECISION_BF16 : PRECISION_INT8;
    if (!strcmp(gemm, "amx"))
        return amx_serves(words);
    if (!strcmp(gemm, "avx2"))
        return floats_have_avx2();
    if (strcmp(gemm, "avx512"))
        return true;
    if (!strcmp(precision, "f32"))
        return floats_have_avx512();
    return avx512_serves(words);
}

#endif
