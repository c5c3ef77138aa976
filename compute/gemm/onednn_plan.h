// SPDX-License-Identifier: Apache-2.0
/*
 * Inside compute: a layer's weights as oneDNN wants them, and its products made ready to run.
 *
 * Weights are reordered once, at load, to the layout oneDNN picks for a large batch, or stay as they lie in a file
 * (device_options.weights_in_file); products for every other number of rows are asked to take that layout.
 */
#ifndef DIPTYCH_COMPUTE_GEMM_ONEDNN_PLAN_H
#define DIPTYCH_COMPUTE_GEMM_ONEDNN_PLAN_H

#include "compute/gemm/gemm.h"
#include "compute/gemm/onednn_versions.h"

/* A product ready to run: one for each number of rows, epilogue and type of result that was asked for. */
struct plan {
    size_t rows;
    enum epilogue epilogue;
    enum dtype out_dtype;
    bool one_off; /* the table was full: whoever runs it frees it */
    dnnl_primitive_t primitive;
    desc src, bias, dst, scratchpad;
};

/* weights: the layout to take of a plan that has all the other descriptors. With `chosen` it is "any", the library's choice
 * goes there, and nothing is made to run. */
dnnl_status_t plan_prepare(struct plan *plan, dnnl_engine_t engine, desc weights, desc *chosen);

/* What a plan runs on; bias where it has one. */
struct operands {
    void *src, *dst, *bias;
    dnnl_memory_t weights;
};

/* Inside a native kernel of the stream. */
dnnl_status_t plan_run(
    const struct plan *plan, dnnl_engine_t engine, struct stream *stream, const struct operands *operands);

dnnl_data_type_t data_type(enum dtype dtype);
int dnnl_fail(struct err *err, const char *what, dnnl_status_t status);

enum { PLANS_MAX = 128 }; /* texts come in many lengths; after that a plan is made for each use */

/* What linear->packed is. */
struct packed {
    dnnl_engine_t engine;
    desc layout;  // of the weights, (K, N)
    void *memory; /* that they lie in; NULL: that of a file */
    dnnl_memory_t weights;
    float *bias;          // (N), or NULL
    pthread_mutex_t lock; /* guards plans; a plan in the table lives as long as the layer */
    struct plan *plans[PLANS_MAX];
    size_t plan_count;
};

/* As struct layer_provider has them. */
int packed_open(struct linear *linear, struct device *device, const float *weight, struct err *err);
int packed_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err);
void packed_free(struct linear *linear);

/* The plan with key's rows, epilogue and type of result: from the layer's table, or new. */
int plan_get(struct plan **out, const struct linear *linear, const struct plan *key, struct err *err);
void plan_free(struct plan *plan);

/* As struct layer_provider has them. */
int multiply_matrices(struct stream *stream, const struct matrix *out, const struct matrix *a,
    const struct matrix *b, const struct tensor *bias, bool accumulate, struct err *err);
void matrix_plans_free(struct plans *plans);

#endif
