// SPDX-License-Identifier: Apache-2.0
/* Inside compute: the instructions of AVX-512 and VNNI as functions, where the compiler has them. Then VNNI_COMPILED is
 * defined, and VNNI_TARGET stands before functions that use them. */
#ifndef DIPTYCH_COMPUTE_GEMM_VNNI_INSTRUCTIONS_H
#define DIPTYCH_COMPUTE_GEMM_VNNI_INSTRUCTIONS_H

#if defined(__x86_64__)
#include <immintrin.h>

#define VNNI_COMPILED 1
#define VNNI_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,prfchw")))
#endif

#endif
