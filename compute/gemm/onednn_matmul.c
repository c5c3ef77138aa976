// SPDX-License-Identifier: Apache-2.0
/*
 * Products of matrices that lie as they are, in any buffers. A product is planned once for each set of shapes and strides that a
 * stream meets; training meets the same few in every step.
 *
 * PoCL 3.1 hands one buffer to a native kernel right, and not several: here the host addresses are asked for before.
 */
#include "compute/gemm/onednn_plan.h"

#include <stdlib.h>
#include <string.h>

enum { RANK = 4 }; /* row and column of two dimensions of matrices, or of one matrix alone the last two */

/* How one operand lies. */
struct lie {
    dnnl_dims_t dims, strides;
    dnnl_data_type_t type;
};

struct matrix_plan {
    struct matrix_plan *next;
    struct lie out, a, b;
    bool has_bias, accumulate;
    struct plan *plan;
    desc weights; // b's
};

struct plans {
    dnnl_engine_t engine;
    struct matrix_plan *first;
    size_t count;
};

static struct lie lie_of(const struct matrix *matrix)
{
    const dnnl_dim_t rows = (dnnl_dim_t)matrix->rows, columns = (dnnl_dim_t)matrix->columns,
                     stride = (dnnl_dim_t)matrix->stride;
    struct lie lie;
    memset(&lie, 0, sizeof lie); /* padding and unused dimensions too: these are compared as bytes */
    lie.type = data_type(matrix->tensor.dtype);
    for (int i = 0; i < 2; i++) {
        lie.dims[i] = (dnnl_dim_t)matrix->count[i];
        lie.strides[i] = (dnnl_dim_t)matrix->step[i];
    }
    lie.dims[2] = matrix->transposed ? columns : rows;
    lie.dims[3] = matrix->transposed ? rows : columns;
    lie.strides[2] = matrix->transposed ? 1 : stride;
    lie.strides[3] = matrix->transposed ? stride : 1;
    return lie;
}

static dnnl_status_t describe(desc *out, const struct lie *lie)
{
    const int first = lie->dims[0] * lie->dims[1] > 1 ? 0 : 2;
    return desc_strided(out, RANK - first, lie->dims + first, lie->type, lie->strides + first);
}

static void matrix_plan_free(struct matrix_plan *planned)
{
    plan_free(planned->plan);
    desc_free(planned->weights);
    free(planned);
}

static void forget_all(struct plans *plans)
{
    for (struct matrix_plan *planned = plans->first, *next; planned; planned = next) {
        next = planned->next;
        matrix_plan_free(planned);
    }
    plans->first = NULL;
    plans->count = 0;
}

void matrix_plans_free(struct plans *plans)
{
    forget_all(plans);
    if (plans->engine)
        dnnl_engine_destroy(plans->engine);
    free(plans);
}

static int plans_open(struct stream *stream, struct err *err)
{
    if (stream->plans)
        return 0;
    stream->plans = mem_new(1, sizeof *stream->plans);
    if (!stream->plans)
        return err_memory(err, sizeof *stream->plans);
    const dnnl_status_t status = dnnl_engine_create(&stream->plans->engine, dnnl_cpu, 0);
    return status ? dnnl_fail(err, "open its engine", status) : 0;
}

static dnnl_status_t build(struct matrix_plan *planned, dnnl_engine_t engine)
{
    const dnnl_dim_t n = planned->out.dims[3];
    struct plan *plan = planned->plan;
    dnnl_status_t status;
    plan->epilogue = planned->accumulate ? EPILOGUE_ADD : EPILOGUE_NONE;
    if ((status = describe(&plan->src, &planned->a)) || (status = describe(&plan->dst, &planned->out)) ||
        (status = describe(&planned->weights, &planned->b)) ||
        (planned->has_bias &&
            (status = desc_strided(&plan->bias, 2, (dnnl_dims_t){1, n}, dnnl_f32, (dnnl_dims_t){n, 1}))))
        return status;
    return plan_prepare(plan, engine, planned->weights, NULL);
}

static bool is_same(const struct matrix_plan *a, const struct matrix_plan *b)
{
    return a->accumulate == b->accumulate && a->has_bias == b->has_bias &&
           !memcmp(&a->out, &b->out, sizeof a->out) && !memcmp(&a->a, &b->a, sizeof a->a) &&
           !memcmp(&a->b, &b->b, sizeof a->b);
}

/* The plan that is as the key: from the stream's list, or new. */
static int matrix_plan_get(
    const struct matrix_plan **out, struct stream *stream, const struct matrix_plan *key, struct err *err)
{
    enum { MOST = 1024 }; /* texts come in many lengths */
    struct plans *plans = stream->plans;
    for (const struct matrix_plan *planned = plans->first; planned; planned = planned->next)
        if (is_same(planned, key)) {
            *out = planned;
            return 0;
        }
    if (plans->count == MOST) {
        const int rc = stream_finish(stream, err); /* for what runs by them */
        if (rc)
            return rc;
        forget_all(plans);
    }
    struct matrix_plan *planned = mem_new(1, sizeof *planned);
    struct plan *plan = mem_new(1, sizeof *plan);
    if (!planned || !plan) {
        free(planned);
        free(plan);
        return err_memory(err, sizeof *planned + sizeof *plan);
    }
    *planned = *key;
    planned->plan = plan;
    const dnnl_status_t status = build(planned, plans->engine);
    if (status) {
        matrix_plan_free(planned);
        return dnnl_fail(err, "plan a product", status);
    }
    planned->next = plans->first;
    plans->first = planned;
    plans->count++;
    *out = planned;
    return 0;
}

/* What the native kernel is called with. */
struct task {
    void *out, *a, *b, *bias;
    const struct matrix_plan *planned;
};

static int task_run(void *argument, struct stream *stream)
{
    const struct task *task = argument;
    const dnnl_engine_t engine = stream->plans->engine;
    struct operands operands = {.src = task->a, .dst = task->out, .bias = task->bias};
    dnnl_status_t status = dnnl_memory_create(&operands.weights, task->planned->weights, engine, task->b);
    if (!status) {
        status = plan_run(task->planned->plan, engine, stream, &operands);
        dnnl_memory_destroy(operands.weights);
    }
    return (int)status;
}

int multiply_matrices(struct stream *stream, const struct matrix *out, const struct matrix *a,
    const struct matrix *b, const struct tensor *bias, bool accumulate, struct err *err)
{
    const struct matrix_plan key = {.out = lie_of(out),
        .a = lie_of(a),
        .b = lie_of(b),
        .has_bias = bias->buffer != NULL,
        .accumulate = accumulate};
    struct task task = {.out = tensor_host(out->tensor),
        .a = tensor_host(a->tensor),
        .b = tensor_host(b->tensor),
        .bias = key.has_bias ? tensor_host(*bias) : NULL};
    if (!task.out || !task.a || !task.b || (key.has_bias && !task.bias))
        return err_set(err, ERR_DEVICE, "operands of a product do not lie in memory of the host");
    int rc = plans_open(stream, err);
    if (!rc)
        rc = matrix_plan_get(&task.planned, stream, &key, err);
    if (rc)
        return rc;
    return native_enqueue(stream, task_run, &task, sizeof task, false, err);
}
