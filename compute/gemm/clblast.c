// SPDX-License-Identifier: Apache-2.0
/* CLBlast: float32 products on any OpenCL device. Bias and activation follow as one kernel of ours. */
#include "compute/gemm/gemm.h"

#include <clblast_c.h>
#include <stdlib.h>

static bool serves(cl_device_id id, enum precision precision)
{
    (void)id, (void)precision;
    return true;
}

static enum dtype takes(enum precision precision)
{
    (void)precision;
    return DTYPE_F32;
}

static enum precision best(void)
{
    return PRECISION_F32;
}

struct packed {
    cl_mem weight; // (N, K)
    cl_mem bias;   // (N), or NULL
};

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    struct packed *packed = linear->packed = mem_new(1, sizeof *packed);
    if (!packed)
        return err_memory(err, sizeof *packed);
    return device_buffer(&packed->weight, device, weight, linear->n * linear->k * sizeof *weight, err);
}

static int set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    struct packed *packed = linear->packed;
    return device_buffer(&packed->bias, device, bias, linear->n * sizeof *bias, err);
}

static void release(struct linear *linear)
{
    struct packed *packed = linear->packed;
    if (packed && packed->weight)
        clReleaseMemObject(packed->weight);
    if (packed && packed->bias)
        clReleaseMemObject(packed->bias);
    free(packed);
}

static int bias_activation(struct stream *stream, struct tensor out, struct tensor bias, size_t rows,
    size_t n, enum epilogue epilogue, struct err *err)
{
    const struct launch launch = {
        .kernel = "bias_activation", .groups = {groups_of(n, GROUP) * rows}, .local = GROUP};
    const cl_uint has_bias = bias.buffer != NULL, width = (cl_uint)n, number = epilogue;
    if (!has_bias)
        bias = out; /* some buffer has to be there; it is not read */
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(bias), ARG(has_bias), ARG(width), ARG(number));
}

static int product(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err)
{
    const struct packed *packed = linear->packed;
    const size_t n = linear->n, k = linear->k;
    const float beta = epilogue == EPILOGUE_ADD ? 1 : 0;
    const CLBlastStatusCode status =
        CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, rows, n, k, 1, in.buffer,
            in.offset, k, packed->weight, 0, k, beta, out.buffer, out.offset, n, &stream->queue, NULL);
    if (status != CLBlastSuccess)
        return err_set(err, ERR_DEVICE, "CLBlast failed on a product of %zu x %zu x %zu: status %d", rows, n,
            k, (int)status);
    if (!packed->bias && (epilogue == EPILOGUE_NONE || epilogue == EPILOGUE_ADD))
        return 0;
    const struct tensor bias = {.buffer = packed->bias};
    return bias_activation(stream, out, bias, rows, n, epilogue, err);
}

/* ---- matrices that nobody has packed ------------------------------------------------------------------- */

static CLBlastTranspose transpose(const struct matrix *matrix)
{
    return matrix->transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Where each of the matrices begins. */
static void list_offsets(size_t *offsets, const struct matrix *matrix)
{
    for (size_t i = 0; i < matrix->count[0]; i++)
        for (size_t j = 0; j < matrix->count[1]; j++)
            *offsets++ = matrix->tensor.offset + i * matrix->step[0] + j * matrix->step[1];
}

static int multiply_many(struct stream *stream, const struct matrix *out, const struct matrix *a,
    const struct matrix *b, float beta, CLBlastStatusCode *status, struct err *err)
{
    const size_t count = out->count[0] * out->count[1], inner = a->transposed ? a->rows : a->columns;
    size_t *offsets = mem_new(3 * count, sizeof *offsets);
    float *factors = mem_new(2 * count, sizeof *factors);
    const bool enough = offsets && factors;
    if (enough) {
        list_offsets(offsets, a);
        list_offsets(offsets + count, b);
        list_offsets(offsets + 2 * count, out);
        for (size_t i = 0; i < count; i++) {
            factors[i] = 1;
            factors[count + i] = beta;
        }
        *status = CLBlastSgemmBatched(CLBlastLayoutRowMajor, transpose(a), transpose(b), out->rows,
            out->columns, inner, factors, a->tensor.buffer, offsets, a->stride, b->tensor.buffer,
            offsets + count, b->stride, factors + count, out->tensor.buffer, offsets + 2 * count, out->stride,
            count, &stream->queue, NULL);
    }
    free(offsets);
    free(factors);
    return enough ? 0 : err_memory(err, count * (3 * sizeof *offsets + 2 * sizeof *factors));
}

static int multiply(struct stream *stream, const struct matrix *out, const struct matrix *a,
    const struct matrix *b, const struct tensor *bias, bool accumulate, struct err *err)
{
    const size_t inner = a->transposed ? a->rows : a->columns;
    const float beta = accumulate ? 1 : 0;
    CLBlastStatusCode status = CLBlastSuccess;
    int rc = 0;
    if (out->count[0] * out->count[1] > 1)
        rc = multiply_many(stream, out, a, b, beta, &status, err);
    else
        status = CLBlastSgemm(CLBlastLayoutRowMajor, transpose(a), transpose(b), out->rows, out->columns,
            inner, 1, a->tensor.buffer, a->tensor.offset, a->stride, b->tensor.buffer, b->tensor.offset,
            b->stride, beta, out->tensor.buffer, out->tensor.offset, out->stride, &stream->queue, NULL);
    if (status != CLBlastSuccess)
        rc = err_set(err, ERR_DEVICE, "CLBlast failed on a product of %zu x %zu x %zu: status %d", out->rows,
            out->columns, inner, (int)status);
    if (rc || !bias->buffer)
        return rc;
    return bias_activation(stream, out->tensor, *bias, out->rows, out->columns, EPILOGUE_NONE, err);
}

const struct layer_provider provider_clblast = {
    .name = "clblast",
    .serves = serves,
    .takes = takes,
    .best = best,
    .pack = pack,
    .set_bias = set_bias,
    .free = release,
    .product = product,
    .matmul = multiply,
};
