// SPDX-License-Identifier: Apache-2.0
#include "compute/gemm/onednn_plan.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- plans --------------------------------------------------------------------------------------------- */

int dnnl_fail(struct err *err, const char *what, dnnl_status_t status)
{
    return err_set(err, ERR_DEVICE, "oneDNN failed to %s: status %d", what, (int)status);
}

dnnl_data_type_t data_type(enum dtype dtype)
{
    return dtype == DTYPE_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_status_t epilogue_attributes(dnnl_primitive_attr_t *out, enum epilogue epilogue)
{
    dnnl_post_ops_t ops;
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    /* The library's own scratchpad belongs to the thread that made the primitive; ours run on the device's
     * threads. */
    if (!status)
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status || epilogue == EPILOGUE_NONE)
        return status;
    if ((status = dnnl_post_ops_create(&ops)))
        return status;
    switch (epilogue) {
    case EPILOGUE_QUICK_GELU:
        status = append_activation(ops, dnnl_eltwise_swish, 1.702f);
        break;
    case EPILOGUE_GELU:
        status = append_activation(ops, dnnl_eltwise_gelu_erf, 0);
        break;
    case EPILOGUE_GELU_TANH:
        status = append_activation(ops, dnnl_eltwise_gelu_tanh, 0);
        break;
    case EPILOGUE_RELU:
        status = append_activation(ops, dnnl_eltwise_relu, 0);
        break;
    default:
        status = append_sum(ops);
        break;
    }
    if (!status)
        status = dnnl_primitive_attr_set_post_ops(*out, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    if (plan->primitive)
        dnnl_primitive_destroy(plan->primitive);
    desc_free(plan->src);
    desc_free(plan->bias);
    desc_free(plan->dst);
    desc_free(plan->scratchpad);
    free(plan);
}

dnnl_status_t plan_prepare(struct plan *plan, dnnl_engine_t engine, desc weights, desc *chosen)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t primitive = NULL;
    dnnl_status_t status;

    if ((status = epilogue_attributes(&attributes, plan->epilogue)) ||
        (status = matmul_desc(&primitive, engine, plan->src, weights, plan->bias, plan->dst, attributes)))
        goto done;
    if (chosen)
        status = (*chosen = desc_query(primitive, dnnl_query_weights_md)) ? dnnl_success : dnnl_out_of_memory;
    else if (!(plan->scratchpad = desc_query(primitive, dnnl_query_scratchpad_md)))
        status = dnnl_out_of_memory;
    else
        status = dnnl_primitive_create(&plan->primitive, primitive);
done:
    if (primitive)
        dnnl_primitive_desc_destroy(primitive);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    return status;
}

static dnnl_status_t plan_build(struct plan *plan, const struct linear *linear, dnnl_engine_t engine,
    bool has_bias, desc weights, desc *chosen)
{
    const dnnl_dim_t m = (dnnl_dim_t)plan->rows, n = (dnnl_dim_t)linear->n, k = (dnnl_dim_t)linear->k;
    dnnl_status_t status;
    if ((status = desc_strided(
             &plan->src, 2, (dnnl_dims_t){m, k}, data_type(linear->dtype), (dnnl_dims_t){k, 1})) ||
        (status = desc_strided(
             &plan->dst, 2, (dnnl_dims_t){m, n}, data_type(plan->out_dtype), (dnnl_dims_t){n, 1})) ||
        (has_bias &&
            (status = desc_strided(&plan->bias, 2, (dnnl_dims_t){1, n}, dnnl_f32, (dnnl_dims_t){n, 1}))))
        return status;
    return plan_prepare(plan, engine, weights, chosen);
}

