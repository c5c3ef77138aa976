// SPDX-License-Identifier: Apache-2.0
/*
 * oneDNN on CPU devices: the library runs as a native kernel, that is, as a C function that the OpenCL queue
 * calls in its turn with the host addresses of the buffers. float32, and bfloat16 where the CPU has
 * instructions for it; bias, activation and residual sum happen inside the product.
 */
#include "compute/gemm/avx512.h"
#include "compute/gemm/onednn_plan.h"

/* ---- what the CPU and the device can do ---------------------------------------------------------------- */

static bool cpu_has(dnnl_cpu_isa_t isa)
{
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

static bool serves(cl_device_id id, enum precision precision)
{
    (void)precision;
    return device_runs_native(id);
}

/* oneDNN takes bfloat16 from AVX-512 on. */
static enum dtype takes(enum precision precision)
{
    return precision == PRECISION_BF16 && cpu_has(dnnl_cpu_isa_avx512_core) ? DTYPE_BF16 : DTYPE_F32;
}

/* bfloat16 where it is faster than float32. */
static enum precision best(void)
{
    const bool bf16 = cpu_leaves_bf16_to_amx() ? cpu_has(dnnl_cpu_isa_avx512_core_amx)
                                               : cpu_has(dnnl_cpu_isa_avx512_core_bf16);
    return bf16 ? PRECISION_BF16 : PRECISION_F32;
}

/* ---- running ------------------------------------------------------------------------------------------- */

/* What the native kernel is called with. `memory`: see native_enqueue(). */
struct product {
    char *memory;         /* the stream's, where both in and out lie */
    size_t out_at, in_at; /* bytes */
    struct packed *packed;
    struct plan *plan;
};

static int product_run(void *argument, struct stream *stream)
{
    const struct product *task = argument;
    const struct operands operands = {.src = task->memory + task->in_at,
        .dst = task->memory + task->out_at,
        .bias = task->packed->bias,
        .weights = task->packed->weights};
    const dnnl_status_t status = plan_run(task->plan, task->packed->engine, stream, &operands);
    if (task->plan->one_off)
        plan_free(task->plan);
    return (int)status;
}

static int product(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err)
{
    const struct plan key = {.rows = rows, .epilogue = epilogue, .out_dtype = out.dtype};
    struct product task = {
        .out_at = out.offset * dtype_size(out.dtype),
        .in_at = in.offset * dtype_size(in.dtype),
        .packed = linear->packed,
    };
    int rc = plan_get(&task.plan, linear, &key, err);
    if (rc)
        return rc;
    rc = native_enqueue(stream, product_run, &task, sizeof task, true, err);
    if (rc && task.plan->one_off)
        plan_free(task.plan); /* product_run will not */
    return rc;
}

const struct layer_provider provider_onednn = {
    .name = "onednn",
    .serves = serves,
    .takes = takes,
    .best = best,
    .pack = packed_open,
    .set_bias = packed_set_bias,
    .free = packed_free,
    .product = product,
    .matmul = multiply_matrices,
    .plans_free = matrix_plans_free,
};
