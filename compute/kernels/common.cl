// SPDX-License-Identifier: Apache-2.0
/*
 * What every kernel shares: the type activations are stored in, and sums over a work-group.
 *
 * `real` is the type of activations, device_dtype in compute.h: float, bfloat16 or half, by REAL_F32, REAL_BF16 or
 * REAL_F16. The 16-bit types are storage only, arithmetic is float always, so no device needs an extension for them.
 * real_storea16 is for addresses that are multiples of 16 elements: PoCL stores the others of 16 bits one by one.
 *
 * A tensor argument is two parameters: the buffer, and the element it begins at.
 */

#ifndef LANES
#define LANES 1 /* work-items in a group of the kernels that hold vectors themselves; they share a row of a norm */
#endif
#ifndef GROUP
#define GROUP 64 /* work-items in a group of element-wise kernels */
#endif
#ifndef QUERIES
#define QUERIES 32 /* attention queries a work-item carries: in vectors of 16 lanes, or 1 */
#endif

#if defined(REAL_F16)
typedef half real;
float real_load(global const real *p) { return vload_half(0, p); }
void real_store(float x, global real *p) { vstore_half_rte(x, 0, p); }
float16 real_load16(global const real *p) { return vload_half16(0, p); }
float8 real_load8(global const real *p) { return vload_half8(0, p); }
void real_store16(float16 x, global real *p) { vstore_half16_rte(x, 0, p); }
void real_storea16(float16 x, global real *p) { vstorea_half16_rte(x, 0, p); }
#elif defined(REAL_BF16)
/* bfloat16 is the upper half of a float; rounded to nearest, ties to even. */
typedef ushort real;
float real_load(global const real *p) { return as_float((uint)*p << 16); }
void real_store(float x, global real *p)
{
    const uint bits = as_uint(x);
    *p = (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float16 real_load16(global const real *p) { return as_float16(convert_uint16(vload16(0, p)) << 16); }
float8 real_load8(global const real *p) { return as_float8(convert_uint8(vload8(0, p)) << 16); }
ushort16 real_bits16(uint16 bits) { return convert_ushort16((bits + 0x7fff + (bits >> 16 & 1)) >> 16); }
void real_store16(float16 x, global real *p) { vstore16(real_bits16(as_uint16(x)), 0, p); }
void real_storea16(float16 x, global real *p) { *(global ushort16 *)p = real_bits16(as_uint16(x)); }
#else
typedef float real;
float real_load(global const real *p) { return *p; }
void real_store(float x, global real *p) { *p = x; }
float16 real_load16(global const real *p) { return vload16(0, p); }
float8 real_load8(global const real *p) { return vload8(0, p); }
void real_store16(float16 x, global real *p) { vstore16(x, 0, p); }
void real_storea16(float16 x, global real *p) { *(global float16 *)p = x; }
#endif

float sum8(float8 x)
{
    const float4 a = x.lo + x.hi;
    return a.x + a.y + a.z + a.w;
}

float sum16(float16 x) { return sum8(x.lo + x.hi); }

/* The sum of every lane's x, in every lane. scratch: LANES floats of local memory. */
float group_sum(float x, local float *scratch)
{
#if LANES > 1
    const int lane = get_local_id(0);
    scratch[lane] = x;
    for (int half_way = LANES / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_way)
            scratch[lane] += scratch[lane + half_way];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    x = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    return x;
}

/* The largest of every lane's x, in every lane. scratch: LANES floats of local memory. */
float group_max(float x, local float *scratch)
{
#if LANES > 1
    const int lane = get_local_id(0);
    scratch[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int other = 0; other < LANES; other++)
        x = fmax(x, scratch[other]);
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    return x;
}