int plan_get(struct plan **out, const struct linear *linear, const struct plan *key, struct err *err)
{
    struct packed *packed = linear->packed;
    struct plan *plan = NULL;
    int rc = 0;

    pthread_mutex_lock(&packed->lock);
    for (size_t i = 0; i < packed->plan_count && !plan; i++) {
        struct plan *p = packed->plans[i];
        if (p->rows == key->rows && p->epilogue == key->epilogue && p->out_dtype == key->out_dtype)
            plan = p;
    }
    if (!plan) {
        plan = mem_new(1, sizeof *plan);
        if (!plan) {
            rc = err_memory(err, sizeof *plan);
            goto done;
        }
        *plan = *key;
        const dnnl_status_t status =
            plan_build(plan, linear, packed->engine, packed->bias != NULL, packed->layout, NULL);
        if (status) {
            plan_free(plan);
            rc = dnnl_fail(err, "plan a product", status);
            goto done;
        }
        if (packed->plan_count < PLANS_MAX)
            packed->plans[packed->plan_count++] = plan;
        else
            plan->one_off = true;
    }
    *out = plan;
done:
    pthread_mutex_unlock(&packed->lock);
    return rc;
}

/* ---- running ------------------------------------------------------------------------------------------- */

enum { SRC, DST, SCRATCHPAD, BIAS, MEMORIES };

static dnnl_status_t list_memories(dnnl_memory_t memories[MEMORIES], const struct plan *plan,
    dnnl_engine_t engine, struct stream *stream, const struct operands *operands)
{
    const size_t bytes = dnnl_memory_desc_get_size(plan->scratchpad);
    void *scratchpad = stream_scratch(stream, bytes);
    dnnl_status_t status = scratchpad || !bytes ? dnnl_success : dnnl_out_of_memory;
    if (!status)
        status = dnnl_memory_create(&memories[SRC], plan->src, engine, operands->src);
    if (!status)
        status = dnnl_memory_create(&memories[DST], plan->dst, engine, operands->dst);
    if (!status)
        status = dnnl_memory_create(&memories[SCRATCHPAD], plan->scratchpad, engine, scratchpad);
    if (!status && plan->bias)
        status = dnnl_memory_create(&memories[BIAS], plan->bias, engine, operands->bias);
    return status;
}

dnnl_status_t plan_run(
    const struct plan *plan, dnnl_engine_t engine, struct stream *stream, const struct operands *operands)
{
    dnnl_memory_t memories[MEMORIES] = {0};
    dnnl_stream_t queue = NULL;

    dnnl_status_t status = list_memories(memories, plan, engine, stream, operands);
    if (!status)
        status = dnnl_stream_create(&queue, engine, dnnl_stream_default_flags);
    if (!status) {
        const dnnl_exec_arg_t arguments[] = {
            {DNNL_ARG_SRC, memories[SRC]},
            {DNNL_ARG_WEIGHTS, operands->weights},
            {DNNL_ARG_DST, memories[DST]},
            {DNNL_ARG_SCRATCHPAD, memories[SCRATCHPAD]},
            {DNNL_ARG_BIAS, memories[BIAS]},
        };
        status = dnnl_primitive_execute(plan->primitive, queue, plan->bias ? 5 : 4, arguments);
    }
    if (!status)
        status = dnnl_stream_wait(queue);

    if (queue)
        dnnl_stream_destroy(queue);
    for (int i = 0; i < MEMORIES; i++)
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    return status;
}

/* ---- weights ------------------------------------------------------------------------------------------- */

void packed_free(struct linear *linear)
{
    struct packed *packed = linear->packed;
    if (!packed)
        return;
    for (size_t i = 0; i < packed->plan_count; i++)
        plan_free(packed->plans[i]);
    if (packed->weights)
        dnnl_memory_destroy(packed->weights);
    desc_free(packed->layout);
    if (packed->engine)
        dnnl_engine_destroy(packed->engine);
    pthread_mutex_destroy(&packed->lock);
    free(packed->memory);
    free(packed->bias);
    free(packed);
}

/* How many threads OpenMP may use for the calling one from now on; returns how many it might before. Which
 * OpenMP that is, oneDNN brings with it; where it was built on something else, nothing is set. */
