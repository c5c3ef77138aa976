// SPDX-License-Identifier: Apache-2.0
/* Our own products in float32 on CPU devices: a provider for each width of registers, so that either can be asked for. */
#include "compute/gemm/floats.h"

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_F32;
}

static enum precision best(void)
{
    return PRECISION_F32;
}

#if defined(__x86_64__)
bool floats_have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool floats_have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

#define PROVIDER(provider, instructions)                                                                     \
    static bool serves_##instructions(cl_device_id id, enum precision precision)                             \
    {                                                                                                        \
        return precision == PRECISION_F32 && device_runs_native(id) && floats_have_##instructions();         \
    }                                                                                                        \
                                                                                                             \
    static int pack_##instructions(                                                                          \
        struct linear *linear, struct device *device, const float *weight, struct err *err)                  \
    {                                                                                                        \
        (void)device;                                                                                        \
        return native_pack(linear, &floats_##instructions, weight, err);                                     \
    }                                                                                                        \
                                                                                                             \
    static int attend_##instructions(struct stream *stream, struct tensor context, struct tensor qkv,        \
        size_t batch, size_t tokens, const struct sequences *sequences, struct head_shape shape,             \
        struct err *err)                                                                                     \
    {                                                                                                        \
        return native_attend(                                                                                \
            &floats_attention_##instructions, stream, context, qkv, batch, tokens, sequences, shape, err);   \
    }                                                                                                        \
                                                                                                             \
    const struct layer_provider provider = {                                                                 \
        .name = #instructions,                                                                               \
        .pooled = true,                                                                                      \
        .serves = serves_##instructions,                                                                     \
        .takes = takes,                                                                                      \
        .best = best,                                                                                        \
        .pack = pack_##instructions,                                                                         \
        .set_bias = native_set_bias,                                                                         \
        .free = native_free,                                                                                 \
        .product = native_multiply,                                                                          \
        .normed_product = native_multiply_normed,                                                            \
        .attention = attend_##instructions,                                                                  \
    };

PROVIDER(provider_avx512_floats, avx512)
PROVIDER(provider_avx2, avx2)

#else

bool floats_have_avx2(void)
{
    return false;
}

bool floats_have_avx512(void)
{
    return false;
}

static bool serves(cl_device_id id, enum precision precision)
{
    (void)id, (void)precision;
    return false;
}

const struct layer_provider provider_avx512_floats = {
    .name = "avx512", .serves = serves, .takes = takes, .best = best};
const struct layer_provider provider_avx2 = {.name = "avx2", .serves = serves, .takes = takes, .best = best};

#endif
