// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: who computes the layers that are matrix products at heart. One struct of functions, several
 * providers of them.
 *
 *   AMX      is our own, in bfloat16 and nothing else, for the CPUs that have the tile registers. It also
 *            brings attention, and layer norms that go before a product.
 *   VNNI     is our own, in int8 and nothing else, for the CPUs that have AVX-512 with VNNI. It brings both, too.
 *   CLBlast  runs on any OpenCL device, in float32.
 *   oneDNN   runs on CPU devices that take native kernels: the library is called from inside the device's
 *            own queue, on the same buffers. It multiplies bfloat16 where the CPU can.
 *
 * linear.c brings operands to a type the provider multiplies in, and results to the type that is wanted; what
 * a provider leaves out is a kernel of compute/kernels/.
 *
 * In int8 the other two multiply rounded operands in float32.
 *
 * Files: amx.c, clblast.c, onednn.c and vnni.c are the providers; amx_*.c and vnni_*.c what our own are made of, amx.h and
 * vnni.h their manuals, avx512_math.h and
 * native_attention.c what both use, avx512_attention.c attention of the second; onednn_plan.c products of oneDNN made ready to run,
 * onednn_versions.h its API in two versions.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_GEMM_H
#define DIPTYCH_COMPUTE_GEMM_GEMM_H

#include "compute/internal.h"

struct linear {
    const struct layer_provider *provider;
    const char *name; /* its weight's in Hugging Face's layout, without prefix; for a profile */
    size_t n, k;
    enum dtype dtype; /* what the provider takes rows in */
    void *packed;     /* the provider's own: weights and bias as it wants them */
    bool rounded;     /* to int8, where the provider multiplies float32: its rows are, before each product */
    const float *
        gain; // (K), or NULL: while pack() rounds to int8, what columns of the weight are multiplied by before
    bool lasting;  /* the weights that pack() gets stay where they are */
    bool in_place; /* and pack() has left them there */
    struct {
        float *host; // (K)
        cl_mem device;
    } gamma, beta; /* of the layer norm before it: on the device, or for normed_product on the host */
};

struct head_shape {
    size_t heads, width, unseen;
    bool causal;
};

struct layer_provider {
    const char *name;
    bool pooled; /* its native kernels share the threads of device->pool */

    /* Whether a device can be served in that precision. */
    bool (*serves)(cl_device_id id, enum precision precision);
    /* The type it takes the rows of a product in, and gives them in where that is not float32. How it holds
     * weights, and what it multiplies, is its own affair. */
    enum dtype (*takes)(enum precision precision);
    enum precision (*best)(void); /* what `--precision auto` takes */

    /* weight (N, K) float32 -> linear->packed. Called from several threads at once, each with a layer of its
     * own, so it needs no threads itself. Errors of all that follow: ERR_MEMORY, ERR_DEVICE. */
    int (*pack)(struct linear *linear, struct device *device, const float *weight, struct err *err);
    int (*set_bias)(struct linear *linear, struct device *device, const float *bias, struct err *err);
    void (*free)(struct linear *linear);

    /* out (R, N) = epilogue(in (R, K) * weight^T + bias). in has linear->dtype; out too, or float32. */
    int (*product)(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
        size_t rows, enum epilogue epilogue, struct err *err);

    /* The same after the layer norm of in (R, K) float32, with linear->gamma.host and linear->beta.host.
     * NULL: the norm is a kernel, and its result goes through memory. */
    int (*normed_product)(const struct linear *linear, struct stream *stream, struct tensor out,
        struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err);

    /* attention() of compute.h. NULL: it is a kernel. */
    int (*attention)(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch,
        size_t tokens, const struct sequences *sequences, struct head_shape shape, struct err *err);
};

extern const struct layer_provider provider_amx, provider_vnni, provider_onednn, provider_clblast;

/* The providers in order of preference; NULL ends the list. */
extern const struct layer_provider *const layer_providers[];

/* The precision of products that are not of a model's layers. */
enum precision precision_plain(enum precision precision);

/* *out = a copy of count values, to free(). */
int host_copy(float **out, const float *values, size_t count, struct err *err);

#endif
