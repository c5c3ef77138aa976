// SPDX-License-Identifier: Apache-2.0
#include "compute/gemm/amx.h"
#include "compute/gemm/amx_instructions.h"
#include "compute/gemm/avx512.h"

#ifdef AMX_COMPILED
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* __builtin_cpu_supports knows AMX only in newer compilers. Linux gives out the tiles' state on request. */
bool amx_serves(enum precision precision)
{
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25 };
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    const unsigned multiplies = precision == PRECISION_INT8 ? AMX_INT8 : AMX_BF16;
    unsigned a, b, c, d;
    return avx512_serves(precision) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & multiplies) &&
           (d & AMX_TILE) && !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

#else

bool amx_serves(enum precision precision)
{
    (void)precision;
    return false;
}

#endif
