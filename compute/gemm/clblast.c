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

static int bias_activation(struct stream *stream, struct tensor out, cl_mem bias, size_t rows, size_t n,
    enum epilogue epilogue, struct err *err)
{
    const struct launch launch = {
        .kernel = "bias_activation", .groups = {groups_of(n, GROUP) * rows}, .local = GROUP};
    const cl_uint has_bias = bias != NULL, width = (cl_uint)n, number = epilogue;
    if (!has_bias)
        bias = out.buffer; /* some buffer has to be there; it is not read */
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(out), ARG(bias), ARG(has_bias), ARG(width), ARG(number));
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
    return bias_activation(stream, out, packed->bias, rows, n, epilogue, err);
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
};
