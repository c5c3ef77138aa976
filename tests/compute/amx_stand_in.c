// SPDX-License-Identifier: Apache-2.0
/* What compute/gemm/amx_cpu.c tells of the real instructions. */
#include "compute/gemm/amx.h"

bool amx_available(void)
{
#ifdef AMX_STAND_IN_VECTORS
    return true;
#else
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bf16");
#endif
}
