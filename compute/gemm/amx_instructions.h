// SPDX-License-Identifier: Apache-2.0
/* Inside compute: the instructions of AMX and of AVX-512 as functions, where the compiler has them. Then
 * AMX_COMPILED is defined, and AMX_TARGET stands before functions that use them. */
#ifndef DIPTYCH_COMPUTE_GEMM_AMX_INSTRUCTIONS_H
#define DIPTYCH_COMPUTE_GEMM_AMX_INSTRUCTIONS_H

#if defined(__x86_64__) && defined(__linux__) && defined(__has_include)
#if __has_include(<amxbf16intrin.h>)
#include <immintrin.h>

#define AMX_COMPILED 1
#define AMX_TARGET                                                                                           \
    __attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512bf16,avx512vl,avx512dq,"        \
                          "prfchw")))
#endif
#endif

#endif
