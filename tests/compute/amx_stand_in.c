// SPDX-License-Identifier: Apache-2.0
/* What compute/gemm/amx_cpu.c tells of the real instructions. */
#include "compute/gemm/amx.h"
#include "compute/gemm/avx512.h"

bool amx_serves(enum precision precision)
{
#ifdef AMX_STAND_IN_VECTORS
    return precision == PRECISION_BF16;
#else
    return avx512_serves(precision);
#endif
}
