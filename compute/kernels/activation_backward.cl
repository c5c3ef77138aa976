// SPDX-License-Identifier: Apache-2.0
/* Activations as a step of their own, and their gradients. A work-item takes 16 elements of `count`; the last one fewer, one by
 * one in the memory of a vector. The grid runs in whole groups and may go past the end. */

/* The numbers of enum activation in compute.h. */
enum { ACTIVATION_NONE, ACTIVATION_QUICK_GELU, ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU };

float16 load_some(global const real *from, ulong left)
{
    float some[16];
    if (left >= 16)
        return real_load16(from);
    for (int i = 0; i < 16; i++)
        some[i] = i < left ? real_load(from + i) : 0;
    return vload16(0, some);
}

void store_some(float16 x, global real *to, ulong left)
{
    float some[16];
    if (left >= 16) {
        real_store16(x, to);
        return;
    }
    vstore16(x, 0, some);
    for (int i = 0; i < left; i++)
        real_store(some[i], to + i);
}

/* sqrt(2/pi) * (x + 0.044715 * x^3), and its derivative */
float16 tanh_inner(float16 x) { return 0.7978845608f * (x + 0.044715f * x * x * x); }
float16 tanh_slope(float16 x) { return 0.7978845608f * (1 + 3 * 0.044715f * x * x); }

/* f(x), and at slope f'(x). */
float16 activation(float16 *slope, float16 x, uint which)
{
    if (which == ACTIVATION_QUICK_GELU) { /* x * s, s = sigmoid(1.702 x), s' = 1.702 * s * (1 - s) */
        const float16 s = 1 / (1 + exp(-1.702f * x));
        *slope = s * (1 + 1.702f * x * (1 - s));
        return x * s;
    }
    if (which == ACTIVATION_GELU) { /* x * p, where p is the normal distribution and p' its density */
        const float16 p = 0.5f * (1 + erf(x * M_SQRT1_2_F));
        *slope = p + x * 0.3989422804f * exp(-0.5f * x * x); /* 1 / sqrt(2 pi) */
        return x * p;
    }
    if (which == ACTIVATION_GELU_TANH) {
        /* t = tanh(u) and 1 - t^2 by e = exp(-2|u|): of a rounded t the slope of a large x would be far from 0. */
        const float16 u = tanh_inner(x), e = exp(-2 * fabs(u)), t = copysign((1 - e) / (1 + e), u);
        *slope = 0.5f * (1 + t) + 2 * x * e / ((1 + e) * (1 + e)) * tanh_slope(x);
        return 0.5f * x * (1 + t);
    }
    if (which == ACTIVATION_RELU) {
        *slope = select((float16)0, (float16)1, x > 0);
        return fmax(x, 0.0f);
    }
    *slope = 1;
    return x;
}

/* out = f(in) */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void activate(
    global real *out, ulong out_at, global const real *in, ulong in_at, ulong count, uint which)
{
    const ulong i = get_global_id(0) * 16;
    float16 slope;
    if (i >= count)
        return;
    store_some(activation(&slope, load_some(in + in_at + i, count - i), which), out + out_at + i, count - i);
}

/* d = d * f'(x), and x = f(x), which the layer before takes for its own gradient: in place, both. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void activation_backward(
    global real *d, ulong d_at, global real *x, ulong x_at, ulong count, uint which)
{
    const ulong i = get_global_id(0) * 16, left = count - i;
    float16 slope;
    if (i >= count)
        return;
    d += d_at + i;
    x += x_at + i;
    store_some(activation(&slope, load_some(x, left), which), x, left);
    store_some(load_some(d, left) * slope, d, left);
}