static int openmp_threads(int threads)
{
    int (*get)(void) = NULL;
    void (*set)(int) = NULL;
    void *symbols[] = {
        dlsym(RTLD_DEFAULT, "omp_get_max_threads"), dlsym(RTLD_DEFAULT, "omp_set_num_threads")};
    if (!symbols[0] || !symbols[1])
        return threads;
    memcpy(&get, &symbols[0], sizeof get);
    memcpy(&set, &symbols[1], sizeof set);
    const int before = get();
    set(threads);
    return before;
}

/* Copies from, (K, N) seen through its strides, into memory of the packed layout. On this thread alone:
 * layers are loaded side by side already, and OpenMP's threads spin while they wait for each other. */
static dnnl_status_t reorder(struct packed *packed, desc plain, const float *weight)
{
    dnnl_primitive_desc_t primitive_desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t from = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t status;
    const int threads = openmp_threads(1);

    packed->memory = mem_large(dnnl_memory_desc_get_size(packed->layout));
    if ((status = packed->memory ? dnnl_success : dnnl_out_of_memory) ||
        (status = dnnl_memory_create(&from, plain, packed->engine, (void *)weight)) ||
        (status = dnnl_memory_create(&packed->weights, packed->layout, packed->engine, packed->memory)) ||
        (status = dnnl_reorder_primitive_desc_create(
             &primitive_desc, plain, packed->engine, packed->layout, packed->engine, NULL)) ||
        (status = dnnl_primitive_create(&primitive, primitive_desc)) ||
        (status = dnnl_stream_create(&stream, packed->engine, dnnl_stream_default_flags)))
        goto done;
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, packed->weights}};
    status = dnnl_primitive_execute(primitive, stream, 2, arguments);
    if (!status)
        status = dnnl_stream_wait(stream);
done:
    openmp_threads(threads);
    if (stream)
        dnnl_stream_destroy(stream);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (primitive_desc)
        dnnl_primitive_desc_destroy(primitive_desc);
    if (from)
        dnnl_memory_destroy(from);
    return status;
}

int packed_open(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    enum { TYPICAL_ROWS = 800 }; /* ViT-B/32, batch 16: what the layout is chosen for */
    (void)device;
    struct packed *packed = mem_new(1, sizeof *packed);
    struct plan *typical = mem_new(1, sizeof *typical);
    desc any = NULL, plain = NULL;
    dnnl_status_t status = dnnl_out_of_memory;
    if (!packed || !typical) {
        free(packed);
        goto done;
    }
    pthread_mutex_init(&packed->lock, NULL);
    linear->packed = packed;
    *typical = (struct plan){.rows = TYPICAL_ROWS, .out_dtype = linear->dtype};

    const dnnl_dims_t dims = {(dnnl_dim_t)linear->k, (dnnl_dim_t)linear->n},
                      strides = {1, (dnnl_dim_t)linear->k};
    status = dnnl_engine_create(&packed->engine, dnnl_cpu, 0);
    if (!status && linear->lasting && linear->dtype == DTYPE_F32) {
        linear->in_place = true;
        if (!(status = desc_strided(&packed->layout, 2, dims, dnnl_f32, strides)))
            status = dnnl_memory_create(&packed->weights, packed->layout, packed->engine, (void *)weight);
    } else if (!status && !(status = desc_any(&any, 2, dims, data_type(linear->dtype))) &&
               !(status = desc_strided(&plain, 2, dims, dnnl_f32, strides)) &&
               !(status = plan_build(typical, linear, packed->engine, false, any, &packed->layout)))
        status = reorder(packed, plain, weight);
done:
    desc_free(any);
    desc_free(plain);
    plan_free(typical);
    return status ? dnnl_fail(err, "pack weights", status) : 0;
}

int packed_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    struct packed *packed = linear->packed;
    (void)device;
    return host_copy(&packed->bias, bias, linear->n, err);
}
