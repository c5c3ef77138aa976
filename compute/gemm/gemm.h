// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: who computes the layers that are matrix products at heart. One struct of functions, several
 * providers of them.
 *
 *   AMX      is our own, in bfloat16 and int8, for the CPUs that have the tile registers. It also brings attention, and
 *            layer norms that go before a product.
 *   AVX512   is our own, too, in bfloat16 and int8, for the CPUs that have AVX-512 with instructions for them, and in
 *            float32 for all that have AVX-512. It brings the same.
 *   AVX2     is the same in float32 for CPUs with AVX2 and FMA.
 *   CLBlast  runs on any OpenCL device, in float32.
 *   oneDNN   runs on CPU devices that take native kernels: the library is called from inside the device's
 *            own queue, on the same buffers. It multiplies bfloat16 where the CPU can.
 *
 * linear.c brings operands to a type the provider multiplies in, and results to the type that is wanted; what
 * a provider leaves out is a kernel of compute/kernels/.
 *
 * In int8 the last two multiply rounded operands in float32.
 *
 * They also multiply matrices that nobody has packed: matmul(), which training is made of.
 *
 * Files: matmul.c chooses who does that; amx.c, avx512.c, floats.c, clblast.c and onednn.c are the providers; amx_*.c, avx512_*.c and
 * floats_* what our own are made of, amx.h, avx512.h and floats_kernel.inc their manuals, native_product.h what avx512.c and floats.c
 * share, avx512_math.h and native_attention.c what all use; onednn_plan.c products of oneDNN made ready to run,
 * onednn_matmul.c those of matrices nobody has packed, onednn_versions.h its API in two versions.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_GEMM_H
#define DIPTYCH_COMPUTE_GEMM_GEMM_H

#include "compute/internal.h"

struct linear {
    const struct layer_provider *provider;
    const char *name;         /* its weight's in Hugging Face's layout, without prefix; for a profile */
    enum precision precision; /* its operands' */
    size_t n, k;
    enum dtype dtype; /* what the provider takes rows in */
    void *packed;     /* the provider's own: weights and bias as it wants them */
    bool rounded;     /* to int8, where the provider multiplies float32: its rows are, before each product */
    const float *
        gain; // (K), or NULL: while pack() rounds to int8, what columns of the weight are multiplied by before
    bool lasting;  /* the weights that pack() gets are a mapped file's, and stay there */
    bool in_place; /* and pack() has left them there */
    struct {
        float *host; // (K)
        cl_mem device;
    } gamma, beta; /* of the layer norm before it: on the device, or for normed_product on the host */
};

/* Matrices in a tensor, all of one shape, on a grid: one for each picture and head, say. Element (r, c) of matrix (i, j)
 * lies i*step[0] + j*step[1] + r*stride + c elements behind the tensor's first. */
struct matrix {
    struct tensor tensor;
    size_t rows, columns, stride;
    size_t count[2], step[2];
    bool transposed; /* a product takes it as columns x rows */
};

/* A tensor (..., N) as its rows, and the part of them from column `first` on. */
struct matrix matrix_of(struct tensor tensor);
struct matrix matrix_columns(struct tensor tensor, size_t first, size_t columns);
struct matrix matrix_transposed(struct matrix matrix);

/* Heads of a tensor (B, T, P*W), which is (B, T, P, H, D): the matrices (T, D) of part p for each picture and head. */
struct matrix matrix_heads(struct tensor tensor, size_t parts, size_t part, size_t heads);

/* out = a * b + bias, or out += where it accumulates; matrix by matrix, where there are several. a and b are of activations' type or both
 * float32, out is of theirs or float32; bias (N) float32, or (struct tensor){0}, which it is where there are several. The tensors may
 * lie in any buffer of device_memory(). On one device and with one number of threads the same operands give the same bits.
 * ERR_UNSUPPORTED where nobody multiplies that type here; ERR_DEVICE, ERR_MEMORY. */
int matmul(struct stream *stream, struct matrix out, struct matrix a, struct matrix b, struct tensor bias,
    bool accumulate, struct err *err);

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

    /* matmul(), but for its checks. What it prepares is stream->plans, for plans_free; NULL: others do it. */
    int (*matmul)(struct stream *stream, const struct matrix *out, const struct matrix *a,
        const struct matrix *b, const struct tensor *bias, bool accumulate, struct err *err);
    void (*plans_free)(struct plans *plans);

    /* attention() of compute.h. NULL: it is a kernel. */
    int (*attention)(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch,
        size_t tokens, const struct sequences *sequences, struct head_shape shape, struct err *err);
};

/* Who does the products of a stream that are no layers'. */
const struct layer_provider *matmul_provider(const struct device *device);

extern const struct layer_provider provider_amx, provider_amx_int8, provider_avx512, provider_avx512_floats,
    provider_avx2, provider_onednn, provider_clblast;

/* The providers in order of preference; NULL ends the list. */
extern const struct layer_provider *const layer_providers[];

/* arithmetic.c: the first provider that serves the device in the precision that is wanted, or else in its best, both by name;
 * device->plain, which is the same where that is not for int8 alone; and what activations are in a precision. ERR_ARGUMENT. */
int arithmetic_choose(const struct layer_provider **out, enum precision *precision, cl_device_id id,
    const char *wanted_gemm, const char *wanted, struct err *err);
int plain_choose(struct device *device, struct err *err);
enum dtype precision_activations(enum precision precision);

/* The precision of products that are not of a model's layers. */
enum precision precision_plain(enum precision precision);

/* *out = a copy of count values, to free(). */
int host_copy(float **out, const float *values, size_t count, struct err *err);

#endif
