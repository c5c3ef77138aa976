// SPDX-License-Identifier: Apache-2.0
/* What follows a matrix product where the GEMM library does not do it itself, and the way between float and real.
 * Element-wise; the grid runs in groups of GROUP and may go past the end. */

/* The numbers of enum epilogue in compute.h. */
enum { EPILOGUE_NONE, EPILOGUE_QUICK_GELU, EPILOGUE_GELU, EPILOGUE_GELU_TANH, EPILOGUE_RELU, EPILOGUE_ADD };

/* out [r*n + i] = activation(out[r*n + i] + bias[i]); bias is left out where has_bias is 0. A group takes GROUP columns
 * of one row. All groups lie on the first axis: CUDA devices take 65535 on the others, and a batch has more rows. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void bias_activation(global float *out, ulong out_at,
    global const float *bias, ulong bias_at, uint has_bias, uint n, uint epilogue)
{
    const uint across = (n + GROUP - 1) / GROUP;
    const ulong group = get_group_id(0), row = group / across;
    const uint i = group % across * GROUP + get_local_id(0);
    if (i >= n)
        return;
    out += out_at + row * n + i;
    float y = *out + (has_bias ? bias[bias_at + i] : 0);
    if (epilogue == EPILOGUE_QUICK_GELU)
        y /= 1 + exp(-1.702f * y);
    else if (epilogue == EPILOGUE_GELU)
        y *= 0.5f * (1 + erf(y * M_SQRT1_2_F));
    else if (epilogue == EPILOGUE_GELU_TANH)
        y *= 0.5f * (1 + tanh(0.7978845608f * (y + 0.044715f * y * y * y))); /* sqrt(2/pi) */
    else if (epilogue == EPILOGUE_RELU)
        y = fmax(y, 0.0f);
    *out = y;
}

/* float <- real and real <- float, `count` elements. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void widen(global float *out, ulong out_at,
    global const real *in, ulong in_at, ulong count)
{
    const ulong i = get_global_id(0);
    if (i < count)
        out[out_at + i] = real_load(in + in_at + i);
}

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void narrow(global real *out, ulong out_at,
    global const float *in, ulong in_at, ulong count)
{
    const ulong i = get_global_id(0);
    if (i < count)
        real_store(in[in_at + i], out + out_at + i);
}
