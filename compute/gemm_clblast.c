// SPDX-License-Identifier: Apache-2.0
/* CLBlast: float32 products on any OpenCL device. Bias and activation follow as one kernel of ours. */
#include "compute/gemm.h"

#include <clblast_c.h>

static bool serves(cl_device_id id)
{
    (void)id;
    return true;
}

static bool native(enum precision precision)
{
    return precision == PRECISION_F32;
}

static enum precision best(void)
{
    return PRECISION_F32;
}

static int pack(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    cl_mem buffer;
    int rc = device_buffer(&buffer, device, weight, linear->n * linear->k * sizeof *weight, err);
    if (!rc)
        linear->packed = buffer;
    return rc;
}

static void release(struct linear *linear)
{
    if (linear->packed)
        clReleaseMemObject(linear->packed);
}

static int bias_activation(struct stream *stream, struct tensor out, struct tensor bias, size_t rows,
    size_t n, enum epilogue epilogue, struct err *err)
{
    const struct launch launch = {
        .kernel = "bias_activation", .groups = {(n + GROUP - 1) / GROUP, rows}, .local = GROUP};
    const cl_uint has_bias = bias.buffer != NULL, width = (cl_uint)n, number = epilogue;
    if (!has_bias)
        bias = out; /* some buffer has to be there; it is not read */
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(bias), ARG(has_bias), ARG(width), ARG(number));
}

static int product(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    struct tensor bias, size_t rows, enum epilogue epilogue, struct err *err)
{
    const size_t n = linear->n, k = linear->k;
    const float beta = epilogue == EPILOGUE_ADD ? 1 : 0;
    const CLBlastStatusCode status =
        CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, rows, n, k, 1, in.buffer,
            in.offset, k, linear->packed, 0, k, beta, out.buffer, out.offset, n, &stream->queue, NULL);
    if (status != CLBlastSuccess)
        return err_set(err, ERR_DEVICE, "CLBlast failed on a product of %zu x %zu x %zu: status %d", rows, n,
            k, (int)status);
    if (!bias.buffer && (epilogue == EPILOGUE_NONE || epilogue == EPILOGUE_ADD))
        return 0;
    return bias_activation(stream, out, bias, rows, n, epilogue, err);
}

const struct gemm_provider gemm_clblast = {
    .name = "clblast",
    .serves = serves,
    .native = native,
    .best = best,
    .pack = pack,
    .free = release,
    .product = product,
};
