// SPDX-License-Identifier: Apache-2.0
/* Our own products in bfloat16 and int8 on CPU devices with AVX-512: like oneDNN's native kernels in the device's queue. */
#include "compute/gemm/avx512.h"
#include "compute/gemm/native_attention.h"

static bool serves(cl_device_id id, enum precision precision)
{
    return device_runs_native(id) && avx512_serves(precision);
}

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_BF16;
}

/* int8 is never taken unasked. */
static enum precision best(void)
{
    return avx512_serves(PRECISION_BF16) && !cpu_leaves_bf16_to_amx() ? PRECISION_BF16 : PRECISION_F32;
}

const struct native_kernel avx512_kernel = {
    .columns = AVX512_COLUMNS,
    .rows = AVX512_ROWS,
    .pack_block = avx512_pack_block,
    .fill_rows = avx512_fill_rows,
    .multiply = avx512_multiply,
};

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    (void)device;
    return native_pack(linear, &avx512_kernel, weight, err);
}

/* Asked of the CPU once: in a virtual machine it takes microseconds to say. */
static const struct attention_kernel *attention_kernel(void)
{
    static const struct attention_kernel floats = {avx512_attention_bytes, avx512_attend},
                                         pairs = {avx512_attention_bytes, avx512_attend_pairs};
    static const struct attention_kernel *_Atomic chosen;
    if (!chosen)
        chosen = best() == PRECISION_BF16 ? &pairs : &floats;
    return chosen;
}

static int attend(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch,
    size_t tokens, const struct sequences *sequences, struct head_shape shape, struct err *err)
{
    return native_attend(attention_kernel(), stream, context, qkv, batch, tokens, sequences, shape, err);
}

const struct layer_provider provider_avx512 = {
    .name = "avx512",
    .pooled = true,
    .serves = serves,
    .takes = takes,
    .best = best,
    .pack = pack,
    .set_bias = native_set_bias,
    .free = native_free,
    .product = native_multiply,
    .normed_product = native_multiply_normed,
    .attention = attend,
};
